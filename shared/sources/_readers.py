"""One reader a corpus layout: raw rows to dialogues with labels kept apart from texts.

A reader copies turn texts and roles into `messages` and nothing else. Labels go to their own fields; what describes
the whole dialogue (situation, problem, survey answers) goes to `dropped`, which only the leakage probe may see.
"""

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.runs import UserError

Message = dict[str, Any]  # role: system, user or assistant; content; optional weight of its tokens in the loss
_ROLES = {
    "usr": "user", "seeker": "user", "speaker": "user", "user": "user",
    "sys": "assistant", "supporter": "assistant", "listener": "assistant", "assistant": "assistant",
}  # fmt: skip
MISSING = float("nan")


@dataclass(frozen=True)
class Dialogue:
    """One supervised moment of a corpus, before it becomes tokens.

    Attributes:
        conversation_id: unique across corpora; splits and intervals go by it.
        messages: turns up to and including the answer, or up to the user's turn where there is no answer.
        has_answer: the last message is an assistant turn to learn.
        emotion: name of the user's emotion, "" if unlabelled.
        strategy: name of the answer's support strategy, "" if unlabelled.
        valence: pleasantness of the user's turn in [-1, 1]; NaN if unlabelled.
        arousal: excitement in the user's turn in [-1, 1]; NaN if unlabelled.
        dropped: metadata that must never reach an input, by field.
    """

    source: str
    split: str
    conversation_id: str
    messages: list[Message]
    has_answer: bool
    emotion: str = ""
    strategy: str = ""
    valence: float = MISSING
    arousal: float = MISSING
    dropped: dict[str, str] = field(default_factory=dict)


class Rejected(NamedTuple):
    """A row that was not used, and why."""

    source: str
    split: str
    line: int
    reason: str


Read = Iterator[Dialogue | Rejected]
Reader = Callable[[list[dict[str, Any]], str], Read]


def read_esconv(rows: list[dict[str, Any]], split: str, source: str = "esconv") -> Read:
    """ESConv: one example for each supporter turn, with that turn's strategy.

    Reads the hub layout (each row's `text` is a JSON object as a string) and the flat layout of `ESConv_Original`.
    """
    for line, row in enumerate(rows, start=1):
        parsed = _json_row(row)
        if isinstance(parsed, str):
            yield Rejected(source, split, line, parsed)
            continue
        reason = _esconv_problem(parsed)
        if reason:
            yield Rejected(source, split, line, reason)
        else:
            yield from _supporter_turns(parsed, source, split, f"{source}-{split}-{line}")


def _json_row(row: Mapping[str, Any]) -> dict[str, Any] | str:
    """The object of a row, or why there is none."""
    if "dialog" in row:
        return dict(row)
    try:
        parsed = json.loads(row.get("text") or "")
    except json.JSONDecodeError as error:
        return f"not JSON: {error}"
    return parsed if isinstance(parsed, dict) else "not a JSON object"


def _esconv_problem(row: Mapping[str, Any]) -> str:
    turns = row.get("dialog")
    if not isinstance(turns, list) or not turns:
        return "no dialog"
    unknown = sorted({str(turn.get("speaker")) for turn in turns} - set(_ROLES))
    if unknown:
        return f"unknown speaker {unknown[0]!r}, known are {', '.join(_ROLES)}"
    if not any(_ROLES[turn["speaker"]] == "assistant" for turn in turns):
        return "no assistant turn, so there is nothing to learn"
    return ""


def _supporter_turns(row: Mapping[str, Any], source: str, split: str, conversation: str) -> Iterator[Dialogue]:
    turns = [turn for turn in row["dialog"] if str(turn.get("text") or "").strip()]
    messages = [{"role": _ROLES[turn["speaker"]], "content": str(turn["text"]).strip()} for turn in turns]
    dropped = {key: _as_text(value) for key, value in row.items() if key != "dialog" and _as_text(value)}
    for position, turn in enumerate(turns):
        if messages[position]["role"] == "assistant" and any(m["role"] == "user" for m in messages[:position]):
            yield Dialogue(
                source=source,
                split=split,
                conversation_id=conversation,
                messages=messages[: position + 1],
                has_answer=True,
                strategy=_strategy(turn),
                dropped=dropped,
            )


