"""Win rates with intervals clustered by prompt, an exact test, an effect size, and Holm over several sets."""

from collections.abc import Hashable
from math import sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.runs import UserError
from shared.stats import Estimate, Interval, holm, mean_estimate, sign_flip_p, wilson_interval


class WinRate(NamedTuple):
    """How often the model beats the baseline.

    Attributes:
        win_rate: percent; a tie counts a half.
        standard_error: percentage points, clustered by prompt.
        interval: percent, 95 % unless asked otherwise, clustered bootstrap.
        n: scored comparisons.
        n_unscored: comparisons without a verdict; in none of the other numbers.
        n_prompts: prompts with a scored comparison, the independent units.
        wins: comparisons with a score above a half.
        ties: comparisons with a score of exactly a half.
        losses: comparisons with a score below a half.
        p_value: two-sided, of a win rate of 50 %; see `test`.
        test: "exact sign test" (one hard verdict a prompt, ties left out) or "sign flips of prompts".
        effect_size: mean of (score - 0.5) by its standard deviation over prompts (Cohen's d of paired differences).
    """

    win_rate: float
    standard_error: float
    interval: Interval
    n: int
    n_unscored: int
    n_prompts: int
    wins: int
    ties: int
    losses: int
    p_value: float
    test: str
    effect_size: float

    @property
    def n_tested(self) -> int:
        """Prompts in the test; ties take no part in a sign test."""
        return self.n_prompts - self.ties if self.test == "exact sign test" else self.n_prompts


def win_rate(comparisons: pd.DataFrame, *, level: float = 0.95, replicates: int = 10_000, seed: int = 0) -> WinRate:
    """Win rate of the model under test over all comparisons of a table.

    Args:
        comparisons: columns `prompt_id` and `score` (1 win, 0.5 tie, 0 loss, between: soft, NaN: unscored).
        level: coverage of the interval in (0, 1).
        replicates: bootstrap replicates; prompts are resampled, not comparisons.
        seed: seed of bootstrap and sign flips.

    Returns:
        WinRate; NaN values if nothing is scored. If all scores are equal to 0 or 1 the interval is Wilson's.

    Raises:
        UserError: a score lies outside [0, 1].
    """
    scores = comparisons["score"].to_numpy(dtype=float)
    if np.any((scores < 0) | (scores > 1)):
        raise UserError(f"Scores must lie in [0, 1]. Found {np.nanmin(scores)} to {np.nanmax(scores)}.")
    prompts = pd.factorize(comparisons["prompt_id"])[0]
    estimate = mean_estimate(scores, prompts, level=level, replicates=replicates, seed=seed)
    return _described(estimate, scores, prompts, level=level, seed=seed)


def _described(estimate: Estimate, scores: np.ndarray, prompts: np.ndarray, *, level: float, seed: int) -> WinRate:
    scored = scores[~np.isnan(scores)]
    sums, sizes = _by_prompt(scores, prompts)
    interval = estimate.interval
    # Every replicate of a sweep is a sweep: the bootstrap would claim certainty from a handful of prompts.
    if estimate.value in (0.0, 1.0):
        interval = wilson_interval(estimate.value * len(sums), len(sums), level=level)
    test, p_value = _test(sums - sizes / 2, sizes, scored, seed)
    return WinRate(
        win_rate=100 * estimate.value,
        standard_error=100 * clustered_standard_error(sums, sizes),
        interval=Interval(100 * interval.low, 100 * interval.high),
        n=estimate.n,
        n_unscored=estimate.n_unscored,
        n_prompts=len(sums),
        wins=int(np.sum(scored > 0.5)),
        ties=int(np.sum(scored == 0.5)),
        losses=int(np.sum(scored < 0.5)),
        p_value=p_value,
        test=test,
        effect_size=_effect_size(sums / sizes - 0.5) if len(sums) > 1 else float("nan"),
    )


def _by_prompt(scores: np.ndarray, prompts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of scores and number of scored comparisons of each prompt that has any."""
    keep = ~np.isnan(scores)
    sizes = np.bincount(prompts[keep])
    sums = np.bincount(prompts[keep], scores[keep])
    return sums[sizes > 0], sizes[sizes > 0]


def clustered_standard_error(sums: np.ndarray, sizes: np.ndarray) -> float:
    """Standard error of the mean of all scores, with whole prompts as independent units.

    Args:
        sums: shape (prompts,), sum of scores of each prompt.
        sizes: shape (prompts,), number of scores of each prompt.

    Returns:
        In the unit of the scores; NaN for fewer than two prompts. With one score a prompt it is the standard
        deviation by the root of n.

    Source: Liang and Zeger 1986 (ratio of totals), as in Miller 2024, "Adding Error Bars to Evals".
    """
    count = len(sums)
    if count < 2:
        return float("nan")
    # A ratio of totals, not a mean of means: prompts with more comparisons weigh more in the win rate, so also here.
    residuals = sums - sizes * sums.sum() / sizes.sum()
    return float(sqrt(count / (count - 1) * np.sum(residuals**2)) / sizes.sum())


def _test(excess: np.ndarray, sizes: np.ndarray, scored: np.ndarray, seed: int) -> tuple[str, float]:
    from scipy.stats import binomtest

    # The sign test is exact only for one hard verdict a prompt; soft or repeated verdicts need whole-prompt flips.
    if not (np.all(sizes == 1) and np.all(np.isin(scored, [0.0, 0.5, 1.0]))):
        return "sign flips of prompts", sign_flip_p(excess, seed=seed)
    wins, losses = int(np.sum(scored == 1)), int(np.sum(scored == 0))
    if not len(scored):
        return "exact sign test", float("nan")
    return "exact sign test", float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def _effect_size(differences: np.ndarray) -> float:
    deviation = differences.std(ddof=1)
    return float(differences.mean() / deviation) if deviation > 0 else float("nan")


def win_rates_by(comparisons: pd.DataFrame, by: str, *, replicates: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """Win rates of several sets or models, with p-values adjusted for looking at all of them.

    Args:
        comparisons: a table of comparisons.
        by: column that names the set or the model.
        replicates: bootstrap replicates of each interval.
        seed: seed of bootstrap and sign flips.

    Returns:
        One row a value of `by` in order of appearance: the fields of `WinRate` with `low`, `high` instead of
        `interval`, and `p_holm`, below alpha only if the whole family's chance of a false alarm is below alpha.
    """
    rows = [
        _row(by, name, win_rate(part, replicates=replicates, seed=seed))
        for name, part in comparisons.groupby(by, sort=False)
    ]
    frame = pd.DataFrame(rows)
    frame["p_holm"] = holm(frame["p_value"].to_numpy())
    return frame


def _row(by: str, name: Hashable, result: WinRate) -> dict[str, object]:
    fields = result._asdict()
    low, high = fields.pop("interval")
    return {by: name, **fields, "low": low, "high": high}
