"""Analysed conversations on disk: features by turn in Parquet, labels by conversation and by author.

A folder holds `features.parquet` (one row a turn), `conversations.parquet` (one row a conversation) and
`dataset.json` (names of the features). Features are decoded once, row group by row group, into a memory-mapped file
without a name, so that a dataset larger than memory can be read and nothing is left behind.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from shared.runs import UserError, new_file, resolve_path, write_json, write_parquet

ModelType = Literal["conversation", "author"]
LABEL_OF: dict[str, str] = {"conversation": "label", "author": "author_label"}
SPLITS = ("train", "validation", "test")

CONVERSATIONS_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("author_id", pa.string()),
        pa.field("split", pa.string()),
        pa.field("label", pa.int8()),
        pa.field("author_label", pa.int8()),
    ]
)
_ROW_GROUP = 16_384  # turns decoded at once: 25 MB at 400 features


def features_schema(width: int) -> pa.Schema:
    """Schema of `features.parquet`: `conversation_id`, `turn` and a list of `width` float32."""
    return pa.schema(
        [
            pa.field("conversation_id", pa.string(), nullable=False),
            pa.field("turn", pa.int32(), nullable=False),
            pa.field("features", pa.list_(pa.float32(), width), nullable=False),
        ]
    )


def write_dataset(
    folder: str | Path, conversations: pd.DataFrame, turns: pd.DataFrame, features: np.ndarray, names: Sequence[str]
) -> Path:
    """Write analysed conversations in the layout that `read_dataset` and `train_model` read.

    Args:
        folder: where to; made if it is missing.
        conversations: one row a conversation: `conversation_id`; and, where known, `author_id`, `split` (train,
            validation or test), `label` and `author_label` (0, 1 or missing = unlabelled).
        turns: one row a turn: `conversation_id`, `turn`; turns of a conversation together and in order.
        features: shape (turns, width), float32, row by row the features of `turns`; NaN is refused when reading.
        names: shape (width,), what each feature is.

    Returns:
        The folder.

    Raises:
        UserError: the numbers of rows or names do not fit each other.
    """
    if len(turns) != len(features) or features.shape[1] != len(names):
        raise UserError(
            f"{len(turns)} turns, features of shape {features.shape} and {len(names)} names do not fit: "
            "features need one row a turn and one column a name."
        )
    target = Path(folder)
    complete = conversations.reindex(columns=CONVERSATIONS_SCHEMA.names)
    for column in ("label", "author_label"):
        complete[column] = complete[column].astype("Int8")
    write_parquet(target / "conversations.parquet", complete, CONVERSATIONS_SCHEMA)
    _write_features(target / "features.parquet", turns, features)
    write_json(target / "dataset.json", {"features": list(names)})
    return target


def _write_features(path: Path, turns: pd.DataFrame, features: np.ndarray) -> None:
    schema = features_schema(features.shape[1])
    with new_file(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        for start in range(0, len(turns), _ROW_GROUP):
            rows = slice(start, start + _ROW_GROUP)
            values = pa.array(np.ascontiguousarray(features[rows], dtype=np.float32).ravel())
            columns = [
                pa.array(turns["conversation_id"].iloc[rows], pa.string()),
                pa.array(turns["turn"].iloc[rows], pa.int32()),
                pa.FixedSizeListArray.from_arrays(values, features.shape[1]),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


class AnalyzedConversations(NamedTuple):
    """A dataset as read.

    Attributes:
        conversations: `CONVERSATIONS_SCHEMA`, one row a conversation that has turns, in order of `features`.
        features: shape (turns, width), float32, memory-mapped and read-only, no NaN.
        starts: shape (conversations,), row of each conversation's first turn.
        lengths: shape (conversations,), turns of each conversation, at least 1.
        names: shape (width,), what each feature is.
        without_turns: conversations that have no turn and are left out.
    """

    conversations: pd.DataFrame
    features: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    names: list[str]
    without_turns: int


def read_dataset(dataset_path: str | Path) -> AnalyzedConversations:
    """Open analysed conversations and check them.

    Args:
        dataset_path: folder of the dataset; a relative one starts at the project's root.

    Returns:
        The dataset; features are mapped, not loaded.

    Raises:
        UserError: a file or column is missing, features have another width than names, a value is NaN or infinite
            (with the count and the first place), turns belong to an unknown conversation or are not together, a
            split is unknown, an author is in two splits, or an author or a conversation has contradictory labels.
    """
    folder = resolve_path(str(dataset_path))
    names = _names(folder)
    conversations = _read_conversations(folder)
    parquet = _open_parquet(folder / "features.parquet", ["conversation_id", "turn", "features"])
    turns = parquet.read(["conversation_id", "turn"]).to_pandas()
    starts = _starts(turns)
    order = turns["conversation_id"].iloc[starts].to_numpy()
    known = conversations.index.isin(order)
    if len(order) > known.sum():
        stranger = next(i for i in order if i not in conversations.index)
        raise UserError(f"features.parquet: conversation '{stranger}' is not in conversations.parquet. Add its row.")
    return AnalyzedConversations(
        conversations.loc[order].reset_index(),
        _mapped_features(parquet, names, turns),
        starts,
        np.diff(np.append(starts, len(turns))),
        names,
        int((~known).sum()),
    )


def _names(folder: Path) -> list[str]:
    path = folder / "dataset.json"
    if not path.exists():
        raise UserError(
            f"{folder} holds no analysed conversations: dataset.json is missing. "
            "Run stage `sequence`, or write one with `shared.sequence.write_dataset`."
        )
    return list(json.loads(path.read_text(encoding="utf-8"))["features"])


def _open_parquet(path: Path, columns: list[str]) -> pq.ParquetFile:
    if not path.exists():
        raise UserError(f"{path.parent} is incomplete: {path.name} is missing. Write the dataset again.")
    parquet = pq.ParquetFile(path, memory_map=True)
    missing = [name for name in columns if name not in parquet.schema_arrow.names]
    if missing:
        raise UserError(
            f"{path.name}: column '{missing[0]}' is missing. Found: {', '.join(parquet.schema_arrow.names)}."
        )
    return parquet


def _read_conversations(folder: Path) -> pd.DataFrame:
    """The conversations by id, checked; nullable columns as pandas' nullable types."""
    parquet = _open_parquet(folder / "conversations.parquet", CONVERSATIONS_SCHEMA.names)
    frame = parquet.read(CONVERSATIONS_SCHEMA.names).to_pandas()
    repeated = frame["conversation_id"].duplicated()
    if repeated.any():
        raise UserError(
            f"conversations.parquet: '{frame['conversation_id'][repeated].iloc[0]}' has two rows. Keep one."
        )
    # Checked when reading, not when writing: people bring datasets that our writer never saw.
    _check_splits(frame)
    _check_labels(frame)
    return frame.set_index("conversation_id")


