"""The index of a run: what was asked, what was found, how sure, what it cost."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup

from pipelines._report import _cells, _markdown, _words
from pipelines._report._reference import reference_pages
from pipelines._report._render import write_page
from pipelines._report._site import results_of, title_of
from shared.runs import read_manifest, stage_numbers, write_text

_QUESTION = re.compile(r"\*\*Question\*\*[:.]?\s*(.+?)(?:\n\n|\n[-*] |\n\*\*|$)", re.DOTALL)
_QUOTED = re.compile(r"\{(\w+)[^{}]*\}")  # a recorded value in the template of a finding
_FIGURES_IN_INDEX = 4
_FEW = 30  # items; below, an interval is wide and leans on few cases
_NAMES_TOLD = 3
_COSTS = ("cost", "llm_cost")  # what stages that ask a language model record, in US dollars
_WINGS = {
    1: "Conversations", 2: "Authors", 3: "Small encoders in place of a language model",
    4: "A support model of one's own", 5: "Feedback and judging", 6: "Errors",
}  # fmt: skip


def index_page(version_folder: Path, target_folder: Path, study: Mapping[str, Any]) -> None:
    """The index of a run, the data of its search, and the glossary and sources that all its pages link to.

    Args:
        version_folder: `runs/<v>/`.
        target_folder: `reports/<v>/`, which already holds the stages' pages.
        study: `name`, `description`, `status` (word by stage name), `reason` (why, by stage name) and, where there are
            any, `comparisons` (links to comparisons with other runs: name and address).
    """
    stages = [_stage_row(version_folder / name, target_folder, study) for name in _in_order(study["status"])]
    write_page(
        target_folder / "index.html",
        "index.html.j2",
        title=study["name"],
        version=version_folder.name,
        description=study.get("description", ""),
        wings=_by_wing(stages),
        stages=stages,
        totals=_totals(stages),
        grid=(target_folder / "grid.html").exists(),
        comparisons=study.get("comparisons", []),
    )
    write_text(target_folder / "assets" / "search.js", _search_script(version_folder.name, stages))
    reference_pages(target_folder)


def _in_order(stages: Iterable[str]) -> list[str]:
    numbers = stage_numbers()
    return sorted(stages, key=lambda stage: numbers.get(stage, 1000))


def _by_wing(stages: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    wings: dict[str, list[Mapping[str, Any]]] = {}
    for stage in stages:
        wings.setdefault(_WINGS.get(int(stage["number"]) // 100, ""), []).append(stage)
    return wings


def _totals(stages: list[dict[str, Any]]) -> dict[str, Any]:
    """What the whole run took, and how many of its figures say how sure they are."""
    rows = [row for stage in stages for row in stage["recorded"]]
    costs = [row["value"] for row in rows if row["name"] in _COSTS and row["value"] is not None]
    return {
        "done": sum(stage["status"] == "done" for stage in stages),
        "stale": sum(stage["status"] == "stale" for stage in stages),
        "seconds": sum(stage["wall_seconds"] or 0 for stage in stages),
        "peak": max((stage["peak"] or 0 for stage in stages), default=0),
        "cost": sum(costs) if costs else None,
        "figures": len(rows),
        "with_interval": sum(bool(_bounds(row)) for row in rows),
        "undecided": sum(_holds_zero(row) for row in rows),
        "unscored": sum(row["value"] is None for row in rows),
    }


def _stage_row(run_folder: Path, target_folder: Path, study: Mapping[str, Any]) -> dict[str, Any]:
    manifest = read_manifest(run_folder) or {}
    page = f"{stage_numbers().get(run_folder.name, 0):03d}_{run_folder.name}.html"
    path = run_folder / "notebook.ipynb"
    cells = nbformat.read(path, as_version=4).cells if path.exists() else []
    recorded = results_of(run_folder) if manifest else []
    return {
        "stage": run_folder.name,
        "number": page[:3],
        "page": page if (target_folder / page).exists() else None,
        "title": title_of(cells, run_folder.name),
        "question": _question(cells),
        "findings": [output for cell in _cells.fragments(cells) if cell.kind == "findings" for output in cell.outputs],
        "recorded": recorded,
        "results": key_figures(recorded, _quoted(cells)),
        "doubts": list(_doubts(recorded)),
        "status": study["status"][run_folder.name],
        "reason": study.get("reason", {}).get(run_folder.name, ""),
        "wall_seconds": manifest.get("wall_seconds"),
        "peak": manifest.get("peak_memory_bytes"),
        "sections": _words.sections(cells),
    }


def _quoted(cells: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the recorded values that the findings quote, in their order."""
    sources = [c["source"] for c in cells if "findings" in c["metadata"].get("tags", [])]
    return _QUOTED.findall("\n".join(sources))


