"""The decision log: JSON lines that survive a crash, rotated by size, read back with what was cut off counted."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

_COLUMNS = [
    "time", "mode", "conversation_id", "message", "text", "served", "reason", "encoder_category", "encoder_confidence",
    "encoder_ms", "llm_status", "llm_category", "llm_confidence", "llm_ms",
]  # fmt: skip


class DecisionLog:
    """Appends one JSON line a decision to `<folder>/decisions.jsonl`.

    A line is one `write` to a file opened for appending, so lines of several threads and processes do not mix, and
    a process killed in the middle loses at most its last line. A file that outgrows `max_bytes` is renamed to
    `decisions-<time>.jsonl` and a new one begun.

    Args:
        folder: made if it is missing.
        max_bytes: size at which a file is rotated.
    """

    def __init__(self, folder: Path, *, max_bytes: int = 16 << 20) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "decisions.jsonl"
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    def write(self, row: dict[str, Any]) -> None:
        """Append one decision."""
        line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        with self._lock:
            self._rotate(len(line))
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # may hold users' texts
            try:
                # One system call: a buffered file may flush half a line, and another process writes into the gap.
                os.write(descriptor, line)
            finally:
                os.close(descriptor)

    def _rotate(self, coming: int) -> None:
        if self._path.exists() and self._path.stat().st_size + coming > self._max_bytes:
            # Nanoseconds, because a busy router can fill two files within one second.
            self._path.rename(self._path.with_name(f"decisions-{time.time_ns()}.jsonl"))


class Decisions(NamedTuple):
    """The log as a table, a row a decision in order of time, and how many lines could not be read."""

    rows: pd.DataFrame
    n_unreadable: int


def read_log(folder: Path) -> Decisions:
    """Every decision in a log folder, rotated files included.

    Returns:
        Decisions; columns as logged, `llm_*` NaN where the LLM was not asked or failed. A line cut off by a crash
        is counted, not guessed.
    """
    parsed = [_parsed(line) for path in sorted(folder.glob("decisions*.jsonl")) for line in path.open("rb")]
    rows = pd.DataFrame([row for row in parsed if row is not None], columns=_COLUMNS)
    return Decisions(rows.sort_values("time", ignore_index=True), sum(row is None for row in parsed))


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        return dict(json.loads(line))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
