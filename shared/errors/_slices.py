"""Where the errors are: confusions with intervals, and slices found automatically, corrected for looking at many."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from shared.stats import accuracy_estimate, benjamini_hochberg, wilson_interval

Candidate = tuple[tuple[str, ...], tuple[Any, ...], np.ndarray]


def confusion_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Every confusion that happened.

    Returns:
        Columns truth, predicted, n, of (items of that truth), share, low, high (95 % Wilson interval over items),
        commonest first; right answers are left out.
    """
    totals = rows.groupby("truth").size()
    wrong = rows[rows["truth"] != rows["predicted"]].groupby(["truth", "predicted"]).size().reset_index(name="n")
    wrong["of"] = wrong["truth"].map(totals).astype(int)
    bounds = [wilson_interval(n, of) for n, of in zip(wrong["n"], wrong["of"], strict=True)]
    wrong = wrong.assign(share=wrong["n"] / wrong["of"], low=[b.low for b in bounds], high=[b.high for b in bounds])
    return wrong.sort_values("n", ascending=False, ignore_index=True)


def errors_by(rows: pd.DataFrame, features: list[str], *, least: int = 5, seed: int = 0) -> pd.DataFrame:
    """Error rate of every value of every feature.

    Args:
        rows: with `right`, `cluster` and the features; a cell is a value, a tuple of values, or None (in no line).
        features: columns to list by.
        least: clusters that a value must hold to have a line; rarer ones say nothing.
        seed: of the intervals.

    Returns:
        Columns feature, value, n, clusters, error_rate, low, high (95 %, over clusters); features in the order given,
        within a feature the highest error rate first.
    """
    singles = [single for feature in features for single in _singles(rows, feature)]
    known = [(f, v, mask) for (f,), (v,), mask in singles if _clusters(rows, mask) >= least]
    lines = [_rate(rows[mask], feature, value, seed) for feature, value, mask in known]
    table = pd.DataFrame(lines, columns=["feature", "value", "n", "clusters", "error_rate", "low", "high"])
    order = table["feature"].map({name: place for place, name in enumerate(features)})
    ranks = np.lexsort([-table["error_rate"].to_numpy(dtype=float), order.to_numpy(dtype=float)])
    return table.iloc[ranks].reset_index(drop=True)


def _rate(part: pd.DataFrame, feature: str, value: Any, seed: int) -> tuple[Any, ...]:
    wrong = (~part["right"]).to_numpy(dtype=float)
    found = accuracy_estimate(np.ones(len(part)), wrong, part["cluster"].to_numpy(dtype=object), seed=seed)
    return (feature, str(value), len(part), part["cluster"].nunique(), found.value, *found.interval)


def find_slices(rows: pd.DataFrame, features: list[str], *, least: int = 10, level: float = 0.05) -> pd.DataFrame:
    """Slices with more errors than the rest, over single features and pairs of them.

    Args:
        rows: with `right`, `cluster` and the features; a cell is a value, a tuple of values, or None.
        features: columns to cut by; a feature with one value cuts nothing.
        least: clusters that a slice must hold.
        level: false-discovery rate in (0, 1).

    Returns:
        Columns slice, n, clusters, error_rate, rest, lift (of error rates), p_value, q_value (Benjamini-Hochberg over
        every slice that was looked at), found (q_value <= level); most excess errors first. The test compares
        clusters, each with its own error rate, so that one long conversation cannot make a finding.
    """
    named = [(_named(names, values), mask) for names, values, mask in _candidates(rows, features)]
    candidates = [(name, mask) for name, mask in named if _clusters(rows, mask) >= least]
    looked = [_measured(rows, name, mask) for name, mask in candidates if not mask.all()]
    table = pd.DataFrame(looked, columns=["slice", "n", "clusters", "error_rate", "rest", "lift", "p_value"])
    table["q_value"] = benjamini_hochberg(table["p_value"].to_numpy()) if len(table) else []
    table["found"] = (table["q_value"] <= level) & (table["error_rate"] > table["rest"])
    excess = (table["error_rate"] - table["rest"]) * table["n"]
    return table.iloc[np.argsort(-excess.to_numpy(dtype=float), kind="stable")].reset_index(drop=True)


def _candidates(rows: pd.DataFrame, features: list[str]) -> list[Candidate]:
    several = [name for name in features if rows[name].map(lambda cell: isinstance(cell, tuple)).any()]
    single = [found for name in features if name not in several for found in _singles(rows, name)]
    pairs = [
        ((*a[0], *b[0]), (*a[1], *b[1]), a[2] & b[2]) for a, b in combinations(single, 2) if a[0] != b[0]
    ]  # fmt: skip
    # Values that hold together, such as the codes of a conversation, stand alone: their pairs would be thousands, and
    # correcting for all of them would hide every other slice.
    return [*single, *pairs, *(found for name in several for found in _singles(rows, name))]


def _singles(rows: pd.DataFrame, feature: str) -> list[Candidate]:
    """Every value of a feature with the rows that have it; a row may have several values, or none."""
    cells = rows[feature].map(lambda cell: cell if isinstance(cell, tuple) else () if pd.isna(cell) else (cell,))
    values = sorted({value for cell in cells for value in cell})
    return [
        ((feature,), (value,), cells.map(lambda cell, value=value: value in cell).to_numpy(dtype=bool))
        for value in values
    ]


def _named(names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    return " and ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))


def _clusters(rows: pd.DataFrame, mask: np.ndarray) -> int:
    return int(rows.loc[mask, "cluster"].nunique())


def _measured(rows: pd.DataFrame, name: str, mask: np.ndarray) -> tuple[Any, ...]:
    from scipy.stats import mannwhitneyu

    wrong = ~rows["right"]
    inside, outside = wrong[mask], wrong[~mask]
    rates = [part.groupby(rows["cluster"]).mean().to_numpy(float) for part in (inside, outside)]
    # Rates of whole clusters, ranked: no assumption on their spread, and a chatty cluster counts once.
    same = np.concatenate(rates)
    p_value = 1.0 if np.ptp(same) == 0 else float(mannwhitneyu(*rates, alternative="greater").pvalue)
    lift = inside.mean() / outside.mean() if outside.mean() > 0 else float("inf")
    return (name, int(mask.sum()), _clusters(rows, mask), inside.mean(), outside.mean(), lift, p_value)
