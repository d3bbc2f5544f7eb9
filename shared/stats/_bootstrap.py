"""The clustered bootstrap: whole conversations (authors, prompts) are drawn again, never single rows.

Most statistics are functions of a few totals a cluster (sum and count for a mean; hits, true and predicted counts for
F1). Then a replicate is one row of `weights @ totals`, and nothing is ever resampled row by row:

- few distinct totals (verdicts): the multinomial is drawn over the distinct totals, exactly and at once;
- up to 5,000 clusters: exact multinomial weights of the clusters;
- more: clusters of nearly equal totals are drawn as one kind, if that loses under 0.1 % of any variance;
- where it would lose more: independent Poisson(1) weights, which give ratios the same distribution as clusters grow.

Intervals are percentiles, widened for few clusters (Hesterberg 2015, "expanded percentile").
"""

from collections.abc import Callable, Iterator
from math import exp, factorial

import numpy as np

from shared.stats._estimate import NOTHING, Column, Estimate, Interval, as_column, cluster_codes, missing

_EXACT_CLUSTERS = 5_000  # above this, Poisson weights
_DISTINCT_SHARE = 16  # drawing over k distinct totals pays when 16 k <= clusters (a binomial costs about 16 integers)
_KINDS = 256  # kinds of nearly equal totals
_LOST_VARIANCE = 1e-3  # largest share of a column's variance that kinds may lose: 0.05 % of a standard error
_CHUNK = 400_000  # weights held at once: they fit a core's cache


