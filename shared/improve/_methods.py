"""Two ways to a better answer: from the user's feedback, or from the same context without it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from shared.improve._leakage import Leak, find_leak
from shared.llm import (
    Answer,
    Bill,
    ChatBackend,
    Ledger,
    Message,
    Prices,
    Request,
    Sending,
    ask_all,
    estimate_bill,
    request,
)

Method = Literal["feedback", "alternative"]
GENERATION_METHODS: dict[Method, str] = {"feedback": "feedback_based", "alternative": "alternative_generation"}
IMPROVABLE = ("UR2", "UR3")
KEPT = ("UR5",)

IMPROVEMENT_PROMPT = """\
You improve answers of an assistant. You see a conversation, the answer that the assistant gave last, and how the user \
reacted to it. Write the answer that the assistant should have given in its place: correct what the user criticises, \
keep what was right, and answer the user's question directly. Write it as if the reaction had never been made: do not \
mention it, do not quote it, do not apologise. Write the answer only."""


class Improved(NamedTuple):
    """Training conversations and what could not become one.

    Attributes:
        rows: one a chat, in the order given: `conversation_id`, `messages` (ending with the assistant's answer),
            `feedback_category`, `improved`, `generation_method`, `original_assistant_response`,
            `improvement_timestamp`, `feedback`, `reference`, `feedback_leak` (quoted words, "" if none), `truncated`.
            Chats kept unchanged have `improved` false and null for method and timestamp.
        not_improved: `conversation_id` and `reason` of chats without a usable answer.
        ledger: requests, tokens, cost.
    """

    rows: list[dict[str, Any]]
    not_improved: list[dict[str, str]]
    ledger: Ledger


def improvement_requests(
    chats: Sequence[Mapping[str, Any]],
    method: Method,
    *,
    temperature: float = 0.0,
    max_tokens: int = 512,
    seed: int = 0,
) -> list[Request]:
    """One request a chat whose answer is to be improved (UR2 and UR3); the others ask nothing.

    Args:
        chats: rows with `messages` `[..., assistant, user feedback]` and `category`.
        method: "feedback" sends conversation, answer and feedback with an improvement prompt; "alternative" sends the
            context before the answer only, as if it were asked for the first time.
        temperature: of the model.
        max_tokens: limit of an answer.
        seed: of sampling.
    """
    build = _with_feedback if method == "feedback" else _without_feedback
    return [
        request(build(chat["messages"]), temperature=temperature, max_tokens=max_tokens, seed=seed)
        for chat in chats
        if chat["category"] in IMPROVABLE
    ]


def _with_feedback(messages: Sequence[Message]) -> list[Message]:
    context = "\n\n".join(f"[{message['role']}]\n{message['content']}" for message in messages[:-2])
    material = (
        f"<conversation>\n{context}\n</conversation>\n\n<answer>\n{messages[-2]['content']}\n</answer>\n\n"
        f"<reaction>\n{messages[-1]['content']}\n</reaction>"
    )
    return [{"role": "system", "content": IMPROVEMENT_PROMPT}, {"role": "user", "content": material}]


def _without_feedback(messages: Sequence[Message]) -> list[Message]:
    # Neither the criticised answer nor the reaction: what the model writes here cannot have leaked from them.
    return [{"role": message["role"], "content": message["content"]} for message in messages[:-2]]


def improvement_bill(
    backend: ChatBackend, requests: Sequence[Request], *, prices: Prices | None = None, cache: Path | None = None
) -> Bill:
    """What the requests cost at most; nothing is sent."""
    return estimate_bill(backend, requests, prices=prices, cache=cache)


def improve_chats(
    chats: Sequence[Mapping[str, Any]],
    backend: ChatBackend,
    method: Method,
    *,
    now: datetime,
    temperature: float = 0.0,
    max_tokens: int = 512,
    seed: int = 0,
    cache: Path | None = None,
    sending: Sending | None = None,
    prices: Prices | None = None,
) -> Improved:
    """Replace the last answer of chats with negative feedback; keep those with positive feedback.

    Args:
        chats: rows of the stage `feedback` with categories UR2, UR3 (improved) and UR5 (kept); others are left out with
            a reason.
        backend: the model that writes better answers.
        method: see `improvement_requests`.
        now: goes into `improvement_timestamp`.
        temperature: of the model.
        max_tokens: limit of an answer.
        seed: of sampling.
        cache: folder of the reply cache; with it a killed run goes on where it was.
        sending: concurrency, attempts, delay.
        prices: US dollars for a million tokens.

    Returns:
        Improved. A failed, refused or empty answer makes no training row; it is listed with its reason.
    """
    asked = improvement_requests(chats, method, temperature=temperature, max_tokens=max_tokens, seed=seed)
    got = ask_all(backend, asked, cache=cache, sending=sending, prices=prices, what=f"answers ({method})")
    answers = iter(got.answers)
    rows: list[dict[str, Any]] = []
    left_out: list[dict[str, str]] = []
    for chat in chats:
        if chat["category"] in IMPROVABLE:
            answer = next(answers)
            reason = answer.problem
            row = _improved_row(chat, answer, method, now) if not reason else {}
        else:
            reason = (
                ""
                if chat["category"] in KEPT
                else f"category '{chat['category'] or 'none'}' is neither improved nor kept"
            )
            row = _kept_row(chat)
        if reason:
            left_out.append({"conversation_id": chat["conversation_id"], "reason": reason})
        else:
            rows.append(row)
    return Improved(rows, left_out, got.ledger)


def _kept_row(chat: Mapping[str, Any]) -> dict[str, Any]:
    messages = [dict(message) for message in chat["messages"][:-1]]
    return {
        "conversation_id": chat["conversation_id"],
        "messages": messages,
        "feedback_category": chat["category"],
        "improved": False,
        "generation_method": None,
        "original_assistant_response": messages[-1]["content"],
        "improvement_timestamp": None,
        "feedback": chat["messages"][-1]["content"],
        "reference": chat.get("reference") or "",
        "feedback_leak": "",
        "truncated": False,
    }


def _improved_row(chat: Mapping[str, Any], answer: Answer[str], method: Method, now: datetime) -> dict[str, Any]:
    kept = _kept_row(chat)
    text = str(answer.value)
    # Both methods are checked: without the feedback a hit is chance, and its rate shows how often the flag is wrong.
    leak: Leak | None = find_leak(text, kept["feedback"], kept["messages"][:-1])
    return kept | {
        "messages": [*kept["messages"][:-1], {"role": "assistant", "content": text}],
        "improved": True,
        "generation_method": GENERATION_METHODS[method],
        "improvement_timestamp": now.isoformat(timespec="seconds"),
        "feedback_leak": leak.words if leak else "",
        "truncated": answer.truncated,
    }