def _check_splits(frame: pd.DataFrame) -> None:
    unknown = set(frame["split"].dropna()) - set(SPLITS)
    if unknown:
        raise UserError(
            f"conversations.parquet: unknown split '{min(unknown)}'. Use {', '.join(SPLITS)} or leave it empty."
        )
    splits = frame.dropna(subset=["author_id", "split"]).groupby("author_id")["split"].unique()
    torn = splits[splits.map(len) > 1]
    if len(torn):
        raise UserError(
            f"conversations.parquet: {len(torn)} author(s) are in two splits, first '{torn.index[0]}' in "
            f"{' and '.join(sorted(torn.iloc[0]))}. Put all conversations of an author into one split, or the test "
            "measures how well authors are remembered."
        )


def _check_labels(frame: pd.DataFrame) -> None:
    for column in LABEL_OF.values():
        strange = ~frame[column].dropna().isin([0, 1])
        if strange.any():
            raise UserError(
                f"conversations.parquet: '{column}' must be 0, 1 or empty; {int(strange.sum())} rows differ."
            )
    labels = frame.dropna(subset=["author_id", "author_label"]).groupby("author_id")["author_label"].nunique()
    if (labels > 1).any():
        raise UserError(
            f"conversations.parquet: {int((labels > 1).sum())} author(s) have two author labels, first "
            f"'{labels.index[labels > 1][0]}'. An author has one; what differs by conversation belongs into 'label'."
        )


def _starts(turns: pd.DataFrame) -> np.ndarray:
    """Row of the first turn of each conversation; shape (conversations,)."""
    codes = pd.factorize(turns["conversation_id"])[0]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    first_again = np.flatnonzero(pd.Series(codes[starts]).duplicated())
    if len(first_again):
        torn = turns["conversation_id"].iloc[starts[first_again[0]]]
        raise UserError(f"features.parquet: the turns of conversation '{torn}' are not together. Sort by conversation.")
    backward = np.diff(turns["turn"].to_numpy(), prepend=0) <= 0
    backward[starts] = False
    if backward.any():
        row = turns.iloc[int(np.argmax(backward))]
        raise UserError(
            f"features.parquet: turn {row['turn']} of '{row['conversation_id']}' comes after a later or equal one. "
            "Sort the turns of a conversation, each once."
        )
    return starts


def _mapped_features(parquet: pq.ParquetFile, names: list[str], turns: pd.DataFrame) -> np.ndarray:
    """All features as one read-only memory map of shape (turns, width), checked on the way."""
    width = parquet.schema_arrow.field("features").type
    if not pa.types.is_fixed_size_list(width) or width.list_size != len(names):
        raise UserError(
            f"features.parquet: a turn has features of type {width}, but dataset.json names {len(names)}. "
            f"The width must be the same everywhere: store list<float32>[{len(names)}], or name every feature."
        )
    if not len(turns):
        raise UserError("features.parquet has no turns. Write at least one conversation.")
    with tempfile.TemporaryFile() as nameless:  # a mapping outlives the file it was made from
        unusable = _decode_into(nameless, parquet, len(names))
        if unusable.number:
            raise UserError(_unusable_in_words(unusable, names, turns))
        nameless.flush()
        return np.memmap(nameless, dtype=np.float32, mode="r", shape=(len(turns), len(names)))


class _Unusable(NamedTuple):
    """How many values are NaN or infinite, and the place of the first."""

    number: int
    row: int
    column: int


def _decode_into(target: IO[bytes], parquet: pq.ParquetFile, width: int) -> _Unusable:
    found, rows = _Unusable(0, 0, 0), 0
    for batch in parquet.iter_batches(_ROW_GROUP, columns=["features"]):
        values = batch.column(0).flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, width)
        places = np.argwhere(~np.isfinite(values))
        if len(places):
            first = (rows + int(places[0, 0]), int(places[0, 1])) if not found.number else found[1:]
            found = _Unusable(found.number + len(places), *first)
        target.write(values.tobytes())
        rows += len(values)
    return found


def _unusable_in_words(unusable: _Unusable, names: list[str], turns: pd.DataFrame) -> str:
    place = turns.iloc[unusable.row]
    return (
        f"features.parquet: {unusable.number:,} of {len(turns) * len(names):,} values are NaN or infinite; the first "
        f"is feature '{names[unusable.column]}' of turn {place['turn']} in conversation '{place['conversation_id']}'. "
        "Leave the turn out, or give a value and a feature that says it was missing."
    )
