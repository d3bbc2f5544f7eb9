"""From the probabilities of an author's conversations to one score of the author, four ways."""

from typing import Literal, NamedTuple

import numpy as np

from shared.runs import UserError
from shared.sequence import best_threshold, calculate_metrics_threshold

Aggregation = Literal["mean", "median", "mean_vote", "total_vote"]
AGGREGATIONS: tuple[Aggregation, ...] = ("mean", "median", "mean_vote", "total_vote")
_VOTES = ("mean_vote", "total_vote")
_THRESHOLDS_TRIED = 25


class Profiles(NamedTuple):
    """Authors and what is known of each.

    Attributes:
        authors: shape (authors,), sorted.
        scores: shape (authors,), higher means positive: a probability for mean and median, a share of votes for
            mean_vote, a number of votes for total_vote.
        conversations: shape (authors,), how many conversations stand behind a score.
    """

    authors: np.ndarray
    scores: np.ndarray
    conversations: np.ndarray


def aggregate(
    probabilities: np.ndarray, authors: np.ndarray, aggregation: Aggregation = "mean", *, threshold: float = 0.5
) -> Profiles:
    """One score an author.

    Args:
        probabilities: shape (conversations,), in [0, 1]; NaN = unscored, left out.
        authors: shape (conversations,), who each conversation is of.
        aggregation: `mean` or `median` of the probabilities; `mean_vote`, the share, or `total_vote`, the number of
            conversations whose probability reaches the threshold.
        threshold: in [0, 1]; only votes need it.

    Returns:
        Profiles; an author without a scored conversation does not appear.

    Raises:
        UserError: the aggregation is unknown.
    """
    _check_aggregation(aggregation)
    keep = ~np.isnan(probabilities)
    values, names = probabilities[keep], np.asarray(authors)[keep]
    unique, codes = np.unique(names, return_inverse=True)
    counts = np.bincount(codes, minlength=len(unique))
    if aggregation == "median":
        return Profiles(unique, _medians(values, codes, counts), counts)
    summed = np.bincount(codes, values >= threshold if aggregation in _VOTES else values, len(unique))
    return Profiles(unique, summed if aggregation == "total_vote" else summed / counts, counts)


def _check_aggregation(aggregation: str) -> None:
    if aggregation not in AGGREGATIONS:
        raise UserError(f"There is no aggregation '{aggregation}'. Choose one of {', '.join(AGGREGATIONS)}.")


def _medians(values: np.ndarray, codes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    groups = np.split(values[np.argsort(codes, kind="stable")], np.cumsum(counts)[:-1])
    return np.array([np.median(group) for group in groups])


def usual_cut(aggregation: Aggregation, threshold: float) -> float:
    """The score from which an author is positive, where none was learned.

    The threshold itself for mean and median; half of the conversations for mean_vote; one vote for total_vote.
    """
    return {"mean_vote": 0.5, "total_vote": 1.0}.get(aggregation, threshold)


class Cuts(NamedTuple):
    """When a conversation votes, when an author is positive, and the F1 that this had where it was chosen."""

    threshold: float
    cut: float
    f1: float


def choose_cuts(probabilities: np.ndarray, authors: np.ndarray, labels: np.ndarray, aggregation: Aggregation) -> Cuts:
    """Threshold and cut with the best F1 over authors. Give it validation authors, never test authors.

    Args:
        probabilities: shape (conversations,), in [0, 1]; NaN = unscored, left out.
        authors: shape (conversations,).
        labels: shape (conversations,), 0 or 1, the author's.
        aggregation: see `aggregate`; votes are tried at up to 25 thresholds, the probabilities' quantiles.

    Returns:
        Cuts; for mean and median the threshold is the cut.
    """
    if aggregation not in _VOTES:
        cut, f1 = _best_cut(probabilities, authors, labels, aggregation, 0.5)
        return Cuts(cut, cut, f1)
    # Quantiles and not a grid: probabilities of a weighted loss may all lie in a narrow band.
    thresholds = np.unique(np.nanquantile(probabilities, np.linspace(0.02, 0.98, _THRESHOLDS_TRIED)))
    tried = [Cuts(float(t), *_best_cut(probabilities, authors, labels, aggregation, float(t))) for t in thresholds]
    best = [cuts for cuts in tried if cuts.f1 >= max(c.f1 for c in tried) - 1e-12]
    return best[len(best) // 2]  # the middle of equals is the one that small changes upset least


def _best_cut(
    probabilities: np.ndarray, authors: np.ndarray, labels: np.ndarray, aggregation: Aggregation, threshold: float
) -> tuple[float, float]:
    profiles = aggregate(probabilities, authors, aggregation, threshold=threshold)
    truth = labels_of(profiles.authors, authors, labels)
    cut = best_threshold(truth, profiles.scores)
    return cut, calculate_metrics_threshold(truth, profiles.scores, cut)[0]["f1"]


def labels_of(wanted: np.ndarray, authors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The label of each wanted author, shape (wanted,), given labels by conversation."""
    known, first = np.unique(np.asarray(authors), return_index=True)
    return np.asarray(labels, dtype=float)[first[np.searchsorted(known, wanted)]]
