"""Vectors on disk: Parquet with one row a turn, written in pieces so that memory stays bounded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from shared.embeddings._embed import Embedded

_ROWS = 65_536  # rows of a piece; at 384 float32 numbers about 100 MB


def vectors_schema(dimensions: int, stored: np.dtype) -> pa.Schema:
    """`turn_vectors.parquet`: one row a turn, in the order of `turns`."""
    number = pa.float16() if stored == np.float16 else pa.float32()
    return pa.schema(
        [
            pa.field("conversation_id", pa.string(), nullable=False),
            pa.field("turn", pa.int32(), nullable=False),
            pa.field("vector", pa.list_(number, dimensions), nullable=False),
        ]
    )


def write_vectors(path: Path, turns: pd.DataFrame, embedded: Embedded) -> None:
    """Write one vector a turn.

    Args:
        path: the Parquet file to write.
        turns: columns conversation_id and turn, in the order of the embedded texts.
        embedded: what `embed_texts` gave for the turns' texts.
    """
    schema = vectors_schema(embedded.vectors.shape[1], embedded.vectors.dtype)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(turns), _ROWS):
            piece = turns.iloc[start : start + _ROWS]
            vectors = embedded.vectors[embedded.row[start : start + _ROWS]]
            lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
            ids = [pa.array(piece["conversation_id"], pa.string()), pa.array(piece["turn"], pa.int32())]
            writer.write_table(pa.Table.from_arrays([*ids, lists], schema=schema))


def vector_lines(turns: pd.DataFrame, embedded: Embedded) -> Iterator[dict[str, Any]]:
    """One JSON value a turn: conversation_id, turn and the vector as a list, rounded to six digits."""
    for row, conversation, turn in zip(embedded.row, turns["conversation_id"], turns["turn"], strict=True):
        vector = np.round(embedded.vectors[row].astype(float), 6).tolist()
        yield {"conversation_id": conversation, "turn": int(turn), "vector": vector}
