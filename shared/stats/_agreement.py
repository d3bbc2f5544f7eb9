"""Do annotators agree beyond chance?"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from shared.stats._bootstrap import percentile_interval
from shared.stats._estimate import NOTHING, Estimate, Interval

Measurement = Literal["nominal", "ordinal", "interval", "ratio"]


def krippendorff_alpha(
    ratings: Sequence[Sequence[float]] | np.ndarray,
    level: Measurement = "nominal",
    *,
    coverage: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Krippendorff's alpha with an interval from resampling units.

    Args:
        ratings: shape (raters, units), numbers (code nominal labels as integers); NaN = not rated.
        level: level of measurement of the ratings.
        coverage: coverage of the interval in (0, 1).
        replicates: bootstrap replicates.
        seed: seed of the bootstrap.

    Returns:
        Estimate: 1 is perfect agreement, 0 chance; `n` counts units rated at least twice, `n_unscored` the others.
        NaN if fewer than two such units or only one value occurs (agreement by chance is then undefined).

    Source: Krippendorff 2011; computed by the package `krippendorff`.
    """
    table = np.asarray(ratings, dtype=float)
    rated = (~np.isnan(table)).sum(axis=0) >= 2
    units = table[:, rated]
    n, n_unscored = int(rated.sum()), int((~rated).sum())
    if n < 2:
        return Estimate(float("nan"), NOTHING, n, n_unscored)
    interval = _alpha_interval(units, level, coverage, replicates, seed)
    return Estimate(_alpha(units, level), interval, n, n_unscored)


def _alpha(units: np.ndarray, level: Measurement) -> float:
    from krippendorff import alpha

    if len(np.unique(units[~np.isnan(units)])) < 2:
        return float("nan")
    return float(alpha(reliability_data=units, level_of_measurement=level))


def _alpha_interval(units: np.ndarray, level: Measurement, coverage: float, replicates: int, seed: int) -> Interval:
    count = units.shape[1]
    draws = np.random.default_rng(seed).integers(0, count, size=(replicates, count))
    return percentile_interval(np.array([_alpha(units[:, draw], level) for draw in draws]), count, coverage)
