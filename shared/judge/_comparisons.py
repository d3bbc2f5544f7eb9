"""The table that every judge fills and every statistic reads: one row is one prompt answered by two models."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from shared.runs import UserError

if TYPE_CHECKING:
    import pyarrow as pa

Verdict = Literal["model", "baseline", "tie"]

COLUMNS = [
    "prompt_id",
    "model",
    "baseline",
    "answer",
    "baseline_answer",
    "verdict_first",
    "verdict_second",
    "consistent",
    "score",
    "raw_first",
    "raw_second",
]
_ALPACA_KEYS = ("instruction", "output_1", "output_2", "generator_1", "generator_2", "preference")


def comparison_schema() -> "pa.Schema":
    """Column types of the comparisons as they are stored.

    `verdict_first` was given with the model's answer in first place, `verdict_second` with it in second place: "model",
    "baseline", "tie", null = unparseable or never asked. `score` is the model's: 1 win, 0.5 tie, 0 loss (soft judges:
    anything between), null = unscored.
    """
    import pyarrow as pa

    kinds = {"consistent": pa.bool_(), "score": pa.float64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def score_of(first: Verdict | None, second: Verdict | None) -> float:
    """The model's score from the verdicts of both orders.

    Args:
        first: verdict with the model's answer in first place; None = unparseable.
        second: verdict with the model's answer in second place; None = unparseable.

    Returns:
        1, 0.5 or 0; 0.5 if the verdicts differ (the judge went by position), NaN if either is missing.
    """
    if first is None or second is None:
        return float("nan")
    # The verdict followed the position, not the answer: it is evidence for neither.
    if first != second:
        return 0.5
    return {"model": 1.0, "tie": 0.5, "baseline": 0.0}[first]


def comparisons(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A table of comparisons from dictionaries; columns that a judge does not fill are null."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["score"] = frame["score"].astype(float)
    frame["consistent"] = frame["consistent"].astype("boolean")
    return frame


def read_alpaca_eval(path: str | Path) -> pd.DataFrame:
    """Comparisons from AlpacaEval's `annotations.json`.

    Args:
        path: a JSON list whose entries have `instruction`, `output_1`, `output_2`, `generator_1`, `generator_2` and
            `preference` in [1, 2] (2: `output_2`, the model under test, wins; soft values are kept; null: unscored).

    Returns:
        One row an entry with `score` = preference - 1, in the order of the file. AlpacaEval shows each pair in one
        random order, so `consistent` and the verdicts are null.

    Raises:
        UserError: the file is no such list, or a preference lies outside [1, 2].
    """
    entries = _alpaca_entries(Path(path))
    preferences = np.array([entry["preference"] for entry in entries], dtype=float)
    if np.any((preferences < 1) | (preferences > 2)):
        raise UserError(
            f"{path}: preferences must lie in [1, 2]. Found {np.nanmin(preferences)} to {np.nanmax(preferences)}."
        )
    return comparisons(
        [
            {
                "prompt_id": str(number),
                "model": entry["generator_2"],
                "baseline": entry["generator_1"],
                "answer": entry["output_2"],
                "baseline_answer": entry["output_1"],
                "score": preference - 1,
            }
            for number, (entry, preference) in enumerate(zip(entries, preferences, strict=True))
        ]
    )


def _alpaca_entries(path: Path) -> list[dict[str, Any]]:
    entries = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path}: expected a list of annotations, as AlpacaEval's annotations.json is.")
    for number, entry in enumerate(entries):
        lacking = [key for key in _ALPACA_KEYS if key not in entry]
        if lacking:
            raise UserError(f"{path}: entry {number} lacks {', '.join(lacking)}. Found: {', '.join(entry)}.")
    return entries
