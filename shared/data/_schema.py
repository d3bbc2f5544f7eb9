"""The canonical tables: what every reader gives and every stage takes. `data/README.md` describes them in words."""

from typing import NamedTuple

import pandas as pd
import pyarrow as pa

AGENT, DONOR = "agent", "donor"
ROLES = (AGENT, DONOR)

CONVERSATIONS_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("agent_id", pa.string()),
        pa.field("donor_id", pa.string()),
        pa.field("agent_channel", pa.string()),
        pa.field("donor_channel", pa.string()),
        pa.field("text", pa.string()),
    ]
)

TURNS_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("turn", pa.int32(), nullable=False),
        pa.field("author_id", pa.string()),
        pa.field("speaker", pa.string()),
        pa.field("speaker_confidence", pa.float32()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("seconds", pa.float32()),
    ]
)


class Rejected(NamedTuple):
    """Something in a file that was not read, and why.

    Attributes:
        file: name of the file.
        line: where it starts, from 1; in Parquet and JSON arrays the number of the row or item, from 1.
        reason: what is wrong and, where there is one, what to do.
        conversation_id: if it could be read.
        excerpt: the first characters of it, for whoever looks.
        rows: how many rows of the file are lost with it.
    """

    file: str
    line: int
    reason: str
    conversation_id: str | None = None
    excerpt: str = ""
    rows: int = 1


class Corpus(NamedTuple):
    """What a reader found.

    Attributes:
        conversations: `CONVERSATIONS_SCHEMA`, one row a conversation, in order of first appearance.
        turns: `TURNS_SCHEMA`, in order of conversation and turn.
        rejected: what was not read, in order of the file.
        rows: rows, lines or items that the file held, rejected ones included.
        left_out: messages that are no turns by rule (instructions to a model), neither turns nor rejected.
    """

    conversations: pd.DataFrame
    turns: pd.DataFrame
    rejected: list[Rejected]
    rows: int
    left_out: int = 0

    @property
    def rejected_fraction(self) -> float:
        """Rejected rows as a share of all rows, in [0, 1]; NaN for an empty file."""
        return sum(row.rows for row in self.rejected) / self.rows if self.rows else float("nan")


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A canonical table as pandas: strings stay in Arrow memory, a missing text is a missing value."""
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    return frame