def mean_estimate(
    values: Column,
    clusters: Column | None = None,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Mean of the scored values with a clustered bootstrap interval.

    Args:
        values: shape (rows,), any unit; NaN = unscored, left out and counted.
        clusters: shape (rows,), the unit that is independent (conversation, author, prompt); None: every row.
        level: coverage in (0, 1).
        replicates: bootstrap replicates.
        seed: same seed, same interval.

    Returns:
        Estimate; value and interval are NaN if nothing is scored. Identical values give an interval of width 0:
        use `accuracy_estimate` or `wilson_interval` for shares that may be 0 or 1.
    """
    column = np.asarray(values, dtype=float)
    keep = ~np.isnan(column)
    codes, count = cluster_codes(clusters, keep)
    totals = np.column_stack([np.bincount(codes, column[keep], count), np.bincount(codes, minlength=count)])
    value, interval = ratio_interval(totals, level=level, replicates=replicates, seed=seed)
    return Estimate(value, interval, int(keep.sum()), int((~keep).sum()))


def ratio_interval(totals: np.ndarray, *, level: float, replicates: int, seed: int) -> tuple[float, Interval]:
    """Sum of the first column over sum of the second, and its interval; shape of `totals` (clusters, 2)."""
    if not len(totals):
        return float("nan"), NOTHING
    drawn = resampled_totals(totals, replicates, seed)
    sums = totals.sum(axis=0)
    return float(sums[0] / sums[1]), percentile_interval(drawn[:, 0] / drawn[:, 1], len(totals), level)


def bootstrap_estimate(
    statistic: Callable[..., float],
    *arrays: Column,
    clusters: Column | None = None,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Any statistic of rows (macro-F1, AMI, a correlation) with a clustered bootstrap interval.

    Args:
        statistic: called with the arrays' resampled rows, gives one number; NaN replicates are left out.
        arrays: each of shape (rows, ...); a row with NaN or None in a one-dimensional array is unscored.
        clusters: shape (rows,), the independent unit; None: every row.
        level: coverage in (0, 1).
        replicates: bootstrap replicates; each calls `statistic` once.
        seed: same seed, same interval.

    Returns:
        Estimate of the statistic on the scored rows.
    """
    columns = [as_column(array) for array in arrays]
    keep = ~np.logical_or.reduce([np.zeros(len(columns[0]), bool), *(missing(c) for c in columns if c.ndim == 1)])
    scored = [column[keep] for column in columns]
    codes, count = cluster_codes(clusters, keep)
    n, n_unscored = int(keep.sum()), int((~keep).sum())
    if not n:
        return Estimate(float("nan"), NOTHING, 0, n_unscored)
    drawn = [statistic(*(c[rows] for c in scored)) for rows in _resampled_rows(codes, count, replicates, seed)]
    interval = percentile_interval(np.asarray(drawn, dtype=float), count, level)
    return Estimate(float(statistic(*scored)), interval, n, n_unscored)


def resampled_totals(totals: np.ndarray, replicates: int, seed: int) -> np.ndarray:
    """Column sums over resampled clusters.

    Args:
        totals: shape (clusters, columns), what each cluster contributes.
        replicates: number of rows of the result.
        seed: seed of the draws.

    Returns:
        Shape (replicates, columns).
    """
    kinds = few_kinds(totals)
    if kinds is not None:
        distinct, counts = kinds
        weights = np.random.default_rng(seed).multinomial(len(totals), counts / len(totals), size=replicates)
        return weights @ distinct
    chunks = [weights @ totals.astype(weights.dtype) for weights in cluster_weights(len(totals), replicates, seed)]
    return np.concatenate(chunks).astype(float)


def few_kinds(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Distinct totals and how many clusters have them; nearly equal ones together; None if they are too many."""
    ordered = totals[np.lexsort(totals.T)]
    starts = np.flatnonzero(np.concatenate([[True], np.any(np.diff(ordered, axis=0) != 0, axis=1)]))
    if len(starts) * _DISTINCT_SHARE <= len(totals) or len(starts) == 1:
        return ordered[starts], np.diff(starts, append=len(totals))
    if len(totals) <= _EXACT_CLUSTERS:
        return None
    starts = np.linspace(0, len(totals), _KINDS, endpoint=False).astype(int)
    sizes = np.diff(starts, append=len(totals))
    means = np.add.reduceat(ordered, starts, axis=0) / sizes[:, None]
    lost = ((ordered - np.repeat(means, sizes, axis=0)) ** 2).mean(axis=0)
    return (means, sizes) if np.all(lost <= _LOST_VARIANCE * totals.var(axis=0)) else None


def cluster_weights(clusters: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """How often each cluster is drawn, in chunks of shape (some replicates, clusters)."""
    generator = np.random.Generator(np.random.SFC64(seed))  # twice as fast as the default where all is drawing
    draw = _multinomial_weights if clusters <= _EXACT_CLUSTERS else _poisson_weights
    size = max(1, _CHUNK // clusters)
    for start in range(0, replicates, size):
        yield draw(generator, min(size, replicates - start), clusters)


def _multinomial_weights(generator: np.random.Generator, replicates: int, clusters: int) -> np.ndarray:
    drawn = generator.integers(0, clusters, size=(replicates, clusters))
    drawn += np.arange(replicates)[:, None] * clusters
    return np.bincount(drawn.ravel(), minlength=replicates * clusters).reshape(replicates, clusters).astype(float)


def _poisson_table() -> np.ndarray:
    """Poisson(1) counts at 65,536 equally likely quantiles: two random bytes choose a weight."""
    cumulative = np.cumsum([exp(-1) / factorial(k) for k in range(12)])
    return np.searchsorted(cumulative, (np.arange(65536) + 0.5) / 65536).astype(np.float32)


def _poisson_weights(generator: np.random.Generator, replicates: int, clusters: int) -> np.ndarray:
    halves = np.frombuffer(generator.bytes(2 * replicates * clusters), dtype=np.uint16)
    return np.take(_poisson_table(), halves, mode="clip").reshape(replicates, clusters)


def _resampled_rows(codes: np.ndarray, clusters: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Row numbers of each replicate: all rows of every drawn cluster."""
    generator = np.random.default_rng(seed)
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes, minlength=clusters)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for _ in range(replicates):
        drawn = generator.integers(0, clusters, size=clusters)
        within = np.arange(sizes[drawn].sum()) - np.repeat(np.cumsum(sizes[drawn]) - sizes[drawn], sizes[drawn])
        yield order[np.repeat(starts[drawn], sizes[drawn]) + within]


def percentile_interval(drawn: np.ndarray, clusters: int, level: float = 0.95) -> Interval:
    """Percentile interval of bootstrap replicates, widened for few clusters.

    A plain percentile interval is too narrow by sqrt((k - 1) / k) and by normal instead of t quantiles.

    Args:
        drawn: shape (replicates,); NaN replicates are left out.
        clusters: number k of independent units behind the statistic.
        level: coverage in (0, 1).

    Source: Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 5.3.
    """
    from scipy.special import ndtr, stdtrit

    if not 0 < level < 1:
        raise ValueError(f"level must be in the open interval (0, 1), got {level}.")
    scored = drawn[~np.isnan(drawn)]
    if not len(scored) or clusters < 2:
        return NOTHING
    tail = float(ndtr(np.sqrt(clusters / (clusters - 1)) * stdtrit(clusters - 1, (1 - level) / 2)))
    low, high = np.quantile(scored, [tail, 1 - tail])
    return Interval(float(low), float(high))
