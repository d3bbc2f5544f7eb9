"""More than two models: Bradley-Terry strengths with intervals from resampled prompts."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.stats import Interval, percentile_interval, resampled_totals, wilson_interval

_PRIOR_WINS = 0.5  # a virtual half win each way for every pair that met: keeps a sweep finite
_ITERATIONS = 1000


class Ranked(NamedTuple):
    """One model among others.

    Attributes:
        model: its name.
        win_share: percent; expected score against the other models, each met equally often.
        interval: percent.
        strength: log of the Bradley-Terry strength, the models' mean being 0.
        n: scored comparisons of this model.
    """

    model: str
    win_share: float
    interval: Interval
    strength: float
    n: int


def bradley_terry(
    comparisons: pd.DataFrame, *, level: float = 0.95, replicates: int = 500, seed: int = 0
) -> list[Ranked]:
    """Rank all models of a table of comparisons, best first.

    Args:
        comparisons: columns `prompt_id`, `model`, `baseline`, `score`; NaN scores are left out.
        level: coverage of the intervals in (0, 1).
        replicates: refits on resampled prompts.
        seed: seed of the resampling.

    Source: Bradley and Terry 1952, fitted by the package `evalica`; a tie is half a win each way.
    """
    scored = comparisons[comparisons["score"].notna()]
    names = sorted(set(scored["model"]) | set(scored["baseline"]))
    totals = _totals_by_prompt(scored, names)
    drawn = np.array([_log_strengths(row, len(names)) for row in resampled_totals(totals, replicates, seed)])
    found = _log_strengths(totals.sum(axis=0), len(names))
    shares = 100 * _win_shares(np.vstack([found, drawn]))
    ranked = [
        Ranked(
            name,
            float(shares[0, k]),
            _interval(shares[:, k], len(totals), level),
            float(found[k]),
            int(((scored["model"] == name) | (scored["baseline"] == name)).sum()),
        )
        for k, name in enumerate(names)
    ]
    return sorted(ranked, key=lambda one: -one.win_share)


def _interval(shares: np.ndarray, prompts: int, level: float) -> Interval:
    """Interval of a win share from its value on all prompts, followed by those of the replicates; percent."""
    if prompts > 1 and np.ptp(shares) < 1e-9:
        # A model that wins (or loses) everywhere does so in every replicate: the bootstrap sees no uncertainty there.
        low, high = wilson_interval(shares[0] / 100 * prompts, prompts, level=level)
        return Interval(100 * low, 100 * high)
    return percentile_interval(shares[1:], prompts, level)


def _totals_by_prompt(scored: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Wins of each model over each other one; shape (prompts, models * models)."""
    position = {name: k for k, name in enumerate(names)}
    prompts, found = pd.factorize(scored["prompt_id"])
    one, other = (scored[column].map(position).to_numpy() for column in ("model", "baseline"))
    wins = np.zeros((len(found), len(names), len(names)))
    np.add.at(wins, (prompts, one, other), scored["score"].to_numpy())
    np.add.at(wins, (prompts, other, one), 1 - scored["score"].to_numpy())
    return wins.reshape(len(found), -1)


def _log_strengths(wins: np.ndarray, count: int) -> np.ndarray:
    """Centred log strengths, shape (models,), from the flattened matrix of wins."""
    from evalica import Winner, bradley_terry

    table = wins.reshape(count, count)
    met = [(i, j) for i, j in combinations(range(count), 2) if table[i, j] + table[j, i] > 0]
    # Only pairs that met get the virtual wins; a prior on pairs that never met would invent a comparison.
    games = [(i, j, table[i, j] + _PRIOR_WINS) for pair in met for i, j in (pair, pair[::-1])]
    xs, ys, weights = (list(column) for column in zip(*games, strict=True))
    index = pd.Index(range(count))
    fitted = bradley_terry(xs, ys, [Winner.X] * len(xs), index=index, weights=weights, limit=_ITERATIONS)
    logs = np.log(fitted.scores.reindex(index).to_numpy())
    return np.asarray(logs - logs.mean())


def _win_shares(logs: np.ndarray) -> np.ndarray:
    """Mean probability of beating each other model; shape (..., models)."""
    chances = 0.5 * (1 + np.tanh((logs[..., :, None] - logs[..., None, :]) / 2))
    count = logs.shape[-1]
    return (chances.sum(axis=-1) - 0.5) / (count - 1)
