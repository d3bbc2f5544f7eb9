"""Training and testing by file name, as scripts do: dataset in, model file out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shared.models import device
from shared.runs import UserError, resolve_path
from shared.sequence._batches import ConversationDataset, labelled_conversations
from shared.sequence._dataset import AnalyzedConversations, ModelType, read_dataset
from shared.sequence._epochs import predict_probabilities
from shared.sequence._fit import Training, fit_sequence_classifier
from shared.sequence._metrics import Metrics, best_threshold, calculate_metrics_threshold, f1_estimate
from shared.sequence._saved import SavedClassifier, load_classifier, save_classifier
from shared.sequence._weights import Weighting, count_classes
from shared.stats import accuracy_estimate, auc_estimate


def train_model(
    model_type: ModelType,
    dataset_path: str | Path,
    num_epochs: int = 50,
    batch_size: int = 256,
    learning_rate: float = 1e-4,
    *,
    output_dir: str | Path = "models",
    weighting: Weighting = "balanced",
    patience: int = 10,
    seed: int = 0,
    network: Mapping[str, Any] | None = None,
    checkpoint_dir: str | Path | None = None,
) -> Path:
    """Train a classifier on the split `train` and keep the epoch with the best F1 on the split `validation`.

    Args:
        model_type: "conversation" learns `label`, "author" learns every conversation's `author_label`.
        dataset_path: folder of analysed conversations; a relative one starts at the project's root.
        num_epochs: at most so many passes over the training conversations.
        batch_size: conversations in a batch.
        learning_rate: of AdamW; halved when the validation F1 has not grown for three epochs.
        output_dir: folder of the model file.
        weighting: of the positive class, see `estimate_pos_weight`.
        patience: epochs without a better validation F1 until training ends.
        seed: of initial weights, order and dropout; the same seed gives the same file on the same machine.
        network: arguments of `SequenceClassifier` other than `input_size`, which the dataset gives.
        checkpoint_dir: folder for `<model_type>.safetensors`, written after each epoch and continued from if it
            exists; removed when training ends. None: a killed training starts again.

    Returns:
        Path of `<model_type>_classifier.safetensors`.

    Raises:
        UserError: the dataset is not as `read_dataset` and `labelled_conversations` want it, or a split has one
            class only.

    Source: Prechelt 1998 (early stopping); Kingma and Ba 2015, Loshchilov and Hutter 2019 (AdamW).
    """
    source = read_dataset(dataset_path)
    # The test split is not even opened here: nothing of it can reach a choice.
    train, validation = (_with_both_classes(source, model_type, split) for split in ("train", "validation"))
    training = Training(num_epochs, batch_size, learning_rate, weighting, patience, seed, dict(network or {}))
    checkpoint = _checkpoint(checkpoint_dir, model_type)
    model, history = fit_sequence_classifier(train, validation, training, checkpoint=checkpoint, device=device())
    scores = predict_probabilities(model, validation, batch_size=batch_size, device=device())
    threshold = best_threshold(validation.labels.numpy(), scores)
    saved = SavedClassifier(model, model_type, threshold, source.names, history)
    path = save_classifier(resolve_path(str(output_dir)) / f"{model_type}_classifier.safetensors", saved)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return path


def _checkpoint(folder: str | Path | None, model_type: ModelType) -> Path | None:
    return None if folder is None else resolve_path(str(folder)) / f"{model_type}.safetensors"


def _with_both_classes(source: AnalyzedConversations, model_type: ModelType, split: str) -> ConversationDataset:
    dataset = labelled_conversations(source, model_type, split)
    try:
        count_classes(dataset.labels.numpy())
    except UserError as error:
        raise UserError(f"Split {split}: {error}") from None
    return dataset


def test_model(
    model_type: ModelType,
    model_path: str | Path,
    dataset_path: str | Path,
    *,
    split: str = "test",
    batch_size: int = 256,
) -> Metrics:
    """Metrics of a trained classifier on conversations that it has not seen.

    Args:
        model_type: what the model was trained as.
        model_path: from `train_model`.
        dataset_path: folder of analysed conversations.
        split: train, validation or test.
        batch_size: conversations computed together.

    Returns:
        The metrics of `calculate_metrics_threshold` at the threshold chosen in training, with 95 % intervals
        clustered by author as `accuracy_low`, `accuracy_high`, `f1_low`, `f1_high`, `roc_auc_low`, `roc_auc_high`;
        also `threshold`, `conversations` (scored) and `unlabelled` (left out). NaN = not defined on these labels.

    Raises:
        UserError: the model was trained as the other type or on other features, or the split has no labels.

    Source: Davison and Hinkley 1997, section 3.8 (resampling of whole clusters).
    """
    saved = load_classifier(model_path, device())
    dataset = labelled_conversations(matching_dataset(saved, dataset_path, model_type), model_type, split)
    probabilities = predict_probabilities(saved.model, dataset, batch_size=batch_size, device=device())
    counts = {"conversations": float(len(dataset)), "unlabelled": float(dataset.unlabelled)}
    return {**metrics_with_intervals(dataset.labels.numpy(), probabilities, dataset.authors, saved.threshold), **counts}


test_model.__test__ = False  # type: ignore[attr-defined]  # a test runner that sees the name must not call it


def matching_dataset(saved: SavedClassifier, dataset_path: str | Path, model_type: ModelType) -> AnalyzedConversations:
    """The dataset, if the model was made for it.

    Raises:
        UserError: the model learned the other label, or the features differ in number, name or order.
    """
    if saved.model_type != model_type:
        raise UserError(f"The model was trained as '{saved.model_type}', not as '{model_type}'. Give the other file.")
    source = read_dataset(dataset_path)
    if source.names != saved.names:
        differing = [n for n, m in zip(source.names, saved.names, strict=False) if n != m] or ["(only the number)"]
        raise UserError(
            f"The model was trained on {len(saved.names)} features, the dataset has {len(source.names)}; the first "
            f"that differs is '{differing[0]}'. Build the dataset with the settings of the training, or train again."
        )
    return source


def metrics_with_intervals(
    labels: np.ndarray, probabilities: np.ndarray, clusters: np.ndarray, threshold: float
) -> Metrics:
    """Metrics at a threshold, with clustered 95 % intervals of accuracy, F1 and ROC AUC.

    Args:
        labels: shape (examples,), 0 or 1.
        probabilities: shape (examples,), of the positive class; or any score.
        clusters: shape (examples,), the independent unit.
        threshold: positive from here on.

    Returns:
        Metrics by name, `<name>_low` and `<name>_high` of the three, and `threshold`.
    """
    metrics, _ = calculate_metrics_threshold(labels, probabilities, threshold)
    verdicts = (probabilities >= threshold).astype(float)
    intervals = {
        "accuracy": accuracy_estimate(labels, verdicts, clusters).interval,
        "f1": f1_estimate(labels, verdicts, clusters).interval,
        "roc_auc": auc_estimate(labels, probabilities, clusters).interval,
    }
    bounds = {f"{name}_{side}": getattr(i, side) for name, i in intervals.items() for side in ("low", "high")}
    return {**metrics, **bounds, "threshold": threshold}
