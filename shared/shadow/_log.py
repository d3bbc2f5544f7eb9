"""The decision log: JSON lines that survive a crash, rotated by size, read back with what was cut off counted.

What a user does after an answer is known later than the answer: it is a line of its own, joined when the log is read.
"""

import hashlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd

from shared.runs import UserError

# What users do without being asked: go on, say the same in other words, contradict, or leave in the middle.
Signal = Literal["continued", "rephrased", "corrected", "left"]
UNHAPPY = ("rephrased", "corrected", "left")

_COLUMNS = [
    "time", "mode", "conversation_id", "message", "text", "served", "reason", "encoder_category", "encoder_confidence",
    "encoder_ms", "llm_status", "llm_category", "llm_confidence", "llm_ms", "feedback",
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
        self._append(row)

    def feedback(self, conversation_id: str, message: str, signal: Signal) -> None:
        """Append what the user did after the answer to a message.

        Args:
            conversation_id: as it was given to the router.
            message: the text that was answered; only its digest is written.
            signal: "continued", "rephrased", "corrected" or "left"; of several to one message the last counts.

        Raises:
            UserError: there is no such signal.
        """
        if signal not in get_args(Signal):
            raise UserError(f"There is no signal '{signal}'. Known: {', '.join(get_args(Signal))}.")
        self._append({
            "time": time.time(), "conversation_id": conversation_id, "message": message_digest(message),
            "feedback": signal,
        })  # fmt: skip

    def _append(self, row: dict[str, Any]) -> None:
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


def message_digest(message: str) -> str:
    """By what a message is known in the log, whether or not its text is written there."""
    return hashlib.blake2b(message.encode(), digest_size=8).hexdigest()


class Decisions(NamedTuple):
    """The log as a table, a row a decision in order of time, and how many lines could not be read."""

    rows: pd.DataFrame
    n_unreadable: int


def read_log(folder: Path) -> Decisions:
    """Every decision in a log folder, rotated files included.

    Returns:
        Decisions; columns as logged, `llm_*` NaN where the LLM was not asked or failed, `feedback` None where the
        user gave no sign. A line cut off by a crash is counted, not guessed.
    """
    parsed = [_parsed(line) for path in sorted(folder.glob("decisions*.jsonl")) for line in path.open("rb")]
    lines = sorted((row for row in parsed if row is not None), key=lambda row: row.get("time", 0.0))
    told = {_place(line): line["feedback"] for line in lines if "feedback" in line}
    answered = [line | {"feedback": told.get(_place(line))} for line in lines if "feedback" not in line]
    return Decisions(pd.DataFrame(answered, columns=_COLUMNS), sum(row is None for row in parsed))


def _place(line: dict[str, Any]) -> tuple[Any, Any]:
    return line.get("conversation_id"), line.get("message")


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        return dict(json.loads(line))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
