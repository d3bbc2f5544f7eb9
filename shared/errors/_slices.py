"""Where the errors are: confusions with intervals, and slices found automatically, corrected for looking at many."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from shared.stats import benjamini_hochberg, wilson_interval


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


def find_slices(rows: pd.DataFrame, features: list[str], *, least: int = 10, level: float = 0.05) -> pd.DataFrame:
    """Slices with more errors than the rest, over single features and pairs of them.

    Args:
        rows: with `right` and the features (as text).
        features: columns to cut by; a feature with one value cuts nothing.
        least: clusters that a slice must hold.
        level: false-discovery rate in (0, 1).

    Returns:
        Columns slice, n, clusters, error_rate, rest, lift (of error rates), p_value, q_value (Benjamini-Hochberg over
        every slice that was looked at), found (q_value <= level); most excess errors first. The test compares
        clusters, each with its own error rate, so that one long conversation cannot make a finding.
    """
    candidates = [(name, mask) for name, mask in _candidates(rows, features) if _clusters(rows, mask) >= least]
    looked = [_measured(rows, name, mask) for name, mask in candidates if not mask.all()]
    table = pd.DataFrame(looked, columns=["slice", "n", "clusters", "error_rate", "rest", "lift", "p_value"])
    table["q_value"] = benjamini_hochberg(table["p_value"].to_numpy()) if len(table) else []
    table["found"] = (table["q_value"] <= level) & (table["error_rate"] > table["rest"])
    excess = (table["error_rate"] - table["rest"]) * table["n"]
    return table.iloc[np.argsort(-excess.to_numpy(dtype=float), kind="stable")].reset_index(drop=True)


def _candidates(rows: pd.DataFrame, features: list[str]) -> list[tuple[str, np.ndarray]]:
    single = [
        ((feature,), (value,), (rows[feature] == value).to_numpy())
        for feature in features for value in sorted(rows[feature].dropna().unique())
    ]  # fmt: skip
    pairs = [
        ((*a[0], *b[0]), (*a[1], *b[1]), a[2] & b[2]) for a, b in combinations(single, 2) if a[0] != b[0]
    ]  # fmt: skip
    return [(_named(names, values), mask) for names, values, mask in [*single, *pairs]]


def _named(names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    return " and ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))


def _clusters(rows: pd.DataFrame, mask: np.ndarray) -> int:
    return int(rows.loc[mask, "cluster"].nunique())


def _measured(rows: pd.DataFrame, name: str, mask: np.ndarray) -> tuple[Any, ...]:
    from scipy.stats import mannwhitneyu

    wrong = ~rows["right"]
    inside, outside = wrong[mask], wrong[~mask]
    rates = [part.groupby(rows["cluster"]).mean().to_numpy(float) for part in (inside, outside)]
    same = np.concatenate(rates)
    p_value = 1.0 if np.ptp(same) == 0 else float(mannwhitneyu(*rates, alternative="greater").pvalue)
    lift = inside.mean() / outside.mean() if outside.mean() > 0 else float("inf")
    return (name, int(mask.sum()), _clusters(rows, mask), inside.mean(), outside.mean(), lift, p_value)
