"""What a comparison of a given size can show, before money is spent on it."""

from math import sqrt

import pandas as pd

from shared.stats import pairs_needed, power, smallest_detectable_difference


def score_deviation(tie_share: float, win_rate: float = 50.0) -> float:
    """Standard deviation of one prompt's score (1, 0.5, 0) in percentage points.

    Args:
        tie_share: expected share of ties, inconsistent pairs included, in [0, 1].
        win_rate: expected win rate in percent, ties counted a half.
    """
    mean = win_rate / 100
    wins = mean - tie_share / 2
    return 100 * sqrt(wins + tie_share / 4 - mean**2)


def plan(
    prompts: int,
    *,
    tie_share: float = 1 / 3,
    differences: tuple[float, ...] = (2.0, 5.0, 10.0),
    alpha: float = 0.05,
    power_wanted: float = 0.8,
) -> tuple[float, pd.DataFrame]:
    """Smallest detectable difference from 50 %, and the power and size for some differences.

    Args:
        prompts: number of prompts, each judged in both orders.
        tie_share: expected share of ties; a third is what judges with 65 to 70 % swap consistency leave.
        differences: distances from a win rate of 50 %, in percentage points.
        alpha: level of the two-sided test.
        power_wanted: chance of finding a true difference.

    Returns:
        The smallest detectable difference in percentage points, and a table with `difference`, `power` and
        `prompts_needed`.
    """
    # Ties shrink the spread: with a third of ties, a plan that ignores them asks for half as many prompts again.
    deviation = score_deviation(tie_share)
    smallest = smallest_detectable_difference(prompts, deviation, alpha=alpha, power=power_wanted)
    rows = [
        {
            "difference": difference,
            "power": power(difference, prompts, deviation, alpha=alpha),
            "prompts_needed": pairs_needed(difference, deviation, alpha=alpha, power=power_wanted),
        }
        for difference in differences
    ]
    return smallest, pd.DataFrame(rows)
