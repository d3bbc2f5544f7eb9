"""Accuracy, macro-F1 and AUC with clustered intervals, computed from totals a cluster."""

import numpy as np

from shared.stats._bootstrap import cluster_weights, mean_estimate, percentile_interval, resampled_totals
from shared.stats._estimate import NOTHING, Column, Estimate, as_column, cluster_codes, missing
from shared.stats._proportions import wilson_interval


def accuracy_estimate(
    truth: Column,
    predicted: Column,
    clusters: Column | None = None,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Share of rows predicted right.

    Args:
        truth: shape (rows,), labels; None or NaN = no truth, unscored.
        predicted: shape (rows,), labels; None or NaN = abstained or unparseable, unscored.
        clusters: shape (rows,), the independent unit; None: every row.
        level: coverage in (0, 1).
        replicates: bootstrap replicates.
        seed: seed of the bootstrap.

    Returns:
        Estimate in [0, 1]. Where all rows are right or all wrong the interval is Wilson's over clusters.
    """
    true, guess = as_column(truth), as_column(predicted)
    keep = ~(missing(true) | missing(guess))
    right = np.where(keep, true == guess, np.nan)
    estimate = mean_estimate(right, clusters, level=level, replicates=replicates, seed=seed)
    if estimate.value not in (0.0, 1.0):
        return estimate
    _, count = cluster_codes(clusters, keep)
    return estimate._replace(interval=wilson_interval(estimate.value * count, count, level=level))


def macro_f1_estimate(
    truth: Column,
    predicted: Column,
    clusters: Column | None = None,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Unweighted mean of the classes' F1.

    Args:
        truth: shape (rows,), labels; None or NaN = unscored.
        predicted: shape (rows,), labels; None or NaN = unscored.
        clusters: shape (rows,), the independent unit; None: every row.
        level: coverage in (0, 1).
        replicates: bootstrap replicates.
        seed: seed of the bootstrap.

    Returns:
        Estimate in [0, 1] over the classes seen in truth or prediction; a class that a replicate does not
        contain at all is left out of that replicate.
    """
    true, guess = as_column(truth), as_column(predicted)
    keep = ~(missing(true) | missing(guess))
    n, n_unscored = int(keep.sum()), int((~keep).sum())
    if not n:
        return Estimate(float("nan"), NOTHING, 0, n_unscored)
    codes, count = cluster_codes(clusters, keep)
    totals = _f1_totals(true[keep], guess[keep], codes, count)
    drawn = _macro_f1(resampled_totals(totals, replicates, seed))
    value = float(_macro_f1(totals.sum(axis=0, keepdims=True))[0])
    return Estimate(value, percentile_interval(drawn, count, level), n, n_unscored)


def _f1_totals(true: np.ndarray, guess: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """Hits and twice-F1-denominators by cluster and class; shape (clusters, 2 * classes)."""
    names, both = np.unique(np.concatenate([true, guess]).astype(str), return_inverse=True)
    true_codes, guess_codes = both[: len(true)], both[len(true) :]
    hits, seen = np.zeros((count, len(names))), np.zeros((count, len(names)))
    right = true_codes == guess_codes
    np.add.at(hits, (codes[right], true_codes[right]), 2)
    np.add.at(seen, (codes, true_codes), 1)
    np.add.at(seen, (codes, guess_codes), 1)
    return np.hstack([hits, seen])


def _macro_f1(totals: np.ndarray) -> np.ndarray:
    """Macro-F1 of each row of totals: F1 = 2 hits / (true + predicted)."""
    hits, seen = np.hsplit(totals, 2)
    f1 = np.divide(hits, seen, out=np.full(hits.shape, np.nan), where=seen > 0)
    return np.nanmean(f1, axis=1)


def auc_estimate(
    truth: Column,
    scores: Column,
    clusters: Column | None = None,
    *,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Area under the ROC curve: how often a positive row has the higher score (a tie counts a half).

    Args:
        truth: shape (rows,), 0 or 1 (or bool); NaN = unscored.
        scores: shape (rows,), higher means positive; NaN = unscored.
        clusters: shape (rows,), the independent unit; None: every row.
        level: coverage in (0, 1).
        replicates: bootstrap replicates.
        seed: seed of the bootstrap.

    Returns:
        Estimate in [0, 1]; NaN if only one class is scored.
    """
    positive, score = np.asarray(truth, dtype=float), np.asarray(scores, dtype=float)
    keep = ~(np.isnan(positive) | np.isnan(score))
    n, n_unscored = int(keep.sum()), int((~keep).sum())
    if len(np.unique(positive[keep])) < 2:
        return Estimate(float("nan"), NOTHING, n, n_unscored)
    codes, count = cluster_codes(clusters, keep)
    order = np.argsort(score[keep], kind="stable")
    positive, score, codes = positive[keep][order], score[keep][order], codes[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(score) > 0]))
    drawn = [_weighted_auc(weights[:, codes], positive, starts) for weights in cluster_weights(count, replicates, seed)]
    value = float(_weighted_auc(np.ones((1, n)), positive, starts)[0])
    return Estimate(value, percentile_interval(np.concatenate(drawn), count, level), n, n_unscored)


def _weighted_auc(weights: np.ndarray, positive: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """AUC of rows sorted by score under each row of weights; `starts` opens each group of equal scores."""
    ups = np.add.reduceat(weights * positive, starts, axis=1).astype(float)
    downs = np.add.reduceat(weights * (1 - positive), starts, axis=1).astype(float)
    below = np.cumsum(downs, axis=1) - downs
    pairs = ups.sum(axis=1) * downs.sum(axis=1)
    won = (ups * (below + downs / 2)).sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)
