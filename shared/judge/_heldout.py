"""Contexts to judge on: the last N conversations, none of which a training file has seen, by id or by content."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.llm import Message

_SPACE = re.compile(r"\s+")


class HeldOut(NamedTuple):
    """Contexts for judging, and what was left out for which reason.

    Attributes:
        contexts: dictionaries with `conversation_id`, `messages` (up to the user's question), `original_answer`,
            `feedback`, `reference` ("" if there is none).
        rejected: dictionaries with `conversation_id` and `reason`.
    """

    contexts: list[dict[str, Any]]
    rejected: list[dict[str, str]]


def held_out_contexts(
    conversations: Sequence[Mapping[str, Any]], training: Iterable[Mapping[str, Any]], *, last: int
) -> HeldOut:
    """The last conversations that end `[..., assistant, user]`, without their final two turns.

    Args:
        conversations: rows with `conversation_id`, `messages` and optionally `reference`, in the order of the file.
        training: rows of every training file, with `messages` and where known `conversation_id`.
        last: how many contexts are wanted at most.

    Returns:
        HeldOut. A conversation is left out if its id occurs in training, or if a training conversation begins with its
        context (compared without case and white space), so that a model has learned an answer to just this context.
    """
    ids, contents = _seen(training)
    contexts: list[dict[str, Any]] = []
    rejected: list[dict[str, str]] = []
    # From the end: files grow there, and the newest chats are the least likely to stand in an earlier training file.
    for row in reversed(conversations):
        if len(contexts) == last:
            break
        reason = _why_not(row, ids, contents)
        if reason:
            rejected.append({"conversation_id": str(row["conversation_id"]), "reason": reason})
        else:
            contexts.append(_context(row))
    return HeldOut(contexts[::-1], rejected[::-1])


def with_system_prompt(contexts: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]]:
    """The contexts with a system message in front; those that have one keep theirs.

    Args:
        contexts: dictionaries with `messages`, such as those of `HeldOut`.
        text: what the system message says; "" leaves all contexts as they are.
    """
    system = {"role": "system", "content": text}
    return [
        {**context, "messages": [system, *context["messages"]]} if text and not _has_system(context) else dict(context)
        for context in contexts
    ]


def _has_system(context: Mapping[str, Any]) -> bool:
    return any(message["role"] == "system" for message in context["messages"])


def _seen(training: Iterable[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """Ids of training conversations, and digests of all their beginnings that end with a user turn."""
    ids, contents = set(), set()
    for row in training:
        if row.get("conversation_id") is not None:
            ids.add(str(row["conversation_id"]))
        messages = row["messages"]
        contents |= {content_key(messages[: k + 1]) for k, m in enumerate(messages) if m["role"] == "user"}
    return ids, contents


def _why_not(row: Mapping[str, Any], ids: set[str], contents: set[str]) -> str:
    messages = row["messages"]
    if [message["role"] for message in messages[-3:]] != ["user", "assistant", "user"]:
        return "does not end with user, assistant, user feedback"
    if str(row["conversation_id"]) in ids:
        return "its id occurs in a training file"
    if content_key(messages[:-2]) in contents:
        return "a training conversation begins with the same context"
    return ""


def _context(row: Mapping[str, Any]) -> dict[str, Any]:
    messages = row["messages"]
    return {
        "conversation_id": str(row["conversation_id"]),
        "messages": list(messages[:-2]),
        "original_answer": messages[-2]["content"],
        "feedback": messages[-1]["content"],
        "reference": row.get("reference") or "",
    }


def content_key(messages: Sequence[Message]) -> str:
    """Digest of roles and words of a conversation; case and white space do not matter, system messages do not count."""
    # A system message is ours, not the user's: the same question under another persona is still the same question.
    spoken = [message for message in messages if message["role"] != "system"]
    words = "\n".join(f"{m['role']}: {_SPACE.sub(' ', m['content']).strip().casefold()}" for m in spoken)
    return hashlib.sha256(words.encode()).hexdigest()
