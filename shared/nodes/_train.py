"""Training a node: several seeds on the same rows, and what more rows would bring."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shared.models import FineTuning, LabelledTexts, TextClassifier, fit_text_classifier
from shared.models._settings import Kind


class SeedRun(NamedTuple):
    """One training: its seed, the calibrated classifier and the seconds it took."""

    seed: int
    model: TextClassifier
    seconds: float


def labelled_texts(rows: pd.DataFrame) -> LabelledTexts:
    """Rows with message, label and group as the training code takes them."""
    return LabelledTexts(rows["message"].tolist(), rows["label"].tolist(), groups=rows["group"].tolist())


def train_seeds(
    train: LabelledTexts,
    validation: LabelledTexts,
    settings: FineTuning,
    seeds: Sequence[int],
    checkpoints: Path,
    *,
    kind: Kind = "single",
    labels: tuple[str, ...] | None = None,
) -> list[SeedRun]:
    """Train once a seed on the same rows and calibrate each on validation.

    Args:
        train: what it learns from.
        validation: what stops it early and calibrates it.
        settings: of fine-tuning; its seed is replaced.
        seeds: order of batches, dropout and the head's first weights.
        checkpoints: a killed training goes on from here.
        kind: see `fit_text_classifier`.
        labels: class names in column order.
    """
    runs = []
    for seed in seeds:
        started = perf_counter()
        folder = checkpoints / f"seed-{seed}"
        model = fit_text_classifier(train, validation, replace(settings, seed=seed), folder, kind=kind, labels=labels)
        # Calibration needs answers that training did not see; numbers have no probabilities to calibrate.
        calibrated = model if kind == "values" else model.calibrated(validation)
        runs.append(SeedRun(seed, calibrated, perf_counter() - started))
    return runs


def learning_curve(
    train: LabelledTexts,
    validation: LabelledTexts,
    test: LabelledTexts,
    settings: FineTuning,
    sizes: Sequence[int],
    checkpoints: Path,
) -> pd.DataFrame:
    """Test accuracy against messages a class, for one label a message.

    Args:
        train: what is drawn from; a class with fewer messages gives all it has.
        validation: as in `train_seeds`.
        test: what accuracy is measured on.
        settings: of fine-tuning.
        sizes: messages a class.
        checkpoints: working folder.

    Returns:
        Columns per_class, n, accuracy in [0, 1]; smaller draws are part of the larger ones.
    """
    order = np.random.default_rng(settings.seed).permutation(len(train))
    rank = pd.Series(np.array(train.labels, dtype=object)[order]).groupby(np.array(train.labels, dtype=object)[order])
    place = rank.cumcount().to_numpy()
    rows: list[dict[str, Any]] = []
    for size in sizes:
        part = train.take(np.sort(order[place < size]))
        model = fit_text_classifier(part, validation, settings, checkpoints / f"size-{size}")
        right = np.array(model.predict(list(test.texts))) == np.array(test.labels)
        rows.append({"per_class": size, "n": len(part), "accuracy": float(right.mean())})
    return pd.DataFrame(rows)
