"""Is the judge any good? Leanings, repeatability and agreement with people, each with an interval over prompts."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.stats import Estimate, Interval, accuracy_estimate, krippendorff_alpha, mean_estimate, normal_quantile


class Agreement(NamedTuple):
    """Judge and people on the same prompts.

    Attributes:
        agreement_with_people: share of equal verdicts among the three (model, tie, baseline).
        alpha_with_people: Krippendorff's alpha, ordinal (baseline < tie < model).
        win_rate_corrected_by_people: percent; the judge's win rate on all prompts, corrected by its mean error on
            those that people judged (prediction-powered inference), with its interval.
    """

    agreement_with_people: Estimate
    alpha_with_people: Estimate
    win_rate_corrected_by_people: Estimate


def examine_judge(
    comparisons: pd.DataFrame,
    *,
    families: Mapping[str, str] | None = None,
    judge_family: str = "",
    people: Mapping[str, float] | None = None,
) -> dict[str, Estimate]:
    """Consistency and three leanings by the functions' names; with people's scores also the fields of `Agreement`."""
    agreement = agreement_with_people(comparisons, people)._asdict() if people else {}
    return {
        "position_consistency": position_consistency(comparisons),
        "first_position_preference": first_position_preference(comparisons),
        "longer_answer_preference": longer_answer_preference(comparisons),
        "self_family_preference": self_family_preference(comparisons, families or {}, judge_family),
        **agreement,
    }


def position_consistency(comparisons: pd.DataFrame) -> Estimate:
    """Share of pairs that got the same verdict in both orders; pairs with a missing verdict are unscored."""
    return mean_estimate(_numbers(comparisons["consistent"]), comparisons["prompt_id"])


def first_position_preference(comparisons: pd.DataFrame) -> Estimate:
    """Share of decided verdicts for the answer that stood first; 0.5 = no leaning. Ties and missing are unscored."""
    first = comparisons["verdict_first"].map({"model": 1.0, "baseline": 0.0})
    second = comparisons["verdict_second"].map({"model": 0.0, "baseline": 1.0})
    values = np.concatenate([first.to_numpy(dtype=float), second.to_numpy(dtype=float)])
    return mean_estimate(values, np.tile(comparisons["prompt_id"].to_numpy(), 2))


def longer_answer_preference(comparisons: pd.DataFrame) -> Estimate:
    """Share of decided pairs won by the longer answer; 0.5 = no leaning, if longer answers are not better ones."""
    lengths = comparisons["answer"].str.len() - comparisons["baseline_answer"].str.len()
    won = np.sign(comparisons["score"].to_numpy(dtype=float) - 0.5) * np.sign(lengths.to_numpy(dtype=float))
    return mean_estimate(np.where(won == 0, np.nan, (1 + won) / 2), comparisons["prompt_id"])


def self_family_preference(comparisons: pd.DataFrame, families: Mapping[str, str], judge_family: str) -> Estimate:
    """Share of decided pairs won by the answer from the judge's own family, where just one answer is from it.

    Args:
        comparisons: a table of comparisons.
        families: family of each model by name; models that are not named belong to none.
        judge_family: the judge's family.

    Returns:
        Estimate; pairs with none or two answers of the family are unscored. With few models it cannot tell a leaning
        from being better: compare it with another judge's share on the same pairs.
    """
    own = comparisons["model"].map(families).eq(judge_family).to_numpy()
    other = comparisons["baseline"].map(families).eq(judge_family).to_numpy()
    score = comparisons["score"].to_numpy(dtype=float)
    for_own = np.where(own, score, 1 - score)
    decided = (own != other) & (score != 0.5)
    return mean_estimate(
        np.where(decided, (for_own > 0.5) + np.where(np.isnan(score), np.nan, 0.0), np.nan), comparisons["prompt_id"]
    )


def repeatability(first: pd.DataFrame, again: pd.DataFrame) -> Estimate:
    """Share of verdicts that were the same when the judge was asked again.

    Args:
        first: a table of comparisons.
        again: part of the same pairs, judged again.

    Returns:
        Estimate over single verdicts (two a pair), clustered by prompt; a missing verdict is unscored.
    """
    keys = ["prompt_id", "model", "baseline"]
    both = first.merge(again, on=keys, suffixes=("", "_again"))
    then = np.concatenate([both["verdict_first"], both["verdict_second"]])
    now = np.concatenate([both["verdict_first_again"], both["verdict_second_again"]])
    return accuracy_estimate(then, now, np.tile(both["prompt_id"].to_numpy(), 2))


def agreement_with_people(comparisons: pd.DataFrame, people: Mapping[str, float]) -> Agreement:
    """The judge beside a small human set.

    Args:
        comparisons: the judge's table, one comparison a prompt.
        people: people's score of the model by prompt id (1 better, 0.5 tie, 0 worse).

    Returns:
        Agreement; NaN values without common prompts.

    Source: Angelopoulos et al. 2023, prediction-powered inference (mean estimation).
    """
    judge = comparisons["score"].to_numpy(dtype=float)
    human = comparisons["prompt_id"].map(dict(people)).to_numpy(dtype=float)
    common = np.where(np.isnan(human), np.nan, judge)
    return Agreement(
        agreement_with_people=accuracy_estimate(common, human, comparisons["prompt_id"]),
        alpha_with_people=krippendorff_alpha(np.vstack([common, human]), "ordinal"),
        win_rate_corrected_by_people=_corrected(judge, human),
    )


def _corrected(judge: np.ndarray, human: np.ndarray, level: float = 0.95) -> Estimate:
    """Mean of the judge's scores on all prompts plus people's mean correction, in percent."""
    scored, errors = judge[~np.isnan(judge)], (human - judge)[~np.isnan(human - judge)]
    if len(errors) < 2 or len(scored) < 2:
        return Estimate(float("nan"), Interval(float("nan"), float("nan")), len(errors), len(judge) - len(errors))
    # The judge's mean on everything, moved by its mean error where people know better; both parts add to the variance.
    value = scored.mean() + errors.mean()
    error = np.sqrt(scored.var(ddof=1) / len(scored) + errors.var(ddof=1) / len(errors))
    half = normal_quantile(0.5 + level / 2) * error
    interval = Interval(float(100 * (value - half)), float(100 * (value + half)))
    return Estimate(float(100 * value), interval, len(errors), len(judge) - len(errors))


def _numbers(flags: pd.Series) -> np.ndarray:
    return flags.astype("boolean").to_numpy(dtype=float, na_value=np.nan)
