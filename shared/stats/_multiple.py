"""Several tests at once."""

from collections.abc import Callable

import numpy as np

from shared.stats._estimate import Column

Step = Callable[[np.ndarray, int], np.ndarray]


def holm(p_values: Column) -> np.ndarray:
    """Holm-adjusted p-values: comparing them with alpha holds the chance of any false alarm at alpha.

    Args:
        p_values: shape (tests,), in [0, 1]; NaN = test not made, stays NaN and does not count.

    Returns:
        Shape (tests,), in [0, 1], never below the given p-value.

    Source: Holm 1979.
    """
    return _adjusted(p_values, lambda ordered, m: np.maximum.accumulate(ordered * (m - np.arange(m))))


def benjamini_hochberg(p_values: Column) -> np.ndarray:
    """Adjusted p-values that hold the expected share of false alarms among the findings.

    Args:
        p_values: shape (tests,), in [0, 1]; NaN = test not made, stays NaN and does not count.

    Returns:
        Shape (tests,), in [0, 1].

    Source: Benjamini and Hochberg 1995.
    """
    return _adjusted(p_values, lambda o, m: np.minimum.accumulate((o * m / np.arange(1, m + 1))[::-1])[::-1])


def _adjusted(p_values: Column, step: Step) -> np.ndarray:
    given = np.asarray(p_values, dtype=float)
    made = np.flatnonzero(~np.isnan(given))
    order = made[np.argsort(given[made], kind="stable")]
    adjusted = np.full(given.shape, np.nan)
    adjusted[order] = np.minimum(1.0, step(given[order], len(order)))
    return adjusted
