"""Collecting conversations and turns row by row into the canonical tables, in little memory."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from shared.data._files import excerpt
from shared.data._schema import AGENT, CONVERSATIONS_SCHEMA, DONOR, TURNS_SCHEMA, Corpus, Rejected, frame_of

_BATCH = 50_000  # turns held as Python objects before they become Arrow arrays
_AUTHOR_OF = {AGENT: "agent_id", DONOR: "donor_id"}
_FACTS = ("split", "outcome", "agent_id", "donor_id", "agent_channel", "donor_channel", "text")


class Turn(NamedTuple):
    """A turn on its way into the table; `number` None = the next one of its conversation."""

    conversation_id: str
    text: str
    number: int | None = None
    author_id: str | None = None
    speaker: str | None = None
    confidence: float | None = None
    seconds: float | None = None


class Collector:
    """Takes turns, facts about conversations and rejections in any order, gives a `Corpus`.

    A text is stored once, in Arrow batches of `_BATCH` turns; only one number a turn stays a Python object,
    for finding duplicates.
    """

    def __init__(self, file: str, source: str) -> None:
        self.rejected: list[Rejected] = []
        self.rows = 0
        self.left_out = 0
        self.file = file
        self._source = source
        self._places: dict[str, int] = {}
        self._facts: list[dict[str, str | None]] = []
        self._next: list[int] = []
        self._seen: set[int] = set()
        self._waiting: list[tuple] = []
        self._batches: list[pa.RecordBatch] = []

    def reject(self, line: int, reason: str, conversation_id: str | None = None, shown: object = "") -> None:
        """Count a row as rejected."""
        self.rejected.append(Rejected(self.file, line, reason, conversation_id, excerpt(shown)))

    def has(self, conversation_id: str) -> bool:
        """Whether this conversation is in already."""
        return conversation_id in self._places

    def add_facts(self, conversation_id: str, facts: Mapping[str, str | None]) -> str | None:
        """Remember what is known of a conversation; the first known value stands.

        Returns:
            What is contradictory (then nothing is changed), or None.
        """
        known = self._facts[self._place(conversation_id)]
        for name, value in facts.items():
            if value is not None and known.get(name) not in (None, value):
                return f"{name} '{value}' contradicts '{known[name]}' of an earlier row of this conversation"
        known.update({name: value for name, value in facts.items() if value is not None})
        return None

    def add(self, turn: Turn) -> str | None:
        """Take a turn.

        Returns:
            Why it cannot be taken (a second turn of the same number), or None.
        """
        place = self._place(turn.conversation_id)
        number = self._next[place] if turn.number is None else turn.number
        key = place << 32 | number
        if key in self._seen:
            return f"conversation '{turn.conversation_id}' has a turn {number} already"
        self._seen.add(key)
        self._remember_author(place, turn)
        self._next[place] = max(self._next[place], number + 1)
        self._waiting.append((place, *turn._replace(number=number)))
        if len(self._waiting) >= _BATCH:
            self._flush()
        return None

    def _remember_author(self, place: int, turn: Turn) -> None:
        """The first agent and the first donor to speak are the conversation's; turns keep their own authors."""
        if turn.speaker and turn.author_id:
            self._facts[place].setdefault(_AUTHOR_OF[turn.speaker], turn.author_id)

    def corpus(self) -> Corpus:
        """Everything collected. A conversation none of whose turns was taken is left to its rejected rows."""
        self._flush()
        turns, used = self._turns()
        facts = [(name, self._facts[place]) for name, place in self._places.items() if place in used]
        columns = {
            "conversation_id": [name for name, _ in facts],
            "source": [self._source] * len(facts),
            **{fact: [known.get(fact) for _, known in facts] for fact in _FACTS},
        }
        conversations = frame_of(pa.table(columns, schema=CONVERSATIONS_SCHEMA))
        return Corpus(conversations, turns, self.rejected, self.rows, self.left_out)

    def _place(self, conversation_id: str) -> int:
        place = self._places.setdefault(conversation_id, len(self._places))
        if place == len(self._facts):
            self._facts.append({})
            self._next.append(0)
        return place

    def _flush(self) -> None:
        if self._waiting:
            place, conversation, text, number, author, speaker, confidence, seconds = zip(*self._waiting, strict=True)
            arrays = [
                pa.array(place, pa.int32()),
                *_arrays(conversation, number, author, speaker, confidence, text, seconds),
            ]
            names = ["place", *TURNS_SCHEMA.names]
            self._batches.append(pa.RecordBatch.from_arrays(arrays, names=names))
            self._waiting = []

    def _turns(self) -> tuple[pd.DataFrame, set[int]]:
        if not self._batches:
            return frame_of(TURNS_SCHEMA.empty_table()), set()
        table = pa.Table.from_batches(self._batches)
        self._batches, self._seen = [], set()
        places = table["place"].to_numpy()
        order = np.lexsort((table["turn"].to_numpy(), places))
        table = table.drop_columns("place")
        if (np.diff(order) != 1).any():
            table = table.take(pa.array(order))
        return frame_of(table.cast(TURNS_SCHEMA)), set(np.unique(places).tolist())


def _arrays(*columns: tuple) -> list[pa.Array]:
    """Columns in the order of `TURNS_SCHEMA` as Arrow arrays."""
    return [pa.array(column, field.type) for column, field in zip(columns, TURNS_SCHEMA, strict=True)]
