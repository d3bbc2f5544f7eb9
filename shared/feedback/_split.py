"""Which chats improve a model and which judge it: the last ones judge, and none of them is seen before."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_SPACE = re.compile(r"\s+")


class Split(NamedTuple):
    """Chats for training and for judging.

    Attributes:
        train: chats before the last ones, without those that share a context with a held-out chat.
        held_out: the last chats of the file.
        overlapping: ids of chats left out of training because a held-out chat has the same context.
    """

    train: list[dict[str, Any]]
    held_out: list[dict[str, Any]]
    overlapping: list[str]


def split_chats(rows: Sequence[dict[str, Any]], *, test_size: int) -> Split:
    """Hold out the last chats of the file; contexts are disjoint by id and by content.

    Args:
        rows: chats in the order of the file.
        test_size: number of chats to hold out, at most half of all.
    """
    size = min(test_size, len(rows) // 2)
    before, held_out = list(rows[: len(rows) - size]), list(rows[len(rows) - size :])
    # Users ask the same again and again; an id alone would let the same question be trained on and judged.
    contexts = {context_of(row) for row in held_out}
    overlapping = [row["conversation_id"] for row in before if context_of(row) in contexts]
    train = [row for row in before if context_of(row) not in contexts]
    return Split(train, held_out, overlapping)


def context_of(row: Mapping[str, Any]) -> str:
    """The words up to the user's question, without case and white space."""
    turns = row["messages"][:-2]
    return "\n".join(f"{m['role']}: {_SPACE.sub(' ', m['content']).strip().casefold()}" for m in turns)
