"""The state of every run, as it lies on disk, and of every stage of one study, with reasons."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from IPython.display import display
from markupsafe import Markup

from pipelines._places import page_path
from pipelines._plan import GRID, Step, make_plan
from pipelines._site import states_of
from pipelines._state import State, Status, state_on_disk
from pipelines._study import load_study, override
from pipelines._tell import in_words
from pipelines.lab._table import bundle, link, listed, word
from shared.runs import home, notebook_of, read_manifest, reports_folder, stage_folder, stage_numbers

_MOST_REASONS = 3


class RunState(NamedTuple):
    """One folder of `runs/`.

    Attributes:
        version: its name.
        studies: names of the studies that wrote it; empty for notebooks executed by hand.
        states: state of each stage that is there, by name, in the order of their numbers.
        finished: when the latest stage ended, ISO 8601 in UTC; empty if none did.
        seconds: wall time of the finished stages together.
    """

    version: str
    studies: tuple[str, ...]
    states: dict[str, State]
    finished: str
    seconds: float


def run_states() -> list[RunState]:
    """Every run version that holds a stage, the latest first. Whether a stage is stale is not looked at."""
    folders = [path for path in (home() / "runs").glob("*") if path.is_dir() and not path.name.startswith(".")]
    found = [_run_state(path.name) for path in folders]
    return sorted((run for run in found if run.states), key=lambda run: (run.finished, run.version), reverse=True)


def _run_state(version: str) -> RunState:
    stages = [stage for stage in stage_numbers() if stage_folder(version, stage).is_dir()]
    manifests = [m for stage in stages if (m := read_manifest(stage_folder(version, stage))) is not None]
    return RunState(
        version=version,
        studies=tuple(dict.fromkeys(m["facts"]["study"] for m in manifests if "study" in m["facts"])),
        states={stage: state_on_disk(version, stage) for stage in stages},
        finished=max((m["finished"] for m in manifests), default=""),
        seconds=sum(m["wall_seconds"] for m in manifests),
    )


def show_runs() -> None:
    """Show every run version: which study wrote it, what is done, what is not, and links to its report."""
    rows = [_run_row(run) for run in run_states()]
    header = ["run version", "study", "stages", "not done", "last finished", "took", "report"]
    none = "" if rows else "Nothing was run yet."
    display(bundle(header, rows, below=none), raw=True)


def _run_row(run: RunState) -> list[Any]:
    done = sum(state.status is Status.DONE for state in run.states.values())
    others = {
        _stage_link(run.version, stage): Markup("{} {}").format(word(state.status.value), _reasons(state))
        for stage, state in run.states.items()
        if state.status is not Status.DONE
    }
    index = reports_folder(run.version) / "index.html"
    return [
        run.version,
        ", ".join(run.studies) or ("by hand" if run.finished else ""),
        f"{done} of {len(run.states)} done",
        listed(others),
        run.finished[:16].replace("T", " "),
        in_words(run.seconds),
        link(index, "open") if index.exists() else "",
    ]


def _stage_link(version: str, stage: str) -> Any:
    page = page_path(version, notebook_of(stage).stem)
    return link(page, stage) if page.exists() else stage


def show_stages(study: str, run_version: str | None = None) -> None:
    """Show of every stage of a study whether it is done or would run again, why, and a link to its page.

    Args:
        study: a name in `pipelines/studies`, or a path.
        run_version: folder under `runs/`; None = the study's own.

    Raises:
        UserError: there is no such study, or it is not sound.
    """
    steps = make_plan(override(load_study(study), [], run_version))
    states = states_of(steps)
    rows = [_stage_row(step, states[step.identity]) for step in steps]
    display(bundle(["stage", "state", "why", "took", "page"], rows), raw=True)


def _stage_row(step: Step, state: State) -> list[Any]:
    manifest = read_manifest(step.folder)
    page = page_path(step.version, notebook_of(step.stage).stem)
    return [
        _title(step),
        word(state.status.value),
        _reasons(state),
        in_words(manifest["wall_seconds"]) if manifest else "",
        link(page, "open") if page.exists() else "",
    ]


def _title(step: Step) -> str:
    combination = step.version.partition(f"/{GRID}/")[2]
    return f"{step.stage} ({combination})" if combination else step.stage


def _reasons(state: State) -> str:
    return _shortened([reason.splitlines()[0] for reason in state.reasons])


def _shortened(reasons: Iterable[str]) -> str:
    kept = list(reasons)
    more = f"; and {len(kept) - _MOST_REASONS} more" if len(kept) > _MOST_REASONS else ""
    return "; ".join(kept[:_MOST_REASONS]) + more
