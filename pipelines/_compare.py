"""Two runs side by side: parameters and figures that differ, whether by more than chance, and what each cost."""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipelines._hygiene import clean_page, private_texts
from pipelines._places import page_path
from shared.runs import UserError, home, notebook_of, read_manifest, reports_folder, runs_folder, stage_numbers

_FOLDER = "_compare"  # under reports/; no run version begins with an underscore
_NOT_COMPARED = ("run_version", "upstream")  # they differ because the runs do
_BEYOND = "beyond chance"
_NEWEST = 8  # runs that a new run is compared with without being asked


class Pair(NamedTuple):
    """A comparison that was written: its address from `reports/`, and the run versions."""

    address: str
    first: str
    second: str


def write_comparison(first: str, second: str) -> Path:
    """Compare two runs and write their page.

    Args:
        first: run version A, such as `v1` or `v1/grid/seed=1`.
        second: run version B.

    Returns:
        The page under `reports/_compare/`.

    Raises:
        UserError: one of them has no finished stage, or they have no stage in common.
    """
    from pipelines import _report

    target = _page_of(first, second)
    _report.comparison_page(target, compared(first, second))
    clean_page(target, private_texts({}))
    if first != second:
        _page_of(second, first).unlink(missing_ok=True)
    return target


def _page_of(first: str, second: str) -> Path:
    return reports_folder(_FOLDER) / f"{_safe(first)}--{_safe(second)}.html"


def _safe(version: str) -> str:
    return re.sub(r"[^A-Za-z0-9._=,+-]+", "~", version)


def compared(first: str, second: str) -> dict[str, Any]:
    """Everything that the comparison page shows.

    Returns:
        `first`, `second` (version, study, seconds, address), `stages` (one mapping a common stage in which something
        differs), `equal` (the other common ones), `notes` (what holds for every common stage), `beyond` (figures that
        differ beyond chance, with their stage), `only_first`, `only_second` (stage names) and the counts
        `n_parameters`, `n_figures`, `n_compared`, `n_judged`.
    """
    ours, theirs = _finished(first), _finished(second)
    common = [stage for stage in ours if stage in theirs]
    if not common:
        raise UserError(f"{first} and {second} have no stage in common: {', '.join(ours)} and {', '.join(theirs)}.")
    everywhere = [note for note in _notes(ours[common[0]], theirs[common[0]])
                  if all(note in _notes(ours[stage], theirs[stage]) for stage in common)]  # fmt: skip
    stages = [_stage(stage, first, second, ours[stage], theirs[stage], everywhere) for stage in common]
    rows = [row | {"stage": stage["stage"]} for stage in stages for row in stage["figures"]]
    judged = [row for row in rows + [r for s in stages for r in s["same"]] if row["interval"]]
    return {
        "first": _about(first, ours),
        "second": _about(second, theirs),
        "stages": [stage for stage in stages if _differs(stage)],
        "equal": [stage for stage in stages if not _differs(stage)],
        "notes": everywhere,
        "beyond": [row for row in rows if row["verdict"] == _BEYOND],
        "only_first": [stage for stage in ours if stage not in theirs],
        "only_second": [stage for stage in theirs if stage not in ours],
        "n_parameters": sum(len(stage["parameters"]) for stage in stages),
        "n_figures": len(rows),
        "n_compared": len(rows) + sum(len(stage["same"]) for stage in stages),
        "n_judged": len(judged),
    }


def _differs(stage: Mapping[str, Any]) -> bool:
    return bool(stage["parameters"] or stage["notes"] or stage["figures"])


def _finished(version: str) -> dict[str, dict[str, Any]]:
    """Manifest of each finished stage, in the order of stages."""
    folder = runs_folder(version)
    found = {stage: m for stage in stage_numbers() if (m := read_manifest(folder / stage)) is not None}
    if not found:
        known = ", ".join(run_versions()) or "none"
        raise UserError(f"There is no run '{version}' with a finished stage in {folder.parent}. Runs: {known}.")
    return found


def run_versions() -> list[str]:
    """Run versions that have a finished stage, the one that finished last first (grids' combinations not counted)."""
    folders = [f for f in (home() / "runs").glob("*") if f.is_dir()]
    finished = {f.name: max(stamps) for f in folders if (stamps := _finish_times(f))}
    return sorted(finished, key=lambda version: finished[version], reverse=True)


def _finish_times(folder: Path) -> list[str]:
    manifests = [read_manifest(folder / stage) for stage in stage_numbers()]
    return [manifest["finished"] for manifest in manifests if manifest]


