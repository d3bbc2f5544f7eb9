"""What a run says while it runs: a line when a stage starts and when it ends, and live progress on a terminal."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines._places import PROGRESS, state_path
from pipelines._plan import Step
from shared.runs import home, write_json

_MEBIBYTE = 1 << 20


class Teller:
    """Prints the course of one run.

    Args:
        total: steps of the plan.
        study: name; durations of earlier runs are remembered by study and stage.
    """

    def __init__(self, total: int, study: str) -> None:
        self._total, self._study = total, study
        self._done = 0
        self._running: dict[str, tuple[Step, float]] = {}
        self._live = sys.stdout.isatty()
        self._times_path = home() / "runs" / ".times.json"
        self._times: dict[str, float] = _read(self._times_path)

    def started(self, step: Step, why: str) -> None:
        """A step begins."""
        self._running[step.identity] = (step, time.monotonic())
        before = self._times.get(self._key(step))
        expected = f", took {in_words(before)} last time" if before else ""
        self._line(step, f"started ({why}{expected})")

    def ended(self, step: Step, how: str, seconds: float, peak_bytes: int, *, success: bool) -> None:
        """A step ended, well or not."""
        self._running.pop(step.identity, None)
        self._done += 1
        memory = f", peak {peak_bytes // _MEBIBYTE:,} MiB" if peak_bytes else ""
        self._line(step, f"{how} in {in_words(seconds)}{memory}", count=True)
        if success:
            self._times[self._key(step)] = round(seconds, 1)
            write_json(self._times_path, self._times)

    def passed_over(self, step: Step, why: str) -> None:
        """A step that needs no execution, or cannot have one."""
        self._done += 1
        self._line(step, why, count=True)

    def tick(self) -> None:
        """Refresh the live line; called a few times a second."""
        # Without a terminal a line a tick would fill a log with noise.
        if self._live and self._running:
            parts = [self._course(step, since) for step, since in self._running.values()]
            print(f"\r\x1b[K{' | '.join(parts)}"[:200], end="", flush=True)

    def _course(self, step: Step, since: float) -> str:
        state = _read(state_path(step.version, step.stage))
        cell = f" {state['cell']}/{state['cells']} {state['heading']}{_progress(step.folder)}" if state else ""
        elapsed = time.monotonic() - since
        before = self._times.get(self._key(step))
        left = f", about {in_words(before - elapsed)} left" if before and before > elapsed else ""
        return f"{step.stage}{cell} {in_words(elapsed)}{left}"

    def _line(self, step: Step, text: str, *, count: bool = False) -> None:
        clear = "\r\x1b[K" if self._live else ""
        place = f"[{self._done}/{self._total}]" if count else " " * len(f"[{self._done}/{self._total}]")
        grid = f" ({step.version.partition('/grid/')[2]})" if "/grid/" in step.version else ""
        print(f"{clear}{place} {step.stage + grid:<12} {text}", flush=True)

    def _key(self, step: Step) -> str:
        return f"{self._study}/{step.stage}"


def in_words(seconds: float) -> str:
    """A duration for people: 3.2 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _progress(folder: Path) -> str:
    try:
        last = json.loads((folder / PROGRESS).read_text(encoding="utf-8").splitlines()[-1])
    except (FileNotFoundError, IndexError, json.JSONDecodeError):
        return ""
    return f", {last['what']} {last['done']}" + (f"/{last['total']}" if last["total"] else "")


def _read(path: Path) -> dict[str, Any]:
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return dict(content)
