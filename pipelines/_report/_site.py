"""Pages of the report site: a stage, a failed stage, a grid's comparison, the index of a run."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from pygments.formatters import HtmlFormatter

from pipelines._report import _cells, _markdown, _words
from shared.runs import read_manifest, stage_numbers, write_text

_QUESTION = re.compile(r"\*\*Question\*\*[:.]?\s*(.+?)(?:\n\n|\n[-*] |\n\*\*|$)", re.DOTALL)

_FIGURES_IN_INDEX = 4


def stage_page(run_folder: Path, target: Path, *, one_file: bool = False) -> None:
    """The page of one executed stage.

    Args:
        run_folder: `runs/<v>/<stage>/` with notebook.ipynb, manifest.json and results.json.
        target: the HTML file to write; shared assets are written to `assets/` beside it.
        one_file: put scripts and styles inside the page, so that it can be sent alone (about 5 MiB more).
    """
    notebook = nbformat.read(run_folder / "notebook.ipynb", as_version=4)
    cells = _cells.fragments(notebook.cells)
    _write(
        target,
        "stage.html.j2",
        one_file=one_file,
        title=title_of(notebook.cells, run_folder.name),
        stage=run_folder.name,
        headings=_cells.headings(notebook.cells),
        findings=[output for cell in cells if cell.kind == "findings" for output in cell.outputs],
        results=results_of(run_folder),
        cells=cells[1:] if cells and cells[0].kind == "markdown" else cells,
        lead=cells[0].source if cells and cells[0].kind == "markdown" else Markup(),
        manifest=read_manifest(run_folder),
    )


def failure_page(run_folder: Path, target: Path, *, one_file: bool = False) -> None:
    """The page of a failed stage, from `failure.json` and what the notebook had shown until then.

    Args:
        run_folder: `runs/<v>/<stage>/` with failure.json.
        target: the HTML file to write.
        one_file: put scripts and styles inside the page.
    """
    failure = json.loads((run_folder / "failure.json").read_text(encoding="utf-8"))
    partial = run_folder / "notebook.partial.ipynb"
    cells = nbformat.read(partial, as_version=4).cells if partial.exists() else []
    _write(
        target,
        "failure.html.j2",
        one_file=one_file,
        title=f"{run_folder.name} failed",
        stage=run_folder.name,
        failure=failure,
        source=_cells.source(failure.get("source") or ""),
        cells=_cells.fragments(c for c in cells if c.get("execution_count") or c["cell_type"] == "markdown"),
    )


def index_page(version_folder: Path, target_folder: Path, study: Mapping[str, Any]) -> None:
    """The index of a run: what was asked, what was found, how sure, what it cost.

    Args:
        version_folder: `runs/<v>/`.
        target_folder: `reports/<v>/`, which already holds the stages' pages.
        study: `name`, `description`, `status` (word by stage name) and `reason` (why, by stage name).
    """
    stages = [_stage_row(version_folder / name, target_folder, study) for name in _in_order(study["status"])]
    _write(
        target_folder / "index.html",
        "index.html.j2",
        title=f"{study['name']}",
        version=version_folder.name,
        description=study.get("description", ""),
        stages=stages,
        total_seconds=sum(stage["wall_seconds"] or 0 for stage in stages),
        peak=max((stage["peak"] or 0 for stage in stages), default=0),
        grid=(target_folder / "grid.html").exists(),
    )
    write_text(target_folder / "assets" / "search.js", _search_script(stages))


def grid_page(version_folder: Path, target: Path) -> None:
    """The comparison of a grid's combinations: one row a combination, with links to their pages.

    Args:
        version_folder: `runs/<v>/` with `grid/comparison.parquet` (columns combination, status, link, then
            parameters named `stage.parameter` and recorded values named `stage:value`).
        target: the HTML file to write.
    """
    import pandas as pd

    table = pd.read_parquet(version_folder / "grid" / "comparison.parquet")
    _write(target, "grid.html.j2", title=f"{version_folder.name}: comparison", rows=table.to_dict("records"),
           columns=[c for c in table.columns if c not in ("combination", "status", "link")])  # fmt: skip


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


def _in_order(stages: Iterable[str]) -> list[str]:
    numbers = stage_numbers()
    return sorted(stages, key=lambda stage: numbers.get(stage, 1000))


def _stage_row(run_folder: Path, target_folder: Path, study: Mapping[str, Any]) -> dict[str, Any]:
    manifest = read_manifest(run_folder) or {}
    page = f"{stage_numbers().get(run_folder.name, 0):03d}_{run_folder.name}.html"
    path = run_folder / "notebook.ipynb"
    cells = nbformat.read(path, as_version=4).cells if path.exists() else []
    return {
        "stage": run_folder.name,
        "number": page[:3],
        "page": page if (target_folder / page).exists() else None,
        "title": title_of(cells, run_folder.name),
        "question": _question(cells),
        "finding": _first_finding(cells),
        "results": _key_figures(results_of(run_folder)) if manifest else [],
        "status": study["status"][run_folder.name],
        "reason": study.get("reason", {}).get(run_folder.name, ""),
        "wall_seconds": manifest.get("wall_seconds"),
        "peak": manifest.get("peak_memory_bytes"),
        "text": " ".join(_words.searchable(cells)),
    }


def _key_figures(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The few figures that the index shows: first those that say how sure they are, unscored ones last."""
    certain = [row for row in results if row["interval"] and row["value"] is not None]
    others = [row for row in results if row not in certain and row["value"] is not None]
    return [*certain, *others][:_FIGURES_IN_INDEX]


def _question(cells: Iterable[Mapping[str, Any]]) -> Markup:
    header = next((c["source"] for c in cells if c["cell_type"] == "markdown"), "")
    found = _QUESTION.search(header)
    return Markup(_markdown.render(found[1].strip(" ·"))) if found else Markup()


def _first_finding(cells: Iterable[Mapping[str, Any]]) -> Markup:
    findings = [f for f in _cells.fragments(cells) if f.kind == "findings"]
    return findings[0].outputs[0] if findings and findings[0].outputs else Markup()


def _search_script(stages: Iterable[Mapping[str, Any]]) -> str:
    pages = [{"page": s["page"], "title": s["title"], "text": s["text"]} for s in stages if s["page"]]
    return f"window.colloquySearch = {json.dumps(pages, ensure_ascii=True)};\n"


def _write(target: Path, template: str, *, one_file: bool = False, **content: Any) -> None:
    page = _environment().get_template(template)
    write_text(target, page.render(one_file=one_file, assets=_assets() if one_file else None, **content))
    if not one_file:
        for name, text in _assets().items():
            path = target.parent / "assets" / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                write_text(path, text)


@cache
def _assets() -> dict[str, str]:
    folder = resources.files("pipelines._report") / "assets"
    style = (folder / "style.css").read_text(encoding="utf-8")
    return {
        "style.css": f"{style}\n{HtmlFormatter(cssclass='source', style='friendly').get_style_defs('.source')}\n",
        "site.js": (folder / "site.js").read_text(encoding="utf-8"),
        "plotly.min.js": get_plotlyjs(),
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines._report"), autoescape=select_autoescape(["html", "j2"]), trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"number": _words.number, "duration": _words.duration, "memory": _words.memory}
    return environment