def _about(version: str, manifests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    index = reports_folder(version.partition("/")[0]) / "index.html"
    return {
        "version": version,
        "study": next((m["facts"]["study"] for m in manifests.values() if "study" in m["facts"]), ""),
        "seconds": sum(m["wall_seconds"] for m in manifests.values()),
        "address": f"../{version.partition('/')[0]}/index.html" if index.exists() else None,
    }


def _stage(
    stage: str, first: str, second: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], told: Iterable[str]
) -> dict[str, Any]:
    rows = list(_figures(_recorded(first, stage), _recorded(second, stage)))
    return {
        "stage": stage,
        "number": notebook_of(stage).stem[:3],
        "first_page": _page(first, stage),
        "second_page": _page(second, stage),
        "parameters": list(_differing(ours["parameters"], theirs["parameters"])),
        "notes": [note for note in _notes(ours, theirs) if note not in told],
        "figures": [row for row in rows if row["difference"] != 0],
        "same": [row for row in rows if row["difference"] == 0],
    }


def _page(version: str, stage: str) -> str | None:
    page = page_path(version, notebook_of(stage).stem)
    return f"../{page.relative_to(home() / 'reports').as_posix()}" if page.exists() else None


def _recorded(version: str, stage: str) -> dict[str, dict[str, Any]]:
    from pipelines import _report

    return {row["name"]: row for row in _report.results_of(runs_folder(version) / stage)}


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterable[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*ours, *theirs]):
        a, b = ours.get(name, "not there"), theirs.get(name, "not there")
        if a != b and name not in _NOT_COMPARED:
            yield name, a, b


def _notes(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterable[str]:
    """What else differs and may be why figures do."""
    if _outside(ours) != _outside(theirs):
        yield "They read different files from outside."
    if ours["git"] != theirs["git"]:
        yield "They ran different revisions of the code."
    packages = [name for name, *_ in _differing(ours["packages"], theirs["packages"])]
    if packages:
        yield f"Packages differ: {', '.join(packages)}."


def _outside(manifest: Mapping[str, Any]) -> list[str]:
    return sorted(entry["digest"] for entry in manifest["inputs"] if entry["stage"] is None)


def _figures(ours: Mapping[str, dict[str, Any]], theirs: Mapping[str, dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for name in ours:
        if name in theirs:
            yield {"name": name, "unit": ours[name]["unit"], **_difference(ours[name], theirs[name])}


def _difference(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    a, b = first["value"], second["value"]
    row = {"first": first, "second": second, "value": b, "interval": None, "verdict": ""}
    if not (isinstance(a, float | int) and isinstance(b, float | int)):  # a word, or not scored
        return {**row, "difference": 0 if a == b else None}
    interval = interval_of_difference(first, second)
    if interval:
        row["verdict"] = "within chance" if interval[0] <= 0 <= interval[1] else _BEYOND
    return {**row, "difference": b - a, "interval": interval}


def interval_of_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[float, float] | None:
    """The 95 % interval of B - A from the intervals of A and B, as if they were measured on different cases.

    Args:
        first: `value` and `interval` of A; the value is a number.
        second: the same of B.

    Returns:
        (low, high); None where one of them has no complete interval. Conservative where A and B share their cases and
        rise and fall together, because then the true interval is narrower.

    Source: Zou and Donner 2008 (the square-and-add method, which keeps lopsided intervals lopsided).
    """
    bounds = [*(first["interval"] or (None, None)), *(second["interval"] or (None, None))]
    if any(bound is None or not math.isfinite(bound) for bound in bounds):
        return None
    (low_a, high_a, low_b, high_b), a, b = bounds, first["value"], second["value"]
    return (b - a) - math.hypot(b - low_b, high_a - a), (b - a) + math.hypot(high_b - b, a - low_a)


def compare_with_newest(version: str) -> None:
    """Write the comparison of a run with each of the newest others that share a stage with it."""
    stages = {other: set(_finished(other)) for other in run_versions()[:_NEWEST]}
    for other in stages.keys() - {version}:
        if version in stages and stages[version] & stages[other]:
            write_comparison(*_in_order(*sorted((other, version))))


def _in_order(first: str, second: str) -> tuple[str, str]:
    """One page a pair, whichever ran last; somebody who asked for the other order keeps it."""
    return (second, first) if _page_of(second, first).exists() else (first, second)


def written_comparisons() -> list[Pair]:
    """Every comparison under `reports/_compare/`, by name."""
    pages = sorted(reports_folder(_FOLDER).glob("*--*.html"))
    return [Pair(f"{_FOLDER}/{page.name}", *page.stem.replace("~", "/").split("--", 1)) for page in pages]
