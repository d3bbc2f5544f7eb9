"""Training: it learns, stops, resumes exactly, and repeats."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from shared.runs import UserError
from shared.sequence import (
    SequenceClassifier,
    Training,
    _fit,
    evaluate,
    fit_sequence_classifier,
    labelled_conversations,
    make_loader,
    predict_probabilities,
    read_dataset,
    train_epoch,
)


@pytest.fixture(scope="module")
def splits(planted: Path) -> tuple:
    source = read_dataset(planted)
    return tuple(labelled_conversations(source, "conversation", split) for split in ("train", "validation"))


@pytest.fixture
def training(network: dict) -> Training:
    return Training(num_epochs=4, batch_size=16, learning_rate=3e-3, network=network)


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_a_loop_of_ones_own_reads_as_people_write_it(splits: tuple, network: dict):
    train, validation = splits
    model = SequenceClassifier(input_size=train.width, **network)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max")
    criterion = nn.BCEWithLogitsLoss()
    losses = []
    for _ in range(6):
        loss, preds, labels = train_epoch(model, make_loader(train, 16, shuffle=True), criterion, optimizer, "cpu")
        _, _, _, metrics, threshold = evaluate(model, make_loader(validation), criterion, "cpu")
        scheduler.step(metrics["f1"])
        losses.append(loss)
    assert losses[-1] < 0.8 * losses[0]
    assert preds.shape == labels.shape == (len(train),)
    assert 0 < threshold < 1


def test_the_model_of_the_best_epoch_is_kept(splits: tuple, training: Training):
    train, validation = splits
    model, history = fit_sequence_classifier(train, validation, training)
    best = max(line["roc_auc"] for line in history if line["f1"] == max(h["f1"] for h in history))
    labels = validation.labels.numpy()
    scores = predict_probabilities(model, validation)
    pairs = scores[labels == 1][:, None] - scores[labels == 0][None]
    assert np.mean((pairs > 0) + 0.5 * (pairs == 0)) == pytest.approx(best, abs=1e-6)


def test_the_same_seed_gives_the_same_model_and_another_one_another(splits: tuple, training: Training):
    train, validation = splits
    first, again = (fit_sequence_classifier(train, validation, training)[0] for _ in range(2))
    other, _ = fit_sequence_classifier(train, validation, replace(training, seed=1))
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    splits: tuple, training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    train, validation = splits
    undisturbed, history = fit_sequence_classifier(train, validation, training)
    checkpoint = tmp_path / "conversation.safetensors"
    real = _fit.train_epoch
    finished = iter([1, 2])  # the third epoch finds nothing here
    monkeypatch.setattr(_fit, "train_epoch", lambda *arguments: (next(finished), real(*arguments))[1])
    with pytest.raises(StopIteration):
        fit_sequence_classifier(train, validation, training, checkpoint=checkpoint)
    monkeypatch.setattr(_fit, "train_epoch", real)
    resumed, resumed_history = fit_sequence_classifier(train, validation, training, checkpoint=checkpoint)
    assert resumed_history == history
    assert same_weights(undisturbed, resumed)


def test_a_checkpoint_of_other_settings_is_refused(splits: tuple, training: Training, tmp_path: Path):
    train, validation = splits
    checkpoint = tmp_path / "author.safetensors"
    fit_sequence_classifier(train, validation, replace(training, num_epochs=1), checkpoint=checkpoint)
    with pytest.raises(UserError, match="other settings"):
        fit_sequence_classifier(train, validation, replace(training, learning_rate=1.0), checkpoint=checkpoint)


def test_training_ends_when_validation_f1_no_longer_grows(splits: tuple, training: Training):
    train, validation = splits
    _, history = fit_sequence_classifier(train, validation, replace(training, num_epochs=40, patience=2))
    scores = [line["f1"] for line in history]
    assert len(history) < 40
    assert len(history) - (scores.index(max(scores)) + 1) == 2


def test_the_learning_rate_falls_on_a_plateau(splits: tuple, training: Training):
    train, validation = splits
    still = replace(training, num_epochs=6, learning_rate=1e-7, patience=9)  # nothing is learned, F1 stays
    _, history = fit_sequence_classifier(train, validation, still)
    # the first epoch sets the best, three more are borne, the fifth halves the rate for the sixth
    assert [line["learning_rate"] for line in history] == [1e-7] * 5 + [5e-8]


def test_the_class_weight_does_not_inflate_probabilities(splits: tuple, training: Training):
    train, _ = splits
    rare = train.subset(np.flatnonzero((train.labels.numpy() == 0) | (np.arange(len(train)) % 6 == 0)))
    weighted = replace(training, weighting="balanced", num_epochs=6)
    model, _ = fit_sequence_classifier(rare, None, weighted, quiet=True)
    assert predict_probabilities(model, rare).mean() == pytest.approx(rare.labels.numpy().mean(), abs=0.1)


def test_one_class_cannot_be_learned(splits: tuple, training: Training):
    train, _ = splits
    with pytest.raises(UserError, match="Both classes are needed"):
        fit_sequence_classifier(train.subset(train.labels.numpy() == 1), None, training)
