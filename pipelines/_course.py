"""How far a run is, in a file that anybody may read while it runs: `runs/<version>/.runner/course.json`.

The runner writes it at every event; which cell a running stage is at stands in that stage's own state file. A reader
needs no connection to the run: a start notebook, a terminal or another machine that sees the folder can watch it.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipelines._places import PROGRESS, course_path, state_path
from pipelines._plan import GRID, Step
from shared.runs import stage_folder, write_json


class Word(StrEnum):
    """What a watcher is told about a stage of a run."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    UP_TO_DATE = "up to date"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class StageCourse:
    """How far one step of a run is.

    Attributes:
        stage: its noun.
        version: folder under `runs/`, of the study or of one combination of its grid.
        word: a `Word`.
        note: why it runs, how it ended, or which cell it is at.
        since: seconds since the epoch at which it started; 0 = it did not start.
        seconds: how long it runs or ran; 0 = it did not start.
    """

    stage: str
    version: str
    word: Word = Word.WAITING
    note: str = ""
    since: float = 0.0
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """The stage, and in a grid its combination."""
        combination = self.version.partition(f"/{GRID}/")[2]
        return f"{self.stage} ({combination})" if combination else self.stage


class CourseWriter:
    """Keeps `course.json` of one run as the run goes on.

    Args:
        version: the study's folder under `runs/`.
        steps: the plan, all of them waiting.
    """

    def __init__(self, version: str, steps: Iterable[Step]) -> None:
        self._version = version
        self._stages = {step.identity: StageCourse(step.stage, step.version) for step in steps}
        self._write()

    def started(self, step: Step, why: str) -> None:
        """A step begins."""
        self._change(step, word=Word.RUNNING, note=why, since=time.time())

    def ended(self, step: Step, word: Word, note: str, seconds: float = 0.0) -> None:
        """A step ended, or was passed over without starting (0 seconds)."""
        self._change(step, word=word, note=note, seconds=seconds)

    def _change(self, step: Step, **changes: Any) -> None:
        self._stages[step.identity] = replace(self._stages[step.identity], **changes)
        self._write()

    def _write(self) -> None:
        write_json(course_path(self._version), [asdict(course) for course in self._stages.values()])


def read_course(version: str) -> list[StageCourse]:
    """How far the latest run of a version is, in the plan's order; [] if it was never run.

    A running stage's note says its cell and heading, and how far its longest loop is.
    """
    try:
        rows = json.loads(course_path(version).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [_as_of_now(StageCourse(**{**row, "word": Word(row["word"])})) for row in rows]


def _as_of_now(course: StageCourse) -> StageCourse:
    if course.word is not Word.RUNNING:
        return course
    at = place_in_notebook(course.version, course.stage)
    return replace(course, seconds=time.time() - course.since, note=at or course.note)


def place_in_notebook(version: str, stage: str) -> str:
    """Cell, heading and progress of a running stage, such as `7/40 Fine-tune, epochs 1/3`; empty if it just starts."""
    state = _last_json_line(state_path(version, stage), whole=True)
    if not state:
        return ""
    work = _last_json_line(stage_folder(version, stage) / PROGRESS)
    total = f"/{work['total']}" if work.get("total") else ""
    far = f", {work['what']} {work['done']}{total}" if work else ""
    return f"{state['cell']}/{state['cells']} {state['heading']}{far}"


def _last_json_line(path: Path, *, whole: bool = False) -> dict[str, Any]:
    """The last line of a file, or all of it, as JSON; empty while the file is missing or half written."""
    try:
        text = path.read_text(encoding="utf-8")
        return dict(json.loads(text if whole else text.splitlines()[-1]))
    except (FileNotFoundError, IndexError, json.JSONDecodeError):
        return {}
