"""Running a study from a notebook, with a table of its stages that is kept up to date meanwhile.

The study runs as a command of its own, exactly as in a terminal: the notebook's kernel only watches. Interrupting the
kernel or closing it ends the run too; the next run continues with what is missing.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import IO, Any

from IPython.display import DisplayHandle, display
from markupsafe import Markup

from pipelines._course import StageCourse, Word, read_course
from pipelines._places import course_path, page_path
from pipelines._study import load_study, override
from pipelines._tell import in_words
from pipelines.lab._table import bundle, link, word
from shared.runs import UserError, notebook_of, project, reports_folder

_SECONDS_BETWEEN_LOOKS = 0.5
_LAST_LINES = 30
_OVER = (Word.DONE, Word.UP_TO_DATE, Word.FAILED, Word.NOT_RUN)


def run_study(study: str, *, task: str | None = None, run_version: str | None = None) -> None:
    """Run what is not up to date in a study, and show meanwhile how far each stage is.

    Args:
        study: a name in `pipelines/studies`, or a path.
        task: only this stage and what it reads; None = every stage.
        run_version: folder under `runs/`; None = the study's own.

    Raises:
        UserError: the study cannot be run as it is, a stage failed, or the run was interrupted.
    """
    version = override(load_study(study), [], run_version).run_version
    course_path(version).unlink(missing_ok=True)  # an earlier run's course must not be shown as this one's
    options = [*(["--task", task] if task else []), *(["--run-version", run_version] if run_version else [])]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines", "run", study, *options],
            cwd=project(), stdout=told, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        _watch(process, version)
        _close(process, version, _last_lines(told))


def _watch(process: subprocess.Popen[bytes], version: str) -> None:
    shown = display({"text/plain": "Starting …"}, raw=True, display_id=True)
    try:
        while process.poll() is None:
            _show(shown, version)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
    _show(shown, version)


def _show(shown: DisplayHandle, version: str) -> None:
    courses = read_course(version)
    if courses:
        rows = [_row(course) for course in courses]
        shown.update(bundle(["stage", "state", "time", "now", "page"], rows, below=_total(courses)), raw=True)


def _row(course: StageCourse) -> list[Any]:
    page = page_path(course.version, notebook_of(course.stage).stem)
    ready = course.word in (Word.DONE, Word.UP_TO_DATE, Word.FAILED) and page.exists()
    return [
        course.title,
        word(course.word),
        in_words(course.seconds) if course.seconds else "",
        "" if course.note in ("done", course.word) else course.note.partition("\n")[0],
        link(page, "open") if ready else "",
    ]


def _total(courses: Iterable[StageCourse]) -> str:
    words = [course.word for course in courses]
    return f"{sum(w in _OVER for w in words)} of {len(words)} stages are settled."


def _last_lines(told: IO[str]) -> str:
    told.seek(0)
    return "".join(told.readlines()[-_LAST_LINES:]).strip()


def _close(process: subprocess.Popen[bytes], version: str, told: str) -> None:
    """Say where the report is, or why there is none."""
    index = reports_folder(version) / "index.html"
    if process.returncode != 0:
        raise UserError(told or f"The run ended with exit code {process.returncode}.")
    display(
        {"text/html": str(Markup("<b>{}</b>").format(link(index, "The report"))), "text/plain": f"Report: {index}"},
        raw=True,
    )
