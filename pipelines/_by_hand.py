"""Reports of notebooks that were executed by hand: in JupyterLab, or with plain papermill.

Such a notebook is the same notebook, and its kernel wrote the same files; what is missing is what only the person has,
the saved notebook with its outputs. It is taken only if it shows that very execution, so that a page never mixes the
outputs of one run with the figures of another: the manifest holds a digest of every cell that the kernel executed.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipelines._hygiene import cleaned_notebook
from pipelines._places import NOTEBOOK, page_path
from pipelines._plan import Step
from pipelines._site import write_index, write_page
from pipelines._study import StagePlan, Study, load_study, override
from shared.params import read_parameters
from shared.runs import (
    HINT,
    UserError,
    digest_of_text,
    notebook_of,
    read_manifest,
    reports_folder,
    runs_folder,
    stage_folder,
    stage_numbers,
    write_text,
)

_BEGIN = re.compile(r"\bbegin\(\s*[\"'](\w+)[\"']")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_AGAIN = "Restart the kernel, run all cells, save the notebook, and try again."


def report_by_hand(path: Path) -> tuple[Path, str]:
    """Write the report of a notebook that was executed by hand and saved.

    Args:
        path: the .ipynb with its outputs.

    Returns:
        The page, and what is wrong with it in one line (empty = nothing).

    Raises:
        UserError: it is not a stage's notebook, its run was not finished, or what was saved is not what was executed.
    """
    import nbformat

    if not path.exists():
        raise UserError(f"There is no notebook {path}. Name a saved .ipynb, or a study.")
    notebook = nbformat.read(path, as_version=4)
    stage, values = _stage_of(path, notebook), _values_of(path, notebook)
    version = str(values["run_version"])
    manifest = _manifest_by_hand(version, stage)
    if problem := _mismatch(notebook["cells"], manifest["facts"]["cells"]):
        raise UserError(
            f"{path.name}: {problem}, so it does not show the run in {stage_folder(version, stage)}. {_AGAIN}"
        )
    executed = cleaned_notebook(_for_readers(notebook), values)
    write_text(stage_folder(version, stage) / NOTEBOOK, nbformat.writes(nbformat.from_dict(executed)))
    problem = write_page(Step(stage, version, values, manifest["parameters_from"], (), ()))
    write_index(study_of_version(version))
    return page_path(version, notebook_of(stage).stem), problem


def awaits_report(path: Path) -> bool:
    """Whether a saved notebook was executed by hand to its end, and its report was not written yet."""
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
        stage, values = _stage_of(path, notebook), _values_of(path, notebook)
    except UserError:  # some other notebook
        return False
    folder = stage_folder(str(values.get("run_version")), stage)
    manifest = read_manifest(folder)
    return manifest is not None and "cells" in manifest["facts"] and not (folder / NOTEBOOK).exists()


def _stage_of(path: Path, notebook: Any) -> str:
    found = [m[1] for cell in notebook["cells"] if cell["cell_type"] == "code" for m in _BEGIN.finditer(cell["source"])]
    if not found:
        raise UserError(f'{path.name} opens no stage: no cell calls begin("<stage>", globals()), so it has no report.')
    return found[0]


def _values_of(path: Path, notebook: Any) -> dict[str, Any]:
    """The parameters that a saved notebook was executed with: its own cell, and what papermill put below it."""
    values = {name: parameter.default for name, parameter in read_parameters(path).items()}
    for cell in notebook["cells"]:
        if "injected-parameters" in cell["metadata"].get("tags", []):
            assigned = [node for node in ast.parse(cell["source"]).body if isinstance(node, ast.Assign)]
            values |= {ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in assigned}
    return values


def _manifest_by_hand(version: str, stage: str) -> dict[str, Any]:
    manifest = read_manifest(stage_folder(version, stage))
    if manifest is None:
        raise UserError(f"{stage_folder(version, stage)} holds no finished run: run the notebook to its last cell.")
    if "cells" not in manifest["facts"]:
        page = page_path(version, notebook_of(stage).stem)
        raise UserError(f"'{stage}' of run '{version}' was executed by a study; its report is {page}.")
    return manifest


def _mismatch(cells: Iterable[Any], executed: list[str]) -> str:
    """Why the saved cells are not what the kernel executed from top to bottom; empty if they are."""
    code = [(n, c) for n, c in enumerate(cells, start=1) if c["cell_type"] == "code" and c["source"].strip()]
    last = 0
    for number, cell in code:
        count = cell["execution_count"] or 0
        if count <= last:
            return f"cell {number} was {'executed before a cell above it' if count else 'not executed'}"
        last = count
    for number, cell in code:
        if cell["execution_count"] >= len(executed):
            return f"cell {number} was executed after run.finish()"
        if executed[cell["execution_count"]] != digest_of_text(cell["source"].rstrip("\n")):
            return f"cell {number} was edited after it was executed"
    return ""


def _for_readers(notebook: Any) -> Any:
    """The notebook without what only helps the person at the keyboard, as a study would have executed it."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [output for output in cell["outputs"] if not _for_the_keyboard(output)]
    return notebook


def _for_the_keyboard(output: Any) -> bool:
    """Hints, and progress bars: as text a bar says for ever that nothing was done yet."""
    return HINT in output.get("metadata", {}) or _WIDGET in output.get("data", {})


def study_of_version(version: str) -> Study:
    """The study that wrote a run version; if it is not known, the stages as their manifests describe them.

    Raises:
        UserError: nothing was finished in that version.
    """
    folder = runs_folder(version)
    manifests = {s: m for s in stage_numbers() if (m := read_manifest(folder / s)) is not None}
    if not manifests:
        raise UserError(f"There is no study '{version}', and no run of that name with a finished stage in {folder}.")
    for name in {m["facts"]["study"] for m in manifests.values() if "study" in m["facts"]}:
        try:
            return override(load_study(name), [], version)
        except UserError:  # a study from elsewhere, which only its run tells of
            continue
    stages = {stage: _plan_of(stage, manifest, manifests) for stage, manifest in manifests.items()}
    return Study(version, version, "Notebooks that were executed by hand.", stages, {}, reports_folder(version))


def _plan_of(stage: str, manifest: dict[str, Any], known: Iterable[str]) -> StagePlan:
    values = {name: v for name, v in manifest["parameters"].items() if name not in ("run_version", "upstream")}
    after = tuple(name for name in manifest["parameters"]["upstream"] if name in known)
    return StagePlan(stage, after, values, manifest["parameters_from"] or dict.fromkeys(values, "notebook"))