def key_figures(recorded: Iterable[dict[str, Any]], quoted: list[str]) -> list[dict[str, Any]]:
    """The few figures that the index shows: those that the findings quote, and of these first those with an interval.

    Args:
        recorded: rows of `results.json`.
        quoted: names that the findings quote.

    Returns:
        At most four rows; unscored ones only in `_doubts`. `strip` is added where value and interval are shares.
    """
    scored = [row for row in recorded if row["value"] is not None]
    place = {name: index for index, name in reversed(list(enumerate(quoted)))}
    ranked = sorted(scored, key=lambda row: _rank(row, place))  # keeps the order of recording among equals
    return [row | {"strip": _strip(row)} for row in ranked[:_FIGURES_IN_INDEX]]


def _rank(row: Mapping[str, Any], place: Mapping[str, int]) -> tuple[bool, int, int]:
    quoted, sure = row["name"] in place, bool(row["interval"])
    return isinstance(row["value"], str), (not quoted) * 2 + (not sure), place.get(row["name"], 0)


def _strip(row: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Low, value and high in percent of a bar from 0 to 1; None for what is no share with an interval."""
    bounds = _bounds(row)
    if not bounds or row["unit"] or not 0 <= bounds[0] <= bounds[1] <= 1:
        return None
    return 100 * bounds[0], 100 * row["value"], 100 * bounds[1]


def _bounds(row: Mapping[str, Any]) -> tuple[float, float] | None:
    return tuple(row["interval"]) if row["interval"] and None not in row["interval"] else None


def _holds_zero(row: Mapping[str, Any]) -> bool:
    """Whether an interval reaches to both sides of zero: only signed figures, such as differences, can do that."""
    bounds = _bounds(row)
    return bool(bounds and bounds[0] < 0 < bounds[1])


def _doubts(recorded: list[dict[str, Any]]) -> Iterator[str]:
    """What stands against believing a stage, in words."""
    if undecided := [row["name"] for row in recorded if _holds_zero(row)]:
        yield f"may be zero: {_told(undecided)}"
    if unscored := [row["name"] for row in recorded if row["value"] is None]:
        yield f"not scored: {_told(unscored)}"
    counts = [row["n"] for row in recorded if row["n"] is not None and 0 < row["n"] < _FEW and row["interval"]]
    if counts:
        yield f"few cases: {_words.plural(len(counts), 'figure')} with n below {_FEW}, the smallest {min(counts)}"


def _told(names: list[str]) -> str:
    more = len(names) - _NAMES_TOLD
    return ", ".join(map(_words.spoken, names[:_NAMES_TOLD])) + (f" and {more} more" if more > 0 else "")


def _question(cells: Iterable[Mapping[str, Any]]) -> Markup:
    header = next((c["source"] for c in cells if c["cell_type"] == "markdown"), "")
    found = _QUESTION.search(header)
    return Markup(_markdown.render(found[1].strip(" ·"))) if found else Markup()


def _search_script(version: str, stages: Iterable[Mapping[str, Any]]) -> str:
    """A script that adds the run's words to those of other runs; a page opened from disk cannot read JSON files."""
    pages = [{"page": s["page"], "title": s["title"], "sections": s["sections"]} for s in stages if s["page"]]
    entry = json.dumps({"run": version, "pages": pages}, ensure_ascii=True)
    return f"(window.colloquySearch = window.colloquySearch || []).push({entry});\n"
