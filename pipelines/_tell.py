"""What a run says while it runs: a line when a stage starts and when it ends, and live progress on a terminal."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pipelines._course import CourseWriter, Word, place_in_notebook
from pipelines._plan import Step
from shared.runs import home, write_json

_MEBIBYTE = 1 << 20


class Teller:
    """Prints the course of one run, and keeps it in a file for those who watch from elsewhere.

    Args:
        steps: the plan.
        study: name; durations of earlier runs are remembered by study and stage.
        version: the study's folder under `runs/`.
    """

    def __init__(self, steps: Sequence[Step], study: str, version: str) -> None:
        self._total, self._study = len(steps), study
        self._course = CourseWriter(version, steps)
        self._done = 0
        self._running: dict[str, tuple[Step, float]] = {}
        self._live = sys.stdout.isatty()
        self._times_path = home() / "runs" / ".times.json"
        self._times = _read(self._times_path)

    def started(self, step: Step, why: str) -> None:
        """A step begins."""
        self._running[step.identity] = (step, time.monotonic())
        before = self._times.get(self._key(step))
        expected = f", took {in_words(before)} last time" if before else ""
        self._line(step, f"started ({why}{expected})")
        self._course.started(step, why)

    def ended(self, step: Step, how: str, seconds: float, peak_bytes: int, *, success: bool) -> None:
        """A step ended, well or not."""
        self._running.pop(step.identity, None)
        self._done += 1
        memory = f", peak {peak_bytes // _MEBIBYTE:,} MiB" if peak_bytes else ""
        self._line(step, f"{how} in {in_words(seconds)}{memory}", count=True)
        self._course.ended(step, Word.DONE if success else Word.FAILED, how, seconds)
        if success:
            self._times[self._key(step)] = round(seconds, 1)
            write_json(self._times_path, self._times)

    def passed_over(self, step: Step, why: str, *, blocked: bool = False) -> None:
        """A step that needs no execution, or cannot have one."""
        self._done += 1
        self._line(step, why, count=True)
        self._course.ended(step, Word.NOT_RUN if blocked else Word.UP_TO_DATE, why)

    def tick(self) -> None:
        """Refresh the live line; called a few times a second."""
        # Without a terminal a line a tick would fill a log with noise.
        if self._live and self._running:
            parts = [self._live_part(step, since) for step, since in self._running.values()]
            print(f"\r\x1b[K{' | '.join(parts)}"[:200], end="", flush=True)

    def _live_part(self, step: Step, since: float) -> str:
        elapsed = time.monotonic() - since
        before = self._times.get(self._key(step))
        left = f", about {in_words(before - elapsed)} left" if before and before > elapsed else ""
        return f"{step.stage} {place_in_notebook(step.version, step.stage)} {in_words(elapsed)}{left}"

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


def _read(path: Path) -> dict[str, float]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
