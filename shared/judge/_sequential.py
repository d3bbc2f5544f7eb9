"""Judge until it is decided: intervals that hold at every moment, however often one looks.

A gambler bets on the scores against every possible win rate m; if m is the truth, his capital ever exceeds 1 / alpha
with probability at most alpha. The values of m that he has not beaten form the interval.
"""

from math import log
from typing import NamedTuple

import numpy as np

_BLOCK = 4096  # scores handled at once
_CAP = 0.5  # largest share of the capital that a single score may cost


class Sequential(NamedTuple):
    """The state after each prompt, in the order of judging.

    Attributes:
        low: shape (prompts,), percent; lower bounds that hold for all moments together.
        high: shape (prompts,), percent.
        p_value: shape (prompts,), anytime-valid p-value of a win rate of 50 %, never rising.
        decided_at: number of prompts after which 50 % was excluded; None = never.
    """

    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray
    decided_at: int | None


def anytime_win_rate(scores: np.ndarray, *, alpha: float = 0.05, steps: int = 400) -> Sequential:
    """Anytime-valid interval of the mean score, updated after every prompt.

    Args:
        scores: shape (prompts,), mean score of each prompt in [0, 1], in an order that does not depend on the answers
            (shuffle prompts first); NaN = unscored, left out.
        alpha: chance that the truth is ever outside.
        steps: resolution of the interval, 100 / steps percentage points; bounds are rounded outwards.

    Returns:
        Sequential over the scored prompts.

    Source: Waudby-Smith and Ramdas 2024, hedged capital process with predictable plug-in bets.
    """
    x = np.asarray(scores, dtype=float)
    x = x[~np.isnan(x)]
    means = np.arange(1, steps) / steps
    low, high, at_half = _bounds(x, _bets(x, alpha), means, alpha)
    p_value = np.minimum.accumulate(np.minimum(1.0, np.exp(-at_half))) if len(x) else at_half
    beaten = np.flatnonzero(p_value <= alpha)
    decided = int(beaten[0]) + 1 if len(beaten) else None
    return Sequential(100 * np.maximum.accumulate(low), 100 * np.minimum.accumulate(high), p_value, decided)


def _bets(x: np.ndarray, alpha: float) -> np.ndarray:
    """Size of the bet on each score, from the scores before it only."""
    t = np.arange(1, len(x) + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    # Started as if one score of variance 1/4 had been seen: the first bets are neither wild nor zero.
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    # A bet may only use what was known before its score, or the guarantee is gone.
    before = np.concatenate([[0.25], variance[:-1]])
    return np.sqrt(2 * log(2 / alpha) / (before * t * np.log(1 + t)))


def _bounds(
    x: np.ndarray, bets: np.ndarray, means: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounds after each score, and the log capital against one half."""
    step = means[0]
    half = int(np.argmin(np.abs(means - 0.5)))
    capital = np.zeros((2, len(means)))
    lows: list[np.ndarray] = [np.zeros(0)]
    highs: list[np.ndarray] = [np.zeros(0)]
    at_half: list[np.ndarray] = [np.zeros(0)]
    for start in range(0, len(x), _BLOCK):
        gains = _log_gains(x[start : start + _BLOCK], bets[start : start + _BLOCK], means)
        paths = capital[:, None, :] + np.cumsum(gains, axis=1)
        capital = paths[:, -1, :]
        hedged = paths.max(axis=0) - log(2)
        # The larger of two capitals, each with half of the stake: hence log(2) off both.
        alive = hedged < log(1 / alpha)
        lows.append(np.where(alive.any(axis=1), means[alive.argmax(axis=1)] - step, 0.0))
        highs.append(np.where(alive.any(axis=1), means[len(means) - 1 - alive[:, ::-1].argmax(axis=1)] + step, 1.0))
        at_half.append(hedged[:, half])
    return np.concatenate(lows), np.concatenate(highs), np.concatenate(at_half)


def _log_gains(x: np.ndarray, bets: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Log growth of the capital that bets on more than m, and of the one that bets on less; (2, scores, means)."""
    excess = x[:, None] - means
    up = np.log1p(np.minimum(bets[:, None], _CAP / means) * excess)
    down = np.log1p(-np.minimum(bets[:, None], _CAP / (1 - means)) * excess)
    return np.stack([up, down])
