"""Atomic writes: a file or folder appears whole under its name, or not at all.

Everything is written under a temporary name in the same folder (same file system, so the rename is atomic).
What a killed process leaves behind starts with `.partial-` and can be swept at any time nobody writes.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PARTIAL = ".partial-"


def _partial_name(path: Path) -> Path:
    return path.with_name(f"{PARTIAL}{uuid.uuid4().hex[:8]}-{path.name}")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path to write to; renamed to `path` when the block ends, removed if it raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial_name(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty temporary folder to fill; it takes the place of `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, replaced = _partial_name(path), _partial_name(path)
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            os.replace(path, replaced)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> Path:
    """Write bytes atomically and return the path."""
    with new_file(path) as partial:
        partial.write_bytes(content)
    return path


def write_text(path: Path, content: str) -> Path:
    """Write UTF-8 text atomically and return the path."""
    return write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> Path:
    """Write indented JSON atomically; numpy values become Python's, NaN becomes null."""
    return write_text(path, json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """Write one JSON value a line atomically, without holding all rows in memory."""
    with new_file(path) as partial, partial.open("w", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(plain(row), ensure_ascii=False) + "\n")
    return path


def write_parquet(path: Path, frame: "pd.DataFrame", schema: "pa.Schema | None" = None) -> Path:
    """Write a Parquet table atomically.

    Args:
        path: the target.
        frame: its columns are reordered to the schema's; the index is not stored.
        schema: declared column types; a column that does not fit raises pyarrow's error. None infers them.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    with new_file(path) as partial:
        pq.write_table(table.replace_schema_metadata(None), partial)
    return path


def plain(value: Any) -> Any:
    """A value that `json` can write: numpy scalars and arrays as Python's, NaN and infinities as null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
