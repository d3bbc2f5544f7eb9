"""Intervals of shares."""

from math import sqrt

from shared.stats._estimate import NOTHING, Interval


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(probability))


def wilson_interval(successes: float, n: int, *, level: float = 0.95) -> Interval:
    """Score interval of a share; sound also at 0 and 1, where a bootstrap has width 0.

    Args:
        successes: between 0 and n; halves are fine (ties).
        n: number of independent trials; 0 gives NaN bounds.
        level: coverage in (0, 1).

    Returns:
        Bounds in [0, 1].

    Source: Wilson 1927.
    """
    if n == 0:
        return NOTHING
    z2 = normal_quantile(0.5 + level / 2) ** 2
    share = successes / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At the ends the bound is the share itself; rounding would leave it a hair inside.
    return Interval(0.0 if successes == 0 else middle - half, 1.0 if successes == n else middle + half)
