"""All arms on the same contexts: the original answer, the one from feedback, the one without it, the better of both."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from shared.llm import ChatBackend, Message, Sending, ask_all, one_of, request

ARMS = ("original", "feedback", "alternative", "best_of_both")
_COLUMNS = ["conversation_id", "arm", "answer", "context", "reference", "truncated", "feedback_leak"]
Encode = Callable[[list[str]], Any]
Picker = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], list[str]]

PICK_PROMPT = """\
A user was not content with an answer. Two new answers to the same conversation follow. Which one would have pleased \
the user? Reply with the letter alone: A or B."""


def arm_answers(
    feedback_rows: Sequence[Mapping[str, Any]], alternative_rows: Sequence[Mapping[str, Any]], pick: Picker
) -> pd.DataFrame:
    """Answers of all arms to the contexts that both methods improved.

    Args:
        feedback_rows: rows of `improve_chats` with method "feedback".
        alternative_rows: rows with method "alternative".
        pick: gives "feedback" or "alternative" for each pair of rows; see `pick_by_reference` and `pick_by_model`.

    Returns:
        One row a context and arm: `conversation_id`, `arm`, `answer`, `context` (messages), `reference`, `truncated`,
        `feedback_leak`; four rows a context in the order of `ARMS`.
    """
    # A context that only one method answered would compare different questions, not different methods.
    ours, theirs = common_rows(feedback_rows, alternative_rows)
    chosen = pick(ours, theirs)
    rows = []
    for one, other, better in zip(ours, theirs, chosen, strict=True):
        by_arm = {
            "feedback": one,
            "alternative": other,
            "best_of_both": {"feedback": one, "alternative": other}[better],
        }
        untouched = {**one, "truncated": False, "feedback_leak": ""}
        rows.append(_row(untouched, "original", one["original_assistant_response"]))
        rows += [_row(row, arm, row["messages"][-1]["content"]) for arm, row in by_arm.items()]
    return pd.DataFrame(rows, columns=_COLUMNS)


def common_rows(
    one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The improved rows of conversations that both methods improved, in the order of the first."""
    by_id = {row["conversation_id"]: row for row in other if row["improved"]}
    shared = [row for row in one if row["improved"] and row["conversation_id"] in by_id]
    return shared, [by_id[row["conversation_id"]] for row in shared]


def _row(row: Mapping[str, Any], arm: str, answer: str) -> dict[str, Any]:
    made = {"arm": arm, "answer": answer, "context": list(row["messages"][:-1])}
    return made | {name: row[name] for name in _COLUMNS if name not in made}


def pick_by_reference(encode: Encode) -> Picker:
    """Picks the answer nearer to the reference in embedding space (offline); rows without one keep "feedback"."""

    def pick(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> list[str]:
        if not ours:
            return []
        references = encode([row["reference"] for row in ours])
        one, other = ((encode([_answer(row) for row in rows]) * references).sum(axis=1) for rows in (ours, theirs))
        nearer = other > one
        return [
            "alternative" if better and row["reference"] else "feedback"
            for better, row in zip(nearer, ours, strict=True)
        ]

    return pick


def pick_by_model(backend: ChatBackend, *, cache: Any = None, sending: Sending | None = None) -> Picker:
    """Asks a chat model in both orders; where it goes by position or cannot be read, "feedback" stays."""

    def pick(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> list[str]:
        first = [
            request(_question(one, _answer(one), _answer(two)), max_tokens=5)
            for one, two in zip(ours, theirs, strict=True)
        ]
        second = [
            request(_question(one, _answer(two), _answer(one)), max_tokens=5)
            for one, two in zip(ours, theirs, strict=True)
        ]
        got = ask_all(backend, first + second, parse=one_of(["A", "B"]), cache=cache, sending=sending, what="picks")
        # "B" first and "A" in the other order is the same answer; anything else went by position and changes nothing.
        verdicts = zip(got.values[: len(ours)], got.values[len(ours) :], strict=True)
        return ["alternative" if pair == ("B", "A") else "feedback" for pair in verdicts]

    return pick


def _answer(row: Mapping[str, Any]) -> str:
    return str(row["messages"][-1]["content"])


def _question(row: Mapping[str, Any], first: str, second: str) -> list[Message]:
    context = "\n\n".join(f"[{message['role']}]\n{message['content']}" for message in row["messages"][:-1])
    material = (
        f"<conversation>\n{context}\n</conversation>\n\n<reaction to an earlier answer>\n{row['feedback']}\n"
        f"</reaction to an earlier answer>\n\n<answer A>\n{first}\n</answer A>\n\n<answer B>\n{second}\n</answer B>"
    )
    return [{"role": "system", "content": PICK_PROMPT}, {"role": "user", "content": material}]
