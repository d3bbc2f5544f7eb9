"""Several trainings of one classifier that differ in their seed only."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from shared.models import FineTuning, LabelledTexts, TextClassifier, fit_text_classifier


class Trained(NamedTuple):
    """A calibrated classifier, the seed that made it, and its best macro-F1 on the validation conversations."""

    seed: int
    classifier: TextClassifier
    validation_score: float


def train_seeds(
    train: LabelledTexts, validation: LabelledTexts, settings: FineTuning, seeds: Sequence[int], folder: Path
) -> list[Trained]:
    """Fine-tune once a seed and fit each temperature on the validation conversations.

    Args:
        train: what is learned from.
        validation: decides early stopping, the best weights and the temperature.
        settings: its own seed is replaced by each of `seeds`.
        seeds: order of the batches, dropout and the new head's first weights; the splits stay.
        folder: checkpoints; a killed training goes on from there.

    Returns:
        One `Trained` a seed.
    """
    trained = []
    for seed in seeds:
        classifier = fit_text_classifier(train, validation, replace(settings, seed=seed), folder / f"seed_{seed}")
        best = max(line["score"] for line in classifier.history)
        trained.append(Trained(seed, classifier.calibrated(validation), best))
    return trained


def best_of(trained: Sequence[Trained]) -> Trained:
    """The training with the best validation score, the first of equals: what is saved and used later."""
    return max(trained, key=lambda one: one.validation_score)


def history_table(trained: Sequence[Trained]) -> pd.DataFrame:
    """Every evaluation of every seed: seed, step, epoch, loss, score (validation macro-F1), seconds."""
    return pd.DataFrame([{"seed": one.seed, **line} for one in trained for line in one.classifier.history])
