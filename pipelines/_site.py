"""The pages of a study: written after each stage, and again when only the prose of a notebook changed."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines._compare import compare_with_newest, run_versions, written_comparisons
from pipelines._digests import Digests
from pipelines._drawing import draw_stage, was_executed
from pipelines._hygiene import clean_page, cleaned, private_texts
from pipelines._notebooks import text_digest
from pipelines._pairing import generate
from pipelines._places import FAILURE, NOTEBOOK, page_path
from pipelines._plan import Step, make_plan
from pipelines._state import State, state_of
from pipelines._study import Study
from shared.runs import (
    home,
    notebook_of,
    read_manifest,
    reports_folder,
    runs_folder,
    stage_numbers,
    write_json,
    write_text,
)


def write_page(step: Step) -> str:
    """The page of one step, from its executed notebook or its failure; nothing if it has neither.

    Returns:
        What went wrong with the page, in one line; empty if nothing did.
    """
    if not (was_executed(step.folder) or (step.folder / FAILURE).exists()):
        return ""
    return draw_stage(step.folder, page_path(step.version, notebook_of(step.stage).stem), step.values)


def prose_was_edited(step: Step) -> bool:
    """Whether the text of a finished step's notebook differs from what was executed; its code does not."""
    manifest = read_manifest(step.folder)
    return manifest is not None and manifest["facts"].get("text") != text_digest(notebook_of(step.stage))


def renew_prose(step: Step) -> str:
    """Put today's prose and comments into the executed notebook; outputs stay, nothing is executed.

    Args:
        step: done, so that the code cells of both texts match one to one.

    Returns:
        What went wrong with the page, in one line; empty if nothing did.
    """
    notebook = notebook_of(step.stage)
    executed = json.loads((step.folder / NOTEBOOK).read_text(encoding="utf-8"))
    executed["cells"] = _with_outputs(generate(notebook.read_text(encoding="utf-8")).cells, executed["cells"])
    write_text(step.folder / NOTEBOOK, json.dumps(executed, ensure_ascii=False, indent=1) + os.linesep)
    manifest = read_manifest(step.folder) or {}
    manifest["facts"]["text"] = text_digest(notebook)
    write_json(step.folder / "manifest.json", manifest)
    return write_page(step)


def _with_outputs(cells: Iterable[Any], executed: Iterable[Mapping[str, Any]]) -> list[Any]:
    old_code = [cell for cell in executed if cell["cell_type"] == "code"]
    injected = [cell for cell in old_code if "injected-parameters" in cell["metadata"].get("tags", [])]
    waiting = iter(cell for cell in old_code if cell not in injected)
    merged: list[Any] = []
    for cell in cells:
        merged.append({**next(waiting), "source": cell["source"]} if cell["cell_type"] == "code" else cell)
        merged += injected if "parameters" in cell["metadata"].get("tags", []) else []
    return merged


def states_of(steps: Iterable[Step]) -> dict[str, State]:
    """The state of each step by its identity."""
    digests = Digests()
    states = {step.identity: state_of(step, digests) for step in steps}
    digests.save()
    return states


def write_index(study: Study) -> None:
    """The index of a study, and the comparison of its grid."""
    from pipelines import _report

    states = states_of(make_plan(study))
    if study.grid:
        from pipelines._grid import compare

        compare(study, {identity: state.status.value for identity, state in states.items()})
    target = reports_folder(study.run_version)
    compare_with_newest(study.run_version)
    facts = _index_facts(study, states)
    _report.index_page(runs_folder(study.run_version), target, facts)
    told = {"study": study.name, "description": facts["description"], "stages": len(study.stages)}
    write_json(target / "assets" / "run.json", told)
    write_runs()
    for page in (target / "index.html", target / "assets" / "search.js", target.parent / "index.html"):
        clean_page(page, private_texts({}))


def write_runs() -> None:
    """The list of all runs that have a report, and of the comparisons between them."""
    from pipelines import _report

    finished = run_versions()
    folders = sorted(home().glob("reports/[!_.]*/index.html"), key=lambda page: _rank(page.parent.name, finished))
    _report.runs_page(reports_folder(""), [_run_row(page.parent) for page in folders], _pairs())


def _rank(version: str, finished: list[str]) -> int:
    return finished.index(version) if version in finished else len(finished)


def _run_row(folder: Path) -> dict[str, Any]:
    manifests = [m for stage in stage_numbers() if (m := read_manifest(runs_folder(folder.name) / stage)) is not None]
    told = folder / "assets" / "run.json"
    return {
        "version": folder.name,
        "study": next((m["facts"]["study"] for m in manifests if "study" in m["facts"]), "by hand"),
        "description": "",
        "done": len(manifests),
        "stages": len(manifests),
        "seconds": sum(m["wall_seconds"] for m in manifests),
        "peak": max((m["peak_memory_bytes"] for m in manifests), default=0),
        "finished": max((m["finished"] for m in manifests), default=None),
        "searchable": (folder / "assets" / "search.js").exists(),
        **(json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}),
    }


def _pairs() -> list[dict[str, str]]:
    return [pair._asdict() for pair in written_comparisons()]


def _comparisons(version: str) -> list[tuple[str, str]]:
    """The other run and the way from this run's index, for each comparison with it."""
    pairs = [pair for pair in written_comparisons() if version in (pair.first, pair.second)]
    return [(pair.second if pair.first == version else pair.first, f"../{pair.address}") for pair in pairs]


def _index_facts(study: Study, states: Mapping[str, State]) -> dict[str, Any]:
    places = {name: f"{study.run_version}/{name}" for name in study.stages}
    values = {"redact": study.redact, "run_version": study.run_version}
    own = {name: states[place] for name, place in places.items() if place in states}
    return {
        "name": study.name,
        "description": cleaned(study.description, private_texts(values, wholly=True)),
        "status": {stage: state.status.value for stage, state in own.items()},
        "reason": {stage: "; ".join(state.reasons) for stage, state in own.items()},
        "comparisons": _comparisons(study.run_version),
    }
