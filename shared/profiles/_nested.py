"""Weighting, aggregation and thresholds chosen inside cross-validation, judged on authors that had no say in it.

For K folds of authors, a model is fitted without each fold and without each pair of folds: K + K (K - 1) / 2 fits.
Judging fold k, everything is chosen from answers about the other folds by models that saw neither fold k nor the fold
that they answer about. This is nested cross-validation whose inner folds are the outer ones, so that each fit is used
twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from shared.profiles._aggregate import AGGREGATIONS, Aggregation, Cuts, aggregate, choose_cuts, labels_of
from shared.runs import progress
from shared.sequence import (
    WEIGHTINGS,
    ConversationDataset,
    Training,
    Weighting,
    author_folds,
    f1_estimate,
    fit_sequence_classifier,
    predict_probabilities,
)
from shared.stats import Estimate, accuracy_estimate, auc_estimate, holm, paired_difference


class CrossFit(NamedTuple):
    """Answers about authors by models that did not know them.

    Attributes:
        authors: shape (conversations,).
        labels: shape (conversations,), 0 or 1, the author's.
        folds: shape (conversations,), ints.
        outer: weighting to shape (conversations,): by the model fitted without the conversation's fold.
        inner: weighting to shape (folds, conversations): row k by models fitted without fold k and without the
            conversation's fold; NaN for conversations of fold k.
    """

    authors: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    outer: dict[Weighting, np.ndarray]
    inner: dict[Weighting, np.ndarray]


def cross_fit(
    dataset: ConversationDataset,
    training: Training,
    *,
    folds: int = 5,
    weightings: Sequence[Weighting] = WEIGHTINGS,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> CrossFit:
    """Fit without each fold and each pair of folds, for every weighting.

    Args:
        dataset: conversations with their author's label.
        training: how; its weighting is replaced in turn, and all of its epochs are run.
        folds: of authors, at least 3. Thresholds are chosen by models of K - 2 folds for models of K - 1: with few
            folds the former are weaker and their thresholds too low or too high.
        weightings: those to compare.
        seed: of the folds.
        device: where to compute.

    Raises:
        UserError: fewer authors of a class than folds.
    """
    labels = dataset.labels.numpy()
    placed = author_folds(labels, dataset.authors, folds, seed=seed)
    crossed = CrossFit(dataset.authors, labels, placed, {}, {})
    for weighting in weightings:
        crossed.outer[weighting] = np.full(len(dataset), np.nan)
        crossed.inner[weighting] = np.full((folds, len(dataset)), np.nan)
    # A fit without a pair of folds serves both of them, which halves the work of ordinary nesting.
    without = [(fold, fold) for fold in range(folds)] + list(combinations(range(folds), 2))
    work = [(weighting, pair) for weighting in weightings for pair in without]
    for weighting, pair in progress(work, "fits without one or two folds of authors"):
        held_out = np.isin(placed, pair)
        chosen = replace(training, weighting=weighting)
        model, _ = fit_sequence_classifier(dataset.subset(~held_out), None, chosen, device=device, quiet=True)
        answers = predict_probabilities(model, dataset.subset(held_out), device=device)
        _enter(crossed, weighting, pair, held_out, answers)
    return crossed


def _enter(
    crossed: CrossFit, weighting: Weighting, pair: tuple[int, int], held_out: np.ndarray, answers: np.ndarray
) -> None:
    if pair[0] == pair[1]:
        crossed.outer[weighting][held_out] = answers
        return
    whose = crossed.folds[held_out]
    places = np.flatnonzero(held_out)
    # The same model answers about i when j is judged and about j when i is: it saw neither.
    for judged, answered in (pair, pair[::-1]):
        crossed.inner[weighting][judged, places[whose == answered]] = answers[whose == answered]


class Verdicts(NamedTuple):
    """Verdicts about every author, each by thresholds that the author had no say in.

    Attributes:
        authors: shape (authors,), sorted.
        labels: shape (authors,), 0 or 1.
        scores: shape (authors,).
        verdicts: shape (authors,), 0 or 1.
        cuts: what was chosen for each fold.
    """

    authors: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    verdicts: np.ndarray
    cuts: list[Cuts]

    @property
    def f1(self) -> Estimate:
        """F1 over authors."""
        return f1_estimate(self.labels, self.verdicts, self.authors)

    @property
    def accuracy(self) -> Estimate:
        """Share of authors judged right."""
        return accuracy_estimate(self.labels, self.verdicts, self.authors)

    @property
    def auc(self) -> Estimate:
        """Area under the ROC curve of the scores."""
        return auc_estimate(self.labels, self.scores, self.authors)


def nested_verdicts(crossed: CrossFit, weighting: Weighting, aggregation: Aggregation) -> Verdicts:
    """Judge every author with one weighting and aggregation; thresholds are chosen on the other folds."""
    cuts = [choose_cuts(answers, crossed.authors, crossed.labels, aggregation) for answers in crossed.inner[weighting]]
    return _assembled(crossed, [(weighting, aggregation, chosen) for chosen in cuts])


def selected_verdicts(crossed: CrossFit) -> tuple[Verdicts, list[tuple[Weighting, Aggregation]]]:
    """Judge every author with the weighting, aggregation and thresholds that did best on the other folds.

    Returns:
        Verdicts of the whole procedure, and what was selected for each fold. This, not the best cell of a table, is
        what to expect on new authors.
    """
    plans = []
    for fold in range(int(crossed.folds.max()) + 1):
        tried = [
            (weighting, aggregation, choose_cuts(answers[fold], crossed.authors, crossed.labels, aggregation))
            for weighting, answers in crossed.inner.items()
            for aggregation in AGGREGATIONS
        ]
        # Ties go to the first, the usual choice: a new weighting or aggregation has to earn its place.
        plans.append(max(tried, key=lambda plan: plan[2].f1))
    return _assembled(crossed, plans), [(weighting, aggregation) for weighting, aggregation, _ in plans]


def _assembled(crossed: CrossFit, plans: Sequence[tuple[Weighting, Aggregation, Cuts]]) -> Verdicts:
    names, scores, verdicts = [], [], []
    for fold, (weighting, aggregation, cuts) in enumerate(plans):
        inside = crossed.folds == fold
        answers = crossed.outer[weighting][inside]
        profiles = aggregate(answers, crossed.authors[inside], aggregation, threshold=cuts.threshold)
        names.append(profiles.authors)
        scores.append(profiles.scores)
        verdicts.append((profiles.scores >= cuts.cut).astype(float))
    order = np.argsort(np.concatenate(names))
    authors, score, verdict = (np.concatenate(parts)[order] for parts in (names, scores, verdicts))
    labels = labels_of(authors, crossed.authors, crossed.labels)
    return Verdicts(authors, labels, score, verdict, [cuts for _, _, cuts in plans])


def compare_choices(crossed: CrossFit) -> pd.DataFrame:
    """Every weighting with every aggregation, judged by nested cross-validation.

    Returns:
        A row each: `weighting`, `aggregation`, `f1` with `f1_low` and `f1_high` (95 %, clustered by author),
        `accuracy`, `roc_auc`, `difference` (accuracy minus that of the first weighting and the mean), `p` (paired
        sign-flip test over authors) and `p_holm` (corrected for the number of comparisons; NaN for the reference
        itself), mean and standard deviation over folds of `threshold` and `cut`.
    """
    cells = {(w, a): nested_verdicts(crossed, w, a) for w in crossed.outer for a in AGGREGATIONS}
    reference = next(iter(cells.values()))
    table = pd.DataFrame([{"weighting": w, "aggregation": a, **_row(v, reference)} for (w, a), v in cells.items()])
    return table.assign(p_holm=holm(table["p"].to_numpy()))


def _row(verdicts: Verdicts, reference: Verdicts) -> Mapping[str, float]:
    right, reference_right = (np.equal(v.verdicts, v.labels).astype(float) for v in (verdicts, reference))
    paired = paired_difference(right, reference_right, verdicts.authors)
    thresholds, cuts = ([getattr(c, name) for c in verdicts.cuts] for name in ("threshold", "cut"))
    return {
        "f1": verdicts.f1.value,
        "f1_low": verdicts.f1.interval.low,
        "f1_high": verdicts.f1.interval.high,
        "accuracy": verdicts.accuracy.value,
        "roc_auc": verdicts.auc.value,
        "difference": paired.estimate.value,
        "p": float("nan") if verdicts is reference else paired.p_value,
        "threshold": float(np.mean(thresholds)),
        "threshold_sd": float(np.std(thresholds, ddof=1)),
        "cut": float(np.mean(cuts)),
        "cut_sd": float(np.std(cuts, ddof=1)),
    }
