"""What the win rate would be at equal length, with a standard error that includes the fit.

The chance to win is modelled as sigmoid(quality + slope * tanh(length difference / its deviation)); the controlled win
rate is sigmoid(quality). Published leaderboards take the spread of *fitted* values as its standard error, which ignores
that quality and slope were estimated and comes out up to seven times too small. Here the whole fit is repeated on
prompts drawn anew.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.stats import Interval, cluster_weights, percentile_interval

_STEPS_FIRST, _STEPS_AGAIN = 25, 5  # Newton steps from zero, and from the fit of all data
_PRIOR = 0.01  # weight of a pull towards zero, in observations: keeps a sweep of wins finite, else without effect
_CHUNK = 2_000_000  # weights held at once


class LengthControlled(NamedTuple):
    """The win rate at equal length.

    Attributes:
        win_rate: percent.
        standard_error: percentage points, from refitting on resampled prompts.
        interval: percent.
        slope: change of log-odds from equal length to a clearly longer answer (tanh from 0 to 1).
        slope_interval: the same unit.
        share_longer: share of pairs with the longer answer from the model. Near 0 or 1 there are hardly any pairs to
            learn the influence of length from, and the controlled win rate is an extrapolation.
        n: scored comparisons.
        n_unscored: comparisons without a verdict.
    """

    win_rate: float
    standard_error: float
    interval: Interval
    slope: float
    slope_interval: Interval
    share_longer: float
    n: int
    n_unscored: int


def length_controlled_win_rate(
    comparisons: pd.DataFrame, *, level: float = 0.95, replicates: int = 1000, seed: int = 0
) -> LengthControlled:
    """Win rate with the influence of answer length taken out.

    Args:
        comparisons: columns `prompt_id`, `score`, `answer`, `baseline_answer`; NaN scores are unscored.
        level: coverage of the intervals in (0, 1).
        replicates: refits on resampled prompts.
        seed: seed of the resampling.

    Returns:
        LengthControlled; NaN values for fewer than two scored prompts.

    Source: Dubois et al. 2024, length-controlled AlpacaEval; here without its instruction-difficulty term.
    """
    scored = comparisons[comparisons["score"].notna()]
    n, n_unscored = len(scored), len(comparisons) - len(scored)
    prompts = pd.factorize(scored["prompt_id"])[0]
    count = int(prompts.max(initial=-1)) + 1
    if count < 2:
        nothing = Interval(float("nan"), float("nan"))
        unknown = float("nan")
        return LengthControlled(unknown, unknown, nothing, unknown, nothing, unknown, n, n_unscored)
    x, y = length_feature(scored), scored["score"].to_numpy(dtype=float)
    # Replicates start from the fit of all data, so that few Newton steps suffice for each of a thousand refits.
    fitted = _fit(np.ones((1, n)), x, y, np.zeros((1, 2)), _STEPS_FIRST)
    drawn = _refits(x, y, prompts, count, fitted, replicates, seed)
    rates = 100 * _sigmoid(drawn[:, 0])
    return LengthControlled(
        win_rate=float(100 * _sigmoid(fitted[0, 0])),
        standard_error=float(rates.std(ddof=1)),
        interval=percentile_interval(rates, count, level),
        slope=float(fitted[0, 1]),
        slope_interval=percentile_interval(drawn[:, 1], count, level),
        share_longer=float(np.mean(x > 0)),
        n=n,
        n_unscored=n_unscored,
    )


def length_feature(comparisons: pd.DataFrame) -> np.ndarray:
    """Tanh of (answer length - baseline's length) in characters by its standard deviation; 0 = equal, shape (rows,)."""
    # tanh: beyond a clear difference in length more length changes nothing, and one endless answer must not decide.
    difference = (comparisons["answer"].str.len() - comparisons["baseline_answer"].str.len()).to_numpy(dtype=float)
    deviation = difference.std()
    return np.tanh(difference / deviation) if deviation > 0 else np.zeros(len(difference))


def _refits(
    x: np.ndarray, y: np.ndarray, prompts: np.ndarray, count: int, start: np.ndarray, replicates: int, seed: int
) -> np.ndarray:
    """Quality and slope of every replicate, shape (replicates, 2)."""
    parts = []
    for weights in cluster_weights(count, replicates, seed):
        for rows in np.array_split(weights, max(1, len(weights) * len(x) // _CHUNK)):
            parts.append(_fit(rows[:, prompts], x, y, start, _STEPS_AGAIN))
    return np.concatenate(parts)


def _fit(weights: np.ndarray, x: np.ndarray, y: np.ndarray, start: np.ndarray, steps: int) -> np.ndarray:
    """Newton's method for one logistic regression a row of weights; shape (rows, 2)."""
    found = np.repeat(start, len(weights), axis=0)
    for _ in range(steps):
        p = _sigmoid(found[:, :1] + found[:, 1:] * x)
        residual, curvature = weights * (y - p), weights * p * (1 - p)
        gradient = np.stack([residual.sum(axis=1), residual @ x], axis=1) - _PRIOR * found
        a, b, c = curvature.sum(axis=1) + _PRIOR, curvature @ x, curvature @ x**2 + _PRIOR
        step = np.stack([c * gradient[:, 0] - b * gradient[:, 1], a * gradient[:, 1] - b * gradient[:, 0]], axis=1)
        # A step is bounded: with few losses the curvature is nearly flat and a full step would leave for infinity.
        found = found + np.clip(step / (a * c - b * b)[:, None], -2, 2)
    return found


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(values / 2))
