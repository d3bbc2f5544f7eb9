"""Two systems on the same rows: the difference, and whether it could be chance."""

from typing import NamedTuple

import numpy as np

from shared.stats._bootstrap import few_kinds, mean_estimate
from shared.stats._estimate import Column, Estimate, cluster_codes

_ENUMERATED = 16  # up to this many clusters all 2**k sign patterns are tried
_PERMUTATIONS = 10_000
_CHUNK = 400_000  # signs held at once


class PairedDifference(NamedTuple):
    """Mean of first minus second with its clustered interval, and the two-sided sign-flip p-value."""

    estimate: Estimate
    p_value: float


class McNemar(NamedTuple):
    """Discordant pairs, and the exact two-sided p-value of as uneven a split if both were equally good."""

    first_only: int
    second_only: int
    n: int
    n_unscored: int
    p_value: float


def paired_difference(
    first: Column,
    second: Column,
    clusters: Column | None = None,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> PairedDifference:
    """Mean difference of two systems' scores on the same rows.

    Args:
        first: shape (rows,); NaN = unscored, the pair is left out and counted.
        second: shape (rows,), the same rows.
        clusters: shape (rows,), the independent unit; None: every row.
        level: coverage in (0, 1).
        replicates: bootstrap replicates of the interval.
        seed: seed of bootstrap and permutations.

    Returns:
        PairedDifference. The p-value flips the sign of whole clusters: exactly up to 16 clusters, else with 10,000
        random patterns (and then is at least 1 / 10,001).
    """
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    estimate = mean_estimate(differences, clusters, level=level, replicates=replicates, seed=seed)
    keep = ~np.isnan(differences)
    codes, count = cluster_codes(clusters, keep)
    return PairedDifference(estimate, sign_flip_p(np.bincount(codes, differences[keep], count), seed=seed))


def sign_flip_p(sums: np.ndarray, *, seed: int = 0) -> float:
    """Two-sided p-value of a total if every summand's sign were a coin toss.

    Args:
        sums: shape (clusters,), differences summed by cluster; zeros carry no information.
        seed: seed of the random sign patterns.

    Returns:
        p in (0, 1]; NaN without clusters, 1 if all sums are 0.
    """
    if not len(sums):
        return float("nan")
    sizes = np.abs(sums[sums != 0])
    observed = abs(sums.sum()) * (1 - 1e-12)  # equal totals must count as equal in spite of rounding
    if len(sizes) <= _ENUMERATED:
        return float(np.mean(np.abs(_all_totals(sizes)) >= observed))
    drawn = _random_totals(sizes, np.random.default_rng(seed))
    return float((1 + np.sum(np.abs(drawn) >= observed)) / (1 + len(drawn)))


def _all_totals(sizes: np.ndarray) -> np.ndarray:
    totals = np.zeros(1)
    for size in sizes:
        totals = np.concatenate([totals + size, totals - size])
    return totals


def _random_totals(sizes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    kinds = few_kinds(sizes[:, None])
    if kinds is None:
        rows = max(1, _CHUNK // len(sizes))
        chunks = [min(rows, _PERMUTATIONS - start) for start in range(0, _PERMUTATIONS, rows)]
        return np.concatenate([_signs(generator, chunk, len(sizes)) @ sizes for chunk in chunks])
    # Equal sizes need no signs of their own: k of them add up to size * (2 Binomial(k, 1/2) - k).
    distinct, counts = kinds
    ups = generator.binomial(counts, 0.5, size=(_PERMUTATIONS, len(counts)))
    return np.asarray((2 * ups - counts) @ distinct[:, 0])


def _signs(generator: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return 2.0 * generator.integers(0, 2, size=(rows, columns), dtype=np.int8) - 1.0


def exact_mcnemar(first_right: Column, second_right: Column) -> McNemar:
    """Exact McNemar test: among rows where exactly one of two classifiers is right, is the split a fair coin's?

    Args:
        first_right: shape (rows,), 1 or 0 (or bool); NaN = unscored, the pair is left out and counted.
        second_right: shape (rows,), the same rows.

    Returns:
        McNemar. Rows must be independent; for rows within conversations use `paired_difference` with clusters.
    """
    from scipy.stats import binomtest

    first, second = np.asarray(first_right, dtype=float), np.asarray(second_right, dtype=float)
    keep = ~(np.isnan(first) | np.isnan(second))
    first_only = int(np.sum((first == 1) & (second == 0) & keep))
    second_only = int(np.sum((first == 0) & (second == 1) & keep))
    discordant = first_only + second_only
    p_value = float(binomtest(first_only, discordant).pvalue) if discordant else 1.0
    return McNemar(first_only, second_only, int(keep.sum()), int((~keep).sum()), p_value)