def _strategy(turn: Mapping[str, Any]) -> str:
    return str(turn.get("strategy") or "").strip().strip("[]")


def _as_text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def read_empathetic(rows: list[dict[str, Any]], split: str, source: str = "empathetic") -> Read:
    """EmpatheticDialogues in the layout of `Adapting/empathetic_dialogues_v2`: `chat_history` and `sys_response`.

    `chat_history` is a list or the text of one; its turns alternate, the speaker comes first. Its 32 emotions are
    another taxonomy than GoEmotions', so they supervise nothing: they are dropped.
    """
    for line, raw in enumerate(rows, start=1):
        row = _json_row(raw) if set(raw) == {"text"} else dict(raw)
        if isinstance(row, str):
            yield Rejected(source, split, line, row)
            continue
        history, answer = _history(row.get("chat_history")), _clean(row.get("sys_response"))
        if not history or not answer:
            reason = "chat_history is empty" if not history else "no assistant turn (sys_response is empty)"
            yield Rejected(source, split, line, reason)
        else:
            yield _empathetic_dialogue(row, history, answer, source, split)


def _empathetic_dialogue(row: Mapping[str, Any], history: list[str], answer: str, source: str, split: str) -> Dialogue:
    roles = ["user" if i % 2 == 0 else "assistant" for i in range(len(history))]
    messages = [{"role": r, "content": t} for r, t in zip(roles, history, strict=True)]
    kept = ("chat_history", "sys_response")
    return Dialogue(
        source=source,
        split=split,
        # Every row of a dialogue repeats its first turn; ids of the hub files count rows, not dialogues.
        conversation_id=f"{source}-{split}-{_short_hash(history[0])}",
        messages=[*messages, {"role": "assistant", "content": answer}],
        has_answer=True,
        dropped={key: _as_text(value) for key, value in row.items() if key not in kept and _as_text(value)},
    )


def _history(value: Any) -> list[str]:
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            return []
    turns = value if isinstance(value, list) else [value]
    return [text for text in map(_clean, turns) if text]


def _clean(value: Any) -> str:
    # The corpus writes commas as a word, because it was once a CSV without quotes.
    return str(value or "").replace("_comma_", ",").strip()


def _short_hash(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:12]


def go_emotions_reader(names: list[str]) -> Reader:
    """A reader of GoEmotions for one list of label names in id order.

    Comments with one label supervise the emotion head; the others are rejected and counted, because cross-entropy
    has no single right answer for them.
    """

    def read(rows: list[dict[str, Any]], split: str, source: str = "go_emotions") -> Read:
        for line, row in enumerate(rows, start=1):
            labels = _label_ids(row.get("labels"))
            text = str(row.get("text") or "").strip()
            reason = _emotion_problem(text, labels, names)
            if reason:
                yield Rejected(source, split, line, reason)
            else:
                yield _one_turn(source, split, f"{row.get('id') or line}", text, emotion=names[labels[0]])

    return read


def _label_ids(value: Any) -> list[int]:
    if isinstance(value, str):
        return [int(part) for part in value.split(",") if part.strip().isdigit()]
    return [int(part) for part in value or []]


MULTI_LABEL = "several labels"


def _emotion_problem(text: str, labels: list[int], names: list[str]) -> str:
    if not text:
        return "no text"
    if len(labels) > 1:
        return MULTI_LABEL
    if not labels:
        return "no label"
    return "" if labels[0] < len(names) else f"label {labels[0]} has no name: {len(names)} names are known"


