"""One table that compares the combinations of a grid."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipelines import _report
from pipelines._plan import GRID, Step, combinations, make_plan, version_of
from pipelines._study import Study
from shared.runs import notebook_of, reports_folder, runs_folder, write_parquet


def compare(study: Study, status: Mapping[str, str]) -> pd.DataFrame:
    """Write `runs/<v>/grid/comparison.parquet` and the page `reports/<v>/grid.html`.

    Args:
        study: with a grid.
        status: a word by step identity.

    Returns:
        One row a combination: combination, status, link (to the page of its last stage, from `reports/<v>/`), then the
        parameters named `stage.parameter` and the recorded values named `stage:value`, each with its interval as text
        in `stage:value [95 %]` where it has one; NaN = not recorded.
    """
    steps = {step.identity: step for step in make_plan(study)}
    rows = [_row(study, combination, steps, status) for combination in combinations(study.grid)]
    table = pd.DataFrame(rows)
    write_parquet(runs_folder(study.run_version) / GRID / "comparison.parquet", table)
    _report.grid_page(runs_folder(study.run_version), reports_folder(study.run_version) / "grid.html")
    return table


def _row(
    study: Study, combination: Mapping[str, Any], steps: Mapping[str, Step], status: Mapping[str, str]
) -> dict[str, Any]:
    identities = [f"{version_of(study, stage, combination)}/{stage}" for stage in study.stages]
    varied = [steps[identity] for identity in identities if steps[identity].version != study.run_version]
    # One word where all stages of the combination agree, else a word for each.
    words = {status[step.identity] for step in varied}
    return {
        "combination": varied[-1].version.removeprefix(f"{study.run_version}/{GRID}/"),
        "status": words.pop() if len(words) == 1 else "; ".join(f"{s.stage} {status[s.identity]}" for s in varied),
        "link": f"{varied[-1].version.removeprefix(f'{study.run_version}/')}/{notebook_of(varied[-1].stage).stem}.html",
        **{
            key: value if isinstance(value, (int, float, str)) else json.dumps(value)
            for key, value in combination.items()
        },
        **{name: value for step in varied for name, value in _recorded(step).items()},
    }


def _recorded(step: Step) -> dict[str, Any]:
    path = step.folder / "results.json"
    if not path.exists():
        return {}
    recorded: dict[str, Any] = {}
    for row in json.loads(path.read_text(encoding="utf-8")):
        name = f"{step.stage}:{row['name']}"
        recorded[name] = row["value"]
        if row["interval"] and None not in row["interval"]:
            recorded[f"{name}{_report.INTERVAL}"] = "{:.3g} – {:.3g}".format(*row["interval"])
    return recorded
