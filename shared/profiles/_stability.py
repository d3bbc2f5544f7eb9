"""How many conversations until the verdict about an author is stable."""

import numpy as np
import pandas as pd

from shared.profiles._aggregate import Aggregation, Cuts, aggregate, labels_of
from shared.sequence import f1_estimate
from shared.stats import mean_estimate

_FEWEST_SHARE = 0.1  # of the authors: a line over fewer would be about the oddest of them


def conversations_needed(
    probabilities: np.ndarray,
    authors: np.ndarray,
    labels: np.ndarray,
    aggregation: Aggregation,
    cuts: Cuts,
    *,
    most: int,
    draws: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge authors from a few of their conversations, drawn at random without repetition.

    Only authors with enough conversations for the last line take part, so that every line is about the same authors.

    Args:
        probabilities: shape (conversations,), in [0, 1], of authors that no threshold was chosen on.
        authors: shape (conversations,).
        labels: shape (conversations,), 0 or 1, the author's.
        aggregation: how scores are made.
        cuts: threshold and cut, chosen on other authors. The cut of total_vote is a number of votes and does not
            shrink with fewer conversations.
        most: largest number of conversations tried, at least 1; less if not even two authors, or a tenth of them,
            have so many.
        draws: random choices for each number.
        seed: of the draws.

    Returns:
        A row for each number of `conversations` from 1 on: `f1` with `f1_low` and `f1_high`, `same` (share of
        verdicts equal to that from all conversations) with `same_low` and `same_high`; intervals are 95 %, clustered
        by author; `authors` is how many took part.
    """
    names, counts = np.unique(authors, return_counts=True)
    needed = min(len(counts), max(2, round(_FEWEST_SHARE * len(counts))))
    most = min(most, int(np.sort(counts)[-needed]))
    # The same authors in every line: otherwise the line would bend because talkative people are other people.
    inside = np.isin(authors, names[counts >= most])
    answers, who, truth = probabilities[inside], authors[inside], labels[inside]
    whole = _verdicts(answers, who, aggregation, cuts)
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(1, most + 1):
        drawn = [_verdicts(*_drawn(answers, who, number, generator), aggregation, cuts) for _ in range(draws)]
        rows.append({"conversations": number, **_agreement(np.array(drawn), whole, who, truth)})
    return pd.DataFrame(rows)


def _drawn(
    answers: np.ndarray, who: np.ndarray, number: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """`number` random conversations of each author."""
    shuffled = generator.permutation(len(who))
    rank = pd.Series(who[shuffled]).groupby(who[shuffled]).cumcount().to_numpy()
    chosen = shuffled[rank < number]
    return answers[chosen], who[chosen]


def _verdicts(answers: np.ndarray, who: np.ndarray, aggregation: Aggregation, cuts: Cuts) -> np.ndarray:
    return (aggregate(answers, who, aggregation, threshold=cuts.threshold).scores >= cuts.cut).astype(float)


def _agreement(drawn: np.ndarray, whole: np.ndarray, who: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Metrics of verdicts of shape (draws, authors)."""
    names = np.unique(who)
    clusters = np.tile(names, len(drawn))
    f1 = f1_estimate(np.tile(labels_of(names, who, truth), len(drawn)), drawn.ravel(), clusters)
    same = mean_estimate((drawn == whole).astype(float).ravel(), clusters)
    return {
        "f1": f1.value,
        "f1_low": f1.interval.low,
        "f1_high": f1.interval.high,
        "same": same.value,
        "same_low": same.interval.low,
        "same_high": same.interval.high,
        "authors": float(len(names)),
    }
