"""Do the intervals hold what they promise? Simulated judges with known truth, and the usual recipe beside ours."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.judge._winrate import win_rate
from shared.stats import Interval, mean_estimate

_TIE, _STRONG = 0.28, 0.55  # a perceived difference below is a tie, above is a strong verdict
_MANY = 400_000  # prompts that stand for all


class Coverage(NamedTuple):
    """Share of repetitions in which a 95 % interval held the truth, for two recipes on the same simulated verdicts.

    Attributes:
        clustered: both orders combined into one score a prompt, prompts resampled (this project).
        naive: swapped games taken as independent rows, strong verdicts copied three times, rows resampled 100 times,
            quantiles 5 and 95 % (as a well-known benchmark does it under the heading "CI").
        naive_95: the same with quantiles 2.5 and 97.5 %, so that only the rows are wrong and not the level.
        consistency: share of prompts with the same verdict in both orders.
        repetitions: simulated studies.
    """

    clustered: float
    naive: float
    naive_95: float
    consistency: float
    repetitions: int


def simulate_verdicts(prompts: int, generator: np.random.Generator) -> np.ndarray:
    """Verdicts of a judge with a position preference and noise on prompts of varying difference.

    Returns:
        Shape (prompts, 2), for the model in first and in second place: 2 / -2 strongly better / worse, 1 / -1 better /
        worse, 0 tie.
    """
    difference = generator.normal(0.15, 1.5, size=(prompts, 1))
    # The preference for the first position helps the model in one order and harms it in the other.
    perceived = difference + np.array([0.4, -0.4]) + generator.normal(0.0, 0.6, size=(prompts, 2))
    strength = np.digitize(np.abs(perceived), [_TIE, _STRONG])
    return np.sign(perceived) * strength


def scores_of(verdicts: np.ndarray) -> np.ndarray:
    """One score a prompt: 1, 0, or 0.5 for a tie or verdicts that differ; shape (prompts,)."""
    signs = np.sign(verdicts)
    return np.where(signs[:, 0] == signs[:, 1], (1 + signs[:, 0]) / 2, 0.5)


def copied_rows(verdicts: np.ndarray) -> np.ndarray:
    """The rows of the usual recipe: one a game, three for a strong verdict."""
    flat = verdicts.ravel()
    return np.repeat((1 + np.sign(flat)) / 2, np.where(np.abs(flat) == 2, 3, 1))


def check_coverage(*, prompts: int = 500, repetitions: int = 1000, replicates: int = 1000, seed: int = 0) -> Coverage:
    """Simulate many studies and count how often each recipe's interval holds the truth.

    Each recipe is measured against its own truth: what it would give with endlessly many prompts.

    Args:
        prompts: prompts a study.
        repetitions: simulated studies.
        replicates: bootstrap replicates of each interval.
        seed: seed of verdicts and bootstraps.
    """
    generator = np.random.default_rng(seed)
    # Each recipe aims at its own number, so each is held to that: the naive one is not blamed for another target.
    many = simulate_verdicts(_MANY, generator)
    truth, truth_of_copies = 100 * scores_of(many).mean(), copied_rows(many).mean()
    held = np.zeros((repetitions, 3), dtype=bool)
    for repetition in range(repetitions):
        verdicts = simulate_verdicts(prompts, generator)
        frame = pd.DataFrame({"prompt_id": np.arange(prompts), "score": scores_of(verdicts)})
        clustered = win_rate(frame, replicates=replicates, seed=repetition).interval
        rows = copied_rows(verdicts)
        naive = mean_estimate(rows, level=0.90, replicates=100, seed=repetition).interval
        naive_95 = mean_estimate(rows, replicates=replicates, seed=repetition).interval
        held[repetition] = [
            _holds(clustered, truth),
            _holds(naive, truth_of_copies),
            _holds(naive_95, truth_of_copies),
        ]
    same = float(np.mean(np.sign(many[:, 0]) == np.sign(many[:, 1])))
    ours, published, corrected = held.mean(axis=0).tolist()
    return Coverage(ours, published, corrected, same, repetitions)


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high
