"""Why a stage failed, for people: `failure.json` and one line."""

import signal
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

import psutil

from pipelines._notebooks import heading_of

_LAST_LINES = 20
_MEBIBYTE = 1 << 20


class Kind(Enum):
    """How a step ended. The exit code of the command is the gravest of its steps."""

    DONE = "done"
    USER_ERROR = "user error"
    FAILED = "failed stage"
    KILLED = "killed kernel"


@dataclass(frozen=True)
class Failure:
    """What `failure.json` holds.

    Attributes:
        summary: one line.
        kind: value of `Kind`.
        stage: its noun.
        version: folder under `runs/`.
        heading: last heading above the cell.
        cell: 1-based number of the cell in the executed notebook; 0 = outside of any cell.
        source: the cell's code.
        parameters: every parameter with its value.
        message: exception name and text, how it ended for a dead kernel, the plain sentence for a user's mistake.
        traceback: without colours; empty for a user's mistake.
        last_output: last lines that the notebook printed.
        peak_memory_bytes: of the kernel and its children; 0 = unknown.
        wall_seconds: from the start of the kernel.
        likely_cause: a guess with its remedy, or an empty text.
    """

    summary: str
    kind: str
    stage: str
    version: str
    heading: str
    cell: int
    source: str
    parameters: dict[str, Any]
    message: str
    traceback: str = ""
    last_output: str = ""
    peak_memory_bytes: int = 0
    wall_seconds: float = 0.0
    likely_cause: str = ""

    def as_json(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


def heading_above(notebook: Any, index: int) -> str:
    """The last Markdown heading at or before a cell of a notebook node; empty if there is none."""
    headings = [heading_of(c["source"]) for c in notebook["cells"][: index + 1] if c["cell_type"] == "markdown"]
    return next((h for h in reversed(headings) if h), "")


def last_lines(notebook: Any) -> list[str]:
    """The last lines that the notebook printed, oldest first."""
    texts = [output.get("text", "") for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "".join(texts).splitlines()[-_LAST_LINES:]


def end_of_process(returncode: int | None) -> str:
    """How a kernel ended, in words."""
    if returncode is None or returncode == 0:
        return "ended without a word"
    if returncode > 0:
        return f"exit code {returncode}"
    return f"killed by {signal.Signals(-returncode).name}"


def likely_cause(error: str, peak_bytes: int) -> str:
    """A guess at why, with a remedy; empty if nothing fits.

    Args:
        error: exception name and text, or how the kernel ended.
        peak_bytes: largest resident memory of the kernel.
    """
    # Signs are looked for in this order; the first that fits is told.
    causes = {
        "SIGKILL": _out_of_memory(peak_bytes),
        "SIGSEGV": "A library's native code crashed. Look at the log named below, and at versions of its packages.",
        "MemoryError": _out_of_memory(peak_bytes),
        "out of memory": "The accelerator's memory is full. Use a smaller batch or a shorter maximal length.",
        "ModuleNotFoundError": "A package is not installed here. Install the project again: pip install -e .",
        "No space left": "The disk is full. Remove old folders of runs/.",
        "Connection": "A server could not be reached. Check its address and that it is running.",
    }
    return next((cause for sign, cause in causes.items() if sign in error), "")


def _out_of_memory(peak_bytes: int) -> str:
    total = psutil.virtual_memory().total // _MEBIBYTE
    return (
        f"Probably out of memory: the kernel held {peak_bytes // _MEBIBYTE:,} MiB when last seen, this machine has "
        f"{total:,} MiB. Use smaller batches, fewer --jobs, or a machine with more memory."
    )


def summary_of(kind: Kind, heading: str, message: str) -> str:
    """What the terminal and the index say; a user's mistake in full, anything else in its first line."""
    where = f" at “{heading}”" if heading else ""
    lines = message.strip().splitlines() or ["no message"]
    return f"{kind.value}{where}: " + ("\n".join(lines) if kind is Kind.USER_ERROR else lines[0])
