"""Evaluating profiles by file name: author model and dataset in, metrics over authors out."""

from pathlib import Path

import numpy as np

from shared.models import device
from shared.profiles._aggregate import AGGREGATIONS, Aggregation, Cuts, aggregate, choose_cuts, labels_of, usual_cut
from shared.sequence import (
    ConversationDataset,
    Metrics,
    labelled_conversations,
    load_classifier,
    matching_dataset,
    metrics_with_intervals,
    predict_probabilities,
)


def evaluate_profile_classifier(
    author_model_path: str | Path,
    dataset_path: str | Path,
    aggregation: Aggregation = "mean",
    *,
    threshold: float | None = None,
    cut: float | None = None,
    split: str = "test",
) -> Metrics:
    """Metrics of profiles over the authors of a split.

    Args:
        author_model_path: from `train_model(model_type="author")`.
        dataset_path: folder of analysed conversations.
        aggregation: mean, median, mean_vote or total_vote.
        threshold: probability from which a conversation votes; None: threshold and cut are chosen on the authors of
            the split `validation`.
        cut: score from which an author is positive; None with a threshold: `usual_cut`.
        split: whose authors are judged.

    Returns:
        The metrics of `metrics_with_intervals` over authors (intervals are clustered by author), with `threshold`
        (of votes), `cut` (of authors), `authors` and `conversations` (how many were judged).

    Raises:
        UserError: the model is no author model, fits another dataset, or a split lacks labelled authors.

    Source: Kuncheva 2004, "Combining Pattern Classifiers" (mean, median and votes of several answers).
    """
    judged, validation = _answers(author_model_path, dataset_path, split)
    return _judged(judged, aggregation, _cuts(validation, aggregation, threshold, cut))


def compare_aggregation_methods(
    author_model_path: str | Path, dataset_path: str | Path, *, split: str = "test"
) -> dict[str, Metrics]:
    """The metrics of `evaluate_profile_classifier` for all four aggregations.

    Args:
        author_model_path: from `train_model(model_type="author")`.
        dataset_path: folder of analysed conversations.
        split: whose authors are judged; thresholds and cuts are chosen on the authors of `validation`.

    Returns:
        Metrics by aggregation; `pandas.DataFrame(result).T` is a table.

    Raises:
        UserError: as `evaluate_profile_classifier`.

    Source: as `evaluate_profile_classifier`.
    """
    judged, validation = _answers(author_model_path, dataset_path, split)
    return {name: _judged(judged, name, _cuts(validation, name, None, None)) for name in AGGREGATIONS}


Answers = tuple[ConversationDataset, np.ndarray]


def _answers(author_model_path: str | Path, dataset_path: str | Path, split: str) -> tuple[Answers, Answers]:
    """Conversations with their probabilities: those of the judged split and those of validation."""
    saved = load_classifier(author_model_path, device())
    source = matching_dataset(saved, dataset_path, "author")
    datasets = (labelled_conversations(source, "author", name) for name in (split, "validation"))
    judged, validation = ((d, predict_probabilities(saved.model, d, device=device())) for d in datasets)
    return judged, validation


def _cuts(validation: Answers, aggregation: Aggregation, threshold: float | None, cut: float | None) -> Cuts:
    if threshold is not None:
        return Cuts(threshold, usual_cut(aggregation, threshold) if cut is None else cut, float("nan"))
    dataset, probabilities = validation
    # On the validation authors: thresholds chosen on those that are judged would flatter every aggregation.
    chosen = choose_cuts(probabilities, dataset.authors, dataset.labels.numpy(), aggregation)
    return chosen if cut is None else chosen._replace(cut=cut)


def _judged(judged: Answers, aggregation: Aggregation, cuts: Cuts) -> Metrics:
    dataset, probabilities = judged
    profiles = aggregate(probabilities, dataset.authors, aggregation, threshold=cuts.threshold)
    truth = labels_of(profiles.authors, dataset.authors, dataset.labels.numpy())
    metrics = metrics_with_intervals(truth, profiles.scores, profiles.authors, cuts.cut)
    counts = {"authors": float(len(profiles.authors)), "conversations": float(len(dataset))}
    return {**metrics, "threshold": cuts.threshold, "cut": cuts.cut, **counts}
