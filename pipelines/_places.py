"""Where the runner keeps its own files, apart from what stages write."""

import shutil
from pathlib import Path

from shared.runs import PARTIAL, reports_folder, runs_folder

FAILURE = "failure.json"
NOTEBOOK = "notebook.ipynb"
PARTIAL_NOTEBOOK = "notebook.partial.ipynb"
PROGRESS = "progress.jsonl"


def runner_folder(version: str) -> Path:
    """`runs/<version>/.runner/`: the lock, facts handed to kernels, state and log of running stages."""
    return runs_folder(version) / ".runner"


def facts_path(version: str, stage: str) -> Path:
    """What the executor tells the kernel."""
    return runner_folder(version) / f"{stage}.facts.json"


def state_path(version: str, stage: str) -> Path:
    """Which cell of a running stage is being executed, and by which process."""
    return runner_folder(version) / f"{stage}.running.json"


def log_path(version: str, stage: str) -> Path:
    """What the kernel's libraries print past the notebook."""
    return runner_folder(version) / f"{stage}.log"


def pulse_path(version: str) -> Path:
    """The sign of life that workers on other machines look at."""
    return runner_folder(version) / "pulse.json"


def course_path(version: str) -> Path:
    """How far the latest run of a version is."""
    return runner_folder(version) / "course.json"


def page_path(version: str, notebook_name: str) -> Path:
    """The page of one stage in the report."""
    return reports_folder(version) / f"{notebook_name}.html"


def sweep_version(version: str) -> None:
    """Remove temporary files that killed processes left in a run version; only while its lock is held."""
    for folder in (runs_folder(version), reports_folder(version)):
        for path in list(folder.rglob(f"{PARTIAL}*")):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def process_is_alive(pid: int) -> bool:
    """Whether a process of this machine is running (a zombie is not)."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
