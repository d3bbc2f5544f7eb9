"""The router: which of two classifiers answers a message, and what is logged about both.

Notable choices: the split is by a hash of the conversation, so that one conversation is always treated alike and
nothing random decides; the LLM runs in a bounded pool with a deadline, so that a slow, hanging or failing LLM costs at
most the deadline and never an answer; what is not needed for the answer is logged when it arrives.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as DeadlineError
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from shared.runs import UserError
from shared.shadow._log import DecisionLog, Signal, message_digest

Mode = Literal["shadow", "canary", "cut_over"]


class Classified(NamedTuple):
    """What a classifier says of a message: a category and its confidence in [0, 1]."""

    category: str
    confidence: float


class Answer(NamedTuple):
    """What the caller gets: the category, its confidence, who gave it, and why that one."""

    category: str
    confidence: float
    source: Literal["encoder", "llm"]
    reason: str


Classifier = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class RouterSettings:
    """How traffic is split.

    Attributes:
        mode: `shadow`: the LLM answers, the encoder is only logged. `canary`: the encoder answers for a share of
            conversations. `cut_over`: the encoder answers; the LLM is asked to audit or when the encoder is unsure.
        canary_share: share of conversations in [0, 1] that the encoder answers in mode `canary`.
        audit_share: share of conversations in [0, 1] on which the LLM is still asked, for the log, in mode `cut_over`.
        escalate_below: confidence in [0, 1] under which the LLM's answer is preferred to the encoder's; 0 = never.
        deadline: seconds to wait for the LLM when its answer is wanted.
        max_waiting: LLM calls that may be under way at once; beyond it the LLM is not asked and the log says so.
        salt: changes which conversations fall into a share.
        log_text: whether the message's text is written to the log; its digest always is.
    """

    mode: Mode = "shadow"
    canary_share: float = 0.1
    audit_share: float = 0.05
    escalate_below: float = 0.0
    deadline: float = 2.0
    max_waiting: int = 32
    salt: str = "colloquy"
    log_text: bool = False

    def __post_init__(self) -> None:
        for name in ("canary_share", "audit_share", "escalate_below"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"Router: {name} is {getattr(self, name)}, expected a share in [0, 1].")
        if self.deadline <= 0 or self.max_waiting < 1:
            raise UserError("Router: deadline must be above 0 seconds and max_waiting at least 1.")


def share_of(conversation_id: str, salt: str) -> float:
    """Where a conversation falls in [0, 1): uniform over conversations, the same for every process and run.

    Source: first 8 bytes of BLAKE2b over salt and identifier, divided by 2^64.
    """
    digest = hashlib.blake2b(f"{salt}\0{conversation_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class Router:
    """Answers messages with one of two classifiers and logs what both said.

    Args:
        encoder: fast local classifier; takes a text, returns at least `category` and `confidence`.
        llm: slow remote classifier of the same form; may raise, hang or be down.
        settings: how traffic is split.
        log: where decisions go.
    """

    def __init__(self, encoder: Classifier, llm: Classifier, settings: RouterSettings, log: DecisionLog) -> None:
        self._encoder, self._llm, self._settings, self._log = encoder, llm, settings, log
        self._pool = ThreadPoolExecutor(settings.max_waiting, thread_name_prefix="llm")
        self._free = threading.BoundedSemaphore(settings.max_waiting)

    def answer(self, conversation_id: str, message: str) -> Answer:
        """The answer for one message; both classifiers' answers are logged, the LLM's when it arrives.

        A call that misses the deadline is logged as `too slow` at once: should it hang, its decision is not lost.

        Raises:
            Whatever the encoder raises, if the LLM cannot answer in its place.
        """
        fast, fast_ms = _timed(self._encoder, message)
        wanted, reason = self._llm_answers(conversation_id, fast)
        asked = self._ask(message) if wanted or self._audits(conversation_id) else None
        row = self._row(conversation_id, message, fast, fast_ms)
        slow = self._wait(asked) if wanted else None
        answer = _chosen(fast, slow, wanted, reason)
        # Logged without the LLM's answer, and not again when it arrives: one message is one line.
        late = wanted and asked is not None and not asked.done()
        self._log_when_done(row | {"served": answer.source, "reason": answer.reason}, asked, late)
        return answer

    def feedback(self, conversation_id: str, message: str, signal: Signal) -> None:
        """Log what the user did after the answer to `message`; see `DecisionLog.feedback`."""
        self._log.feedback(conversation_id, message, signal)

    def close(self) -> None:
        """Stop asking the LLM; calls under way are logged when they end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> "Router":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _llm_answers(self, conversation_id: str, fast: Classified) -> tuple[bool, str]:
        """Whether the LLM's answer is the one to give, and why."""
        settings = self._settings
        if settings.mode == "shadow":
            return True, "shadow"
        in_canary = share_of(conversation_id, settings.salt) < settings.canary_share
        if settings.mode == "canary" and not in_canary:
            return True, "outside the canary share"
        if fast.confidence < settings.escalate_below:
            return True, "encoder below the escalation threshold"
        return False, settings.mode

    def _audits(self, conversation_id: str) -> bool:
        if self._settings.mode != "cut_over":
            return True
        return share_of(conversation_id, f"{self._settings.salt}-audit") < self._settings.audit_share

    def _ask(self, message: str) -> "Future[tuple[Classified, float]] | None":
        if not self._free.acquire(blocking=False):
            return None  # the LLM is backed up: asking more would only lengthen the queue
        future = self._pool.submit(_timed, self._llm, message)
        # The place is free when the call ends, not when its caller stops waiting: a hanging LLM fills the pool once and
        # is then left alone.
        future.add_done_callback(lambda _: self._free.release())
        return future

    def _wait(self, asked: "Future[tuple[Classified, float]] | None") -> Classified | None:
        if asked is None:
            return None
        try:
            failed = asked.exception(timeout=self._settings.deadline)
        except DeadlineError:
            return None
        return None if failed else asked.result()[0]

    def _row(self, conversation_id: str, message: str, fast: Classified, fast_ms: float) -> dict[str, Any]:
        text = {"text": message} if self._settings.log_text else {}
        return {
            "time": time.time(), "mode": self._settings.mode, "conversation_id": conversation_id,
            "message": message_digest(message),
            "encoder_category": fast.category, "encoder_confidence": fast.confidence, "encoder_ms": fast_ms, **text,
        }  # fmt: skip

    def _log_when_done(self, row: dict[str, Any], asked: "Future[tuple[Classified, float]] | None", late: bool) -> None:
        if asked is None or late:
            self._log.write(row | {"llm_status": "too slow" if late else "not asked"})
        else:
            asked.add_done_callback(lambda future: self._log.write(row | _outcome(future)))


def _timed(classify: Classifier, message: str) -> tuple[Classified, float]:
    started = time.perf_counter()
    said = classify(message)
    milliseconds = (time.perf_counter() - started) * 1000
    return Classified(str(said["category"]), float(said["confidence"])), milliseconds


def _chosen(fast: Classified, slow: Classified | None, wanted: bool, reason: str) -> Answer:
    if slow is not None:
        return Answer(*slow, "llm", reason)
    return Answer(*fast, "encoder", "llm failed or too slow" if wanted else reason)


def _outcome(future: "Future[tuple[Classified, float]]") -> dict[str, Any]:
    """What the log says of the LLM: its answer, or which error it ended in (the type only: messages may hold keys)."""
    if future.cancelled():
        return {"llm_status": "cancelled"}
    error = future.exception()
    if error is not None:
        return {"llm_status": f"failed: {type(error).__name__}"}
    said, milliseconds = future.result()
    return {
        "llm_status": "ok", "llm_category": said.category, "llm_confidence": said.confidence, "llm_ms": milliseconds
    }  # fmt: skip
