"""Ask a batch: bounded concurrency, retries that honour the server's wish, cache, ledger, order kept."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from shared.llm._cache import ReplyCache
from shared.llm._chat import ChatBackend, Refused, Reply, Request, Transient
from shared.llm._ledger import Ledger, Prices, tokens_of
from shared.llm._parse import Malformed, any_text
from shared.runs import progress

T = TypeVar("T")


@dataclass(frozen=True)
class Sending:
    """How a batch is sent.

    Attributes:
        concurrency: requests under way at once.
        attempts: tries a request before it counts as failed.
        first_wait: seconds; the wait before attempt k is random up to `first_wait * 2**(k - 1)`.
        longest_wait: seconds; no wait is longer, also if the server asks for more.
        delay: seconds between the starts of two requests, over all threads.
    """

    concurrency: int = 4
    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    delay: float = 0.0


class Answer(NamedTuple, Generic[T]):
    """One parsed answer.

    Attributes:
        value: what the parser made of the text; None = unscored.
        raw: the text as it came, also of malformed answers; None if there is none.
        problem: "" or why the value is missing ("malformed: ...", "refused: ...", "failed: ...").
        truncated: whether the text was cut at the token limit.
        cached: whether it came from the cache.
    """

    value: T | None
    raw: str | None
    problem: str
    truncated: bool
    cached: bool


class Answers(NamedTuple, Generic[T]):
    """The batch in the order asked, and its ledger."""

    answers: list[Answer[T]]
    ledger: Ledger

    @property
    def values(self) -> list[T | None]:
        """The parsed values in the order asked; None = unscored."""
        return [answer.value for answer in self.answers]

    @property
    def n_unscored(self) -> int:
        """How many values are missing."""
        return sum(answer.value is None for answer in self.answers)


class _Outcome(NamedTuple):
    reply: Reply | None
    problem: str
    retries: int
    cached: bool


def ask_all(
    backend: ChatBackend,
    requests: Sequence[Request],
    *,
    parse: Callable[[str], Any] = any_text,
    cache: Path | None = None,
    sending: Sending | None = None,
    prices: Prices | None = None,
    what: str = "answers",
) -> Answers[Any]:
    """Ask every request once and parse what comes back.

    Args:
        backend: the model.
        requests: the batch; equal requests are sent once and share the answer (set `repeat` to tell them apart).
        parse: makes a value of an answer's text; raises `Malformed` for text that is not what was asked for.
        cache: folder of the reply cache (`default_cache()`); None keeps nothing. Failures are never kept.
        sending: concurrency, attempts, waits; None: the defaults.
        prices: US dollars for a million tokens; None: costs nothing.
        what: noun phrase for the progress bar.

    Returns:
        Answers in the order of the requests. A malformed, refused or failed answer is unscored and counted.

    Raises:
        UserError: the backend cannot work at all (wrong key, unknown model). What was answered before is cached.
    """
    kept, how = ReplyCache(cache), sending or Sending()
    # Equal requests are one question: it is paid for once, whatever the number of rows that ask it.
    distinct = list(dict.fromkeys(requests))
    outcomes = dict(zip(distinct, _outcomes(backend, distinct, kept, how, what), strict=True))
    answers = [_answer(outcomes[asked], parse) for asked in requests]
    return Answers(answers, _ledger(backend.name, list(outcomes.values()), answers, prices or Prices()))


def _outcomes(
    backend: ChatBackend, requests: list[Request], kept: ReplyCache, how: Sending, what: str
) -> list[_Outcome]:
    pace = _Pace(how.delay)
    pool = ThreadPoolExecutor(max_workers=how.concurrency)
    try:
        futures = [pool.submit(_outcome, backend, asked, kept, how, pace) for asked in requests]
        return [future.result() for future in progress(futures, what)]
    finally:
        # After a wrong key nothing that waits is sent; what is under way is awaited, for it is paid for.
        pool.shutdown(wait=True, cancel_futures=True)


def _outcome(backend: ChatBackend, asked: Request, kept: ReplyCache, how: Sending, pace: "_Pace") -> _Outcome:
    known = kept.get(backend.name, asked)
    if known is not None:
        return _Outcome(known, "", 0, True)
    outcome = _sent(backend, asked, how, pace)
    # Kept before anyone parses it: a malformed answer was paid for too, and another parser may read it.
    if outcome.reply is not None:
        kept.put(backend.name, asked, outcome.reply)
    return outcome


def _sent(backend: ChatBackend, asked: Request, how: Sending, pace: "_Pace") -> _Outcome:
    retrying = Retrying(
        retry=retry_if_exception_type(Transient),
        stop=stop_after_attempt(how.attempts),
        wait=_Wait(how),
        reraise=True,
    )
    try:
        reply = retrying(lambda: pace.then(lambda: backend.complete(asked)))
    except Transient as failure:
        return _Outcome(None, f"failed: {failure}", retrying.statistics["attempt_number"] - 1, False)
    except Refused as refusal:
        return _Outcome(None, f"refused: {refusal}", retrying.statistics["attempt_number"] - 1, False)
    return _Outcome(reply, "", retrying.statistics["attempt_number"] - 1, False)


class _Wait(wait_random_exponential):
    """Random exponential waits, and never less than the server's Retry-After."""

    def __init__(self, how: Sending) -> None:
        super().__init__(multiplier=how.first_wait, max=how.longest_wait)
        self._longest = how.longest_wait

    def __call__(self, retry_state: RetryCallState) -> float:
        failure = retry_state.outcome.exception() if retry_state.outcome else None
        asked_for = failure.retry_after if isinstance(failure, Transient) else None
        return min(self._longest, max(super().__call__(retry_state), asked_for or 0.0))


class _Pace:
    """Starts of requests at least `delay` seconds apart, over all threads."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def then(self, call: Callable[[], Reply]) -> Reply:
        with self._lock:
            start = max(time.monotonic(), self._next)
            self._next = start + self._delay
        time.sleep(max(0.0, start - time.monotonic()))
        return call()


def _answer(outcome: _Outcome, parse: Callable[[str], T]) -> Answer[T]:
    if outcome.reply is None:
        return Answer(None, None, outcome.problem, False, False)
    text, truncated = outcome.reply.text, outcome.reply.finish == "length"
    try:
        return Answer(parse(text), text, "", truncated, outcome.cached)
    except Malformed as problem:
        return Answer(None, text, f"malformed: {problem}", truncated, outcome.cached)


def _ledger(name: str, outcomes: list[_Outcome], answers: list[Answer[Any]], prices: Prices) -> Ledger:
    sent = [outcome.reply for outcome in outcomes if outcome.reply is not None and not outcome.cached]
    failed = sum(answer.raw is None for answer in answers)
    prompt_tokens, completion_tokens = tokens_of(sent)
    return Ledger(
        backend=name,
        n=len(answers),
        n_sent=len(sent),
        n_cached=len(answers) - len(sent) - failed,
        n_failed=failed,
        n_malformed=sum(answer.problem.startswith("malformed") for answer in answers),
        n_truncated=sum(answer.truncated for answer in answers),
        n_retries=sum(outcome.retries for outcome in outcomes),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost=prices.cost(prompt_tokens, completion_tokens),
    )