def read_emobank(rows: list[dict[str, Any]], split: str, source: str = "emobank") -> Read:
    """EmoBank: sentences with valence and arousal on 1–5, brought to [-1, 1]."""
    for line, row in enumerate(rows, start=1):
        text = str(row.get("text") or "").strip()
        valence, arousal = _rating(row.get("V")), _rating(row.get("A"))
        if not text or valence is None or arousal is None:
            yield Rejected(source, split, line, "no text" if not text else f"V={row.get('V')!r}, A={row.get('A')!r}")
        else:
            yield _one_turn(source, split, f"{row.get('id') or line}", text, valence=valence, arousal=arousal)


def _rating(value: Any) -> float | None:
    try:
        rating = float(value)
    except (TypeError, ValueError):
        return None
    return (rating - 3) / 2 if 1 <= rating <= 5 else None


def _one_turn(source: str, split: str, key: str, text: str, **labels: Any) -> Dialogue:
    message = {"role": "user", "content": text}
    return Dialogue(source, split, f"{source}-{key}", [message], has_answer=False, **labels)


def read_messages(rows: list[dict[str, Any]], split: str, source: str = "messages") -> Read:
    """Chats in the common layout: each row a JSON object with `messages` of role and content.

    A message may carry `weight`, 0 or more: how much its tokens count in the loss.
    """
    for line, raw in enumerate(rows, start=1):
        row = _json_row(raw) if set(raw) == {"text"} else dict(raw)
        messages = [] if isinstance(row, str) else row.get("messages")
        reason = row if isinstance(row, str) else _chat_problem(messages)
        if reason:
            yield Rejected(source, split, line, reason)
        else:
            messages = [dict(m) for m in messages or []]
            yield Dialogue(source, split, f"{source}-{split}-{line}", messages, has_answer=True)


def _chat_problem(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        return "no messages"
    incomplete = next((m for m in messages if not isinstance(m, dict) or not isinstance(m.get("content"), str)), None)
    if incomplete is not None:
        return "a message without content"
    roles = [str(m.get("role")) for m in messages]
    unknown = sorted(set(roles) - {"system", "user", "assistant"})
    if unknown:
        return f"unknown role {unknown[0]!r}, known are system, user, assistant"
    if roles[-1] != "assistant":
        return "no assistant turn at the end"
    if "user" not in roles:
        return "no user turn, so the answer answers nothing"
    wrong = [m["weight"] for m in messages if not _is_weight(m.get("weight", 1.0))]
    return f"weight {wrong[0]!r} is not a number of at least 0" if wrong else ""


def _is_weight(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < float("inf")


def encode(values: list[str], vocabulary: list[str], what: str) -> list[int]:
    """Ids of label names; -100 for "" (unlabelled).

    Args:
        values: label names.
        vocabulary: names in id order, from the training split.
        what: the label's noun for the message.

    Raises:
        UserError: a name is not in the vocabulary.
    """
    ids = {name: number for number, name in enumerate(vocabulary)}
    unknown = sorted({value for value in values if value and value not in ids})
    if unknown:
        import difflib

        close = difflib.get_close_matches(unknown[0], vocabulary, n=1, cutoff=0.4)
        hint = f"Did the corpus mean '{close[0]}'? " if close else ""
        raise UserError(
            f"Unknown {what} '{unknown[0]}' ({sum(v in unknown for v in values)} example(s)): the training split "
            f"never has it, so a head cannot learn it. {hint}Known: {', '.join(vocabulary) or 'none'}. "
            "Correct the label or leave it empty."
        )
    return [ids.get(value, -100) if value else -100 for value in values]


def vocabulary(dialogues: list[Dialogue], label: str) -> list[str]:
    """Sorted names of a label ("emotion" or "strategy") in the training split, and only there."""
    return sorted({getattr(d, label) for d in dialogues if d.split == "train"} - {""})


def require_known_labels(dialogues: list[Dialogue], emotions: list[str], strategies: list[str]) -> None:
    """Refuse held-out labels that training never has, before anything is computed from them.

    Raises:
        UserError: see `encode`.
    """
    encode([d.emotion for d in dialogues], emotions, "emotion")
    encode([d.strategy for d in dialogues], strategies, "strategy")
