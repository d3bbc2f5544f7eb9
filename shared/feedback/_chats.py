"""Read chats with feedback: what fits, and what does not with the reason."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from shared.feedback._legend import Legend, read_legend
from shared.runs import UserError

_ROLES = ("system", "user", "assistant")


class Chats(NamedTuple):
    """Readable chats and rejected ones.

    Attributes:
        rows: dictionaries with `conversation_id`, `messages`, `category` ("UR1" to "UR5", "" = not labelled),
            `source` ("label" or ""), `span` (the words that are the feedback, "" if not given), `confidence` (NaN, a
            recogniser's), `reference`, and every further field of the file.
        rejected: dictionaries with `conversation_id`, `line` (position in the file from 1) and `reason`.
        legend: the checked legend.
    """

    rows: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    legend: Legend


class Fields(NamedTuple):
    """Names of the fields in the file."""

    conversation_id: str = "conversation_id"
    messages: str = "messages"
    category: str = "feedback_category"
    span: str = "feedback_span"
    reference: str = "reference"


def read_chats(path: Path, *, legend: Mapping[str, str] | None = None, fields: Fields | None = None) -> Chats:
    """Read chats whose final user turn reacts to the answer before it.

    Args:
        path: JSON, either a list of conversations or an object with `conversations` and `legend`; or JSONL.
        legend: meaning by code; replaces the file's own legend.
        fields: names of the fields; None: the defaults.

    Returns:
        Chats in the order of the file. A chat must end `[..., user, assistant, user]`; a label must be in the legend, a
        span must occur in the final turn, ids must be unique.

    Raises:
        UserError: the file is no such JSON, or there is no valid legend.
    """
    conversations, own_legend = _content(path)
    checked = read_legend(legend or own_legend)
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    seen: set[str] = set()
    for line, raw in enumerate(conversations, start=1):
        row, reason = _row(raw, fields or Fields(), checked, line)
        reason = reason or ("its conversation_id occurs twice" if row["conversation_id"] in seen else "")
        if reason:
            rejected.append({"conversation_id": row.get("conversation_id", ""), "line": line, "reason": reason})
        else:
            seen.add(row["conversation_id"])
            rows.append(row)
    return Chats(rows, rejected, checked)


def _content(path: Path) -> tuple[Sequence[Any], Mapping[str, str]]:
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()], {}
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path.name} is not JSON: {error}.") from None
    if isinstance(content, dict) and isinstance(content.get("conversations"), list):
        return content["conversations"], content.get("legend") or {}
    if isinstance(content, list):
        return content, {}
    raise UserError(f"{path.name}: expected a list of conversations, or an object with `conversations` and `legend`.")


def _row(raw: Any, fields: Fields, legend: Legend, line: int) -> tuple[dict[str, Any], str]:
    """The row in our names and "", or what is known of it and why it cannot be used."""
    if not isinstance(raw, dict):
        return {}, f"not an object but {type(raw).__name__}"
    renamed = {str(given): name for given, name in zip(fields, Fields._fields, strict=True)}
    row: dict[str, Any] = {renamed.get(str(name), str(name)): value for name, value in raw.items()}
    row["conversation_id"] = str(row.get("conversation_id") or f"line-{line}")
    reason = _messages_problem(row.get("messages"))
    code = str(row.get("category") or "")
    if not reason and code and code not in legend.codes:
        reason = f"category '{code}' is not in the legend ({', '.join(legend.codes)})"
    row |= {"category": legend.codes.get(code, ""), "source": "label" if code else ""}
    row |= {"confidence": float("nan"), "span": row.get("span") or "", "reference": row.get("reference") or ""}
    # A span that is not the user's own words is a model's invention, and the category that rests on it as well.
    if not reason and row["span"] not in row["messages"][-1]["content"]:
        reason = "the feedback span does not occur in the final turn"
    return row, reason


def _messages_problem(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        return "no messages"
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            return f"a message without one of the roles {', '.join(_ROLES)}"
        if not isinstance(message.get("content"), str) or not message["content"].strip():
            return f"an empty {message['role']} message"
    if [message["role"] for message in messages[-3:]] != ["user", "assistant", "user"]:
        return "does not end with user, assistant, user feedback"
    return ""
