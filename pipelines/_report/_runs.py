"""Pages about several runs: the list of all of them, and two side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines._report._reference import reference_pages
from pipelines._report._render import SHARED, Place, write_page


def runs_page(reports: Path, runs: Sequence[Mapping[str, Any]], comparisons: Sequence[Mapping[str, str]]) -> None:
    """The list of all runs, with a search over all their reports.

    Args:
        reports: the folder `reports/`.
        runs: newest first: `version`, `study`, `description`, `done`, `stages` (counts), `seconds`, `peak` (bytes),
            `finished` (ISO 8601 or None).
        comparisons: `address` (from `reports/`), `first` and `second` (run versions).
    """
    write_page(
        reports / "index.html", "runs.html.j2", place=Place(assets=SHARED), title="All runs", runs=runs,
        comparisons=comparisons,
    )  # fmt: skip
    reference_pages(reports, assets=SHARED)


def comparison_page(target: Path, comparison: Mapping[str, Any]) -> None:
    """Two runs side by side: parameters that differ, figures that differ, cost.

    Args:
        target: `reports/_compare/<A>--<B>.html`.
        comparison: as `pipelines._compare.compared` gives it.
    """
    title = f"{comparison['first']['version']} and {comparison['second']['version']}"
    write_page(target, "compare.html.j2", place=Place("../", SHARED), title=title, **comparison)
