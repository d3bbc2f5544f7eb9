"""What a study of a given size can see, before money is spent on it (normal approximation)."""

from math import ceil, sqrt

from shared.stats._proportions import normal_quantile


def power(difference: float, n: int, deviation: float, *, alpha: float = 0.05) -> float:
    """Chance that a two-sided test finds a true mean difference.

    Args:
        difference: true mean of the paired differences (or of the score minus its null value).
        n: number of independent pairs (clusters).
        deviation: standard deviation of one pair's difference, same unit.
        alpha: level of the test in (0, 1).

    Returns:
        Power in (0, 1].
    """
    from scipy.special import ndtr

    shift = abs(difference) * sqrt(n) / deviation
    critical = normal_quantile(1 - alpha / 2)
    return float(ndtr(shift - critical) + ndtr(-shift - critical))


def smallest_detectable_difference(n: int, deviation: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The true mean difference that a two-sided test finds with the given power.

    Args:
        n: number of independent pairs (clusters).
        deviation: standard deviation of one pair's difference.
        alpha: level of the test in (0, 1).
        power: wanted chance of finding it, in (0, 1).

    Returns:
        A difference in the unit of `deviation`.
    """
    return (normal_quantile(1 - alpha / 2) + normal_quantile(power)) * deviation / sqrt(n)


def pairs_needed(difference: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Independent pairs that make `difference` detectable with the given power."""
    return ceil(((normal_quantile(1 - alpha / 2) + normal_quantile(power)) * deviation / difference) ** 2)
