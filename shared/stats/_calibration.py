"""Does a confidence of 0.8 mean being right four times out of five?"""

from typing import NamedTuple

import numpy as np

from shared.stats._bootstrap import mean_estimate
from shared.stats._estimate import Column, Estimate


class ReliabilityTable(NamedTuple):
    """By bin of confidence, each of shape (bins,): mean confidence, share right (both NaN if empty), rows."""

    confidence: np.ndarray
    share_right: np.ndarray
    rows: np.ndarray


def reliability_table(probabilities: Column, right: Column, *, bins: int = 15) -> ReliabilityTable:
    """Confidence against being right, in bins of equal width over [0, 1].

    Args:
        probabilities: shape (rows,), confidence of the given answer in [0, 1]; NaN = unscored, left out.
        right: shape (rows,), 1 or 0 (or bool); NaN = unscored, left out.
        bins: number of bins.
    """
    confidence, correct = np.asarray(probabilities, dtype=float), np.asarray(right, dtype=float)
    keep = ~(np.isnan(confidence) | np.isnan(correct))
    index = np.minimum((confidence[keep] * bins).astype(int), bins - 1)
    count = np.bincount(index, minlength=bins)
    empty = np.full(bins, np.nan)
    sums = (np.bincount(index, column[keep], bins) for column in (confidence, correct))
    means = [np.divide(total, count, out=empty.copy(), where=count > 0) for total in sums]
    return ReliabilityTable(means[0], means[1], count)


def expected_calibration_error(probabilities: Column, right: Column, *, bins: int = 15) -> float:
    """Mean distance between confidence and share right over the bins, weighted by their rows.

    Args:
        probabilities: shape (rows,), confidence of the given answer in [0, 1]; NaN = unscored, left out.
        right: shape (rows,), 1 or 0 (or bool); NaN = unscored, left out.
        bins: number of bins of equal width; the error depends on it, so compare only at equal bins.

    Returns:
        In [0, 1]; NaN if nothing is scored.

    Source: Naeini et al. 2015; Guo et al. 2017.
    """
    table = reliability_table(probabilities, right, bins=bins)
    if not table.rows.sum():
        return float("nan")
    distances = np.nan_to_num(np.abs(table.confidence - table.share_right))
    return float(distances @ table.rows / table.rows.sum())


def brier_estimate(
    probabilities: Column,
    right: Column,
    clusters: Column | None = None,
    *,
    seed: int = 0,
) -> Estimate:
    """Mean squared distance between probability and what happened (0 is perfect), with a clustered interval.

    Args:
        probabilities: shape (rows,), in [0, 1]; NaN = unscored.
        right: shape (rows,), 1 or 0; NaN = unscored.
        clusters: shape (rows,), the independent unit; None: every row.
        seed: seed of the bootstrap.
    """
    squares = (np.asarray(probabilities, dtype=float) - np.asarray(right, dtype=float)) ** 2
    return mean_estimate(squares, clusters, seed=seed)
