"""Do two codebooks say the same? Agreement of partitions, with intervals over conversations."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from scipy.special import stdtrit
from sklearn.metrics import adjusted_mutual_info_score

from shared.stats import Estimate, Interval


def adjusted_mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """What two partitions share beyond chance: 1 = the same up to names, 0 = no more than chance.

    Args:
        a: (turns,) labels.
        b: (turns,) labels.

    Source: Vinh, Epps and Bailey 2010.
    """
    return float(adjusted_mutual_info_score(a, b))


def seed_agreement(codes: Sequence[np.ndarray]) -> float:
    """Mean adjusted mutual information of every pair of codings; NaN for fewer than two."""
    pairs = [adjusted_mutual_information(a, b) for a, b in combinations(codes, 2)]
    return float(np.mean(pairs)) if pairs else float("nan")


def most_central(codes: Sequence[np.ndarray]) -> int:
    """The coding that agrees most with all others: the one to keep when seeds differ. Ties: the first."""
    if len(codes) < 2:
        return 0
    agreement = np.eye(len(codes))
    for i, j in combinations(range(len(codes)), 2):
        agreement[i, j] = agreement[j, i] = adjusted_mutual_information(codes[i], codes[j])
    return int(agreement.sum(axis=1).argmax())


def grouped_jackknife(
    statistic: Callable[..., float],
    *arrays: np.ndarray,
    clusters: np.ndarray,
    groups: int = 20,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """A statistic of rows with an interval that leaves out groups of conversations in turn.

    Entropies and mutual information are biased by the number of distinct rows, and a bootstrap's repeated rows
    shift them; leaving rows out does not.

    Args:
        statistic: called with the arrays' kept rows; NaN makes the interval NaN.
        arrays: each (rows, ...).
        clusters: (rows,) the independent unit; all rows of a cluster leave together.
        groups: random groups of clusters; fewer if there are fewer clusters, and no interval for fewer than two.
        level: coverage in (0, 1).
        seed: of the grouping.

    Returns:
        Estimate with a t interval on groups - 1 degrees of freedom; it may reach past the statistic's range.

    Source: Efron and Tibshirani 1993, chapter 11 (delete-d jackknife in its grouped form).
    """
    value = float(statistic(*arrays))
    names, codes = np.unique(clusters.astype(str), return_inverse=True)
    groups = min(groups, len(names))
    if groups < 2:
        return Estimate(value, Interval(float("nan"), float("nan")), len(clusters), 0)
    group = np.random.default_rng(seed).permutation(np.arange(len(names)) % groups)[codes]
    without = np.array([statistic(*(array[group != g] for array in arrays)) for g in range(groups)])
    error = np.sqrt((groups - 1) / groups * ((without - without.mean()) ** 2).sum())
    half = float(stdtrit(groups - 1, 0.5 + level / 2) * error)
    return Estimate(value, Interval(value - half, value + half), len(clusters), 0)
