"""Pages of the report site: a stage, a failed stage, a grid's comparison."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup

from pipelines._report import _cells, _words
from pipelines._report._render import place_in, write_page
from shared.runs import read_manifest

INTERVAL = " [95 %]"  # ends the name of a column that holds the interval of another


def stage_page(run_folder: Path, target: Path, *, one_file: bool = False) -> None:
    """The page of one executed stage.

    Args:
        run_folder: `runs/<v>/<stage>/` with notebook.ipynb, manifest.json and results.json.
        target: the HTML file to write; shared assets are written to `assets/` beside the index of its run.
        one_file: put scripts and styles inside the page, so that it can be sent alone (about 5 MiB more).
    """
    notebook = nbformat.read(run_folder / "notebook.ipynb", as_version=4)
    results = results_of(run_folder)
    cells = _cells.fragments(notebook.cells, results)
    manifest = read_manifest(run_folder) or {}
    lead, body = _lead_and_body(cells)
    write_page(
        target,
        "stage.html.j2",
        place=place_in(manifest.get("version", "")),
        one_file=one_file,
        title=title_of(notebook.cells, run_folder.name),
        stage=run_folder.name,
        headings=[(anchor, text) for anchor, text in _cells.headings(notebook.cells) if text != _cells.FINDINGS],
        findings=[cell for cell in cells if cell.kind == "findings"],
        results=results,
        cells=body,
        draws=_cells.draw_plots(cells),
        lead=lead,
        manifest=manifest,
        **_parameters(manifest),
    )


def _lead_and_body(cells: list[_cells.Fragment]) -> tuple[Markup, list[_cells.Fragment]]:
    """The notebook's header, and the cells below it; findings stand above both on the page."""
    body = [cell for cell in cells if cell.kind != "findings"]
    if body and body[0].kind == "markdown":
        return body[0].source, body[1:]
    return Markup(), body


def _parameters(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Parameters that somebody set, with who did, and those left at their defaults."""
    values, origins = manifest.get("parameters", {}), manifest.get("parameters_from", {})
    chosen = {n: (value, origins[n]) for n, value in values.items() if origins.get(n, "default") != "default"}
    return {"chosen": chosen, "defaults": {name: value for name, value in values.items() if name not in chosen}}


def failure_page(run_folder: Path, target: Path, *, one_file: bool = False) -> None:
    """The page of a failed stage, from `failure.json` and what the notebook had shown until then.

    Args:
        run_folder: `runs/<v>/<stage>/` with failure.json.
        target: the HTML file to write.
        one_file: put scripts and styles inside the page.
    """
    failure = json.loads((run_folder / "failure.json").read_text(encoding="utf-8"))
    partial = run_folder / "notebook.partial.ipynb"
    cells = _cells.fragments(_until_the_failure(nbformat.read(partial, as_version=4).cells if partial.exists() else []))
    write_page(
        target,
        "failure.html.j2",
        place=place_in(failure.get("version", "")),
        one_file=one_file,
        title=f"{run_folder.name} failed",
        stage=run_folder.name,
        failure=failure,
        cause=failure.get("likely_cause") or failure.get("cause") or failure.get("message") or "",
        facts=_facts_of(failure),
        source=_cells.source(failure.get("source") or ""),
        cells=cells,
        draws=_cells.draw_plots(cells),
    )


def _until_the_failure(cells: list[Any]) -> list[Any]:
    """What stands above the cell that failed, and that cell: what comes below was not reached."""
    reached = max((place for place, cell in enumerate(cells, start=1) if cell.get("execution_count")), default=0)
    return [c for c in cells[:reached] if c.get("execution_count") or c["cell_type"] == "markdown"]


def _facts_of(failure: Mapping[str, Any]) -> dict[str, Any]:
    """Where and when it failed, in the words of a reader."""
    facts = {
        "what": failure.get("kind"),
        "run": failure.get("version"),
        "at": failure.get("heading"),
        "cell": failure.get("cell"),
        "after": _words.duration(failure.get("wall_seconds")),
        "peak memory": _words.memory(failure.get("peak_memory_bytes")),
    }
    return {name: value for name, value in facts.items() if value not in (None, "", "–")}


def grid_page(version_folder: Path, target: Path) -> None:
    """The comparison of a grid's combinations: one row a combination, with links to their pages.

    Args:
        version_folder: `runs/<v>/` with `grid/comparison.parquet` (columns combination, status, link, then
            parameters named `stage.parameter` and recorded values named `stage:value`, whose interval is in the
            column `stage:value [95 %]`).
        target: the HTML file to write.
    """
    import pandas as pd

    table = pd.read_parquet(version_folder / "grid" / "comparison.parquet")
    shown = [c for c in table.columns if c not in ("combination", "status", "link") and not c.endswith(INTERVAL)]
    figures = [column for column in shown if ":" in column]
    equal = [column for column in figures if len(table) > 1 and table[column].nunique(dropna=False) == 1]
    write_page(
        target,
        "grid.html.j2",
        title=f"{version_folder.name}: comparison",
        rows=table.to_dict("records"),
        parameters=[c for c in shown if ":" not in c],
        # Those that say how sure they are come first: a page is read from the left.
        figures=sorted((c for c in figures if c not in equal), key=lambda c: f"{c}{INTERVAL}" not in table),
        equal=[(column, table[column].iloc[0]) for column in equal],
        interval=INTERVAL,
    )


def results_of(run_folder: Path) -> list[dict[str, Any]]:
    """The recorded values of a stage, or an empty list if it recorded none."""
    path = run_folder / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def title_of(cells: Iterable[Mapping[str, Any]], fallback: str) -> str:
    """The first-level heading of a notebook."""
    for cell in cells:
        match = re.search(r"^#\s+(.+)$", cell["source"], flags=re.MULTILINE)
        if cell["cell_type"] == "markdown" and match:
            return match[1]
    return fallback
