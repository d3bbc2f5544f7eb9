"""One pass over a loader: training or evaluation, as people's own training loops call them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from shared.sequence._batches import Batch, ConversationDataset, LengthBatches, make_loader
from shared.sequence._metrics import Metrics, calculate_metrics_threshold

_NARROW = 2_000_000  # parameters up to which one thread is as fast as several
_LARGEST_STEP = 1.0  # gradient norm; a long conversation must not throw the optimiser off its path


def train_epoch(
    model: nn.Module,
    loader: Iterable[Batch],
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Train on every batch once; gradients are clipped to norm 1.

    Args:
        model: takes (features, lengths) and gives logits, such as `SequenceClassifier`; already on `device`.
        loader: batches, from `make_loader`.
        criterion: of (logits, labels), the mean over a batch, such as `BCEWithLogitsLoss`.
        optimizer: of the model's parameters.
        device: where to compute.

    Returns:
        `(loss, preds, labels)`: mean loss an example; probabilities of the positive class while training, shape
        (examples,), in [0, 1]; labels 0 or 1, shape (examples,); both in the order of the loader.

    Raises:
        RuntimeError: torch's own, if a batch does not have the model's input size; there is at least one batch.

    Source: Pascanu, Mikolov and Bengio 2013 (clipping of the gradient's norm).
    """
    model.train()
    losses, logits, labels = [], [], []
    with _fitting_threads(model):
        for batch in loader:
            features, lengths, truth = (part.to(device) for part in batch)
            answer = model(features, lengths)
            loss = criterion(answer, truth)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_STEP)
            optimizer.step()
            losses.append(loss.detach() * len(truth))
            logits.append(answer.detach())
            labels.append(truth)
    return _collected(losses, logits, labels)


def evaluate(
    model: nn.Module,
    loader: Iterable[Batch],
    criterion: nn.Module,
    device: torch.device | str,
    threshold: float | None = None,
) -> tuple[float, np.ndarray, np.ndarray, Metrics, float]:
    """Answer every batch without training.

    Args:
        model: takes (features, lengths) and gives logits; already on `device`.
        loader: batches, from `make_loader`.
        criterion: of (logits, labels), the mean over a batch.
        device: where to compute.
        threshold: see `calculate_metrics_threshold`; None chooses the best on these very examples, which is right for
            validation data and flatters on test data.

    Returns:
        `(loss, preds, labels, metrics, threshold)`: mean loss an example; probabilities, shape (examples,), in
        [0, 1]; labels, shape (examples,); both in the order of the loader; metrics by name; the threshold.

    Raises:
        RuntimeError: torch's own, if a batch does not have the model's input size; there is at least one batch.

    Source: see `calculate_metrics_threshold`.
    """
    model.eval()
    losses, logits, labels = [], [], []
    with torch.no_grad(), _fitting_threads(model):
        for batch in loader:
            features, lengths, truth = (part.to(device) for part in batch)
            answer = model(features, lengths)
            losses.append(criterion(answer, truth) * len(truth))
            logits.append(answer)
            labels.append(truth)
    loss, preds, truths = _collected(losses, logits, labels)
    metrics, chosen = calculate_metrics_threshold(truths, preds, threshold)
    return loss, preds, truths, metrics, chosen


@contextmanager
def _fitting_threads(model: nn.Module) -> Iterator[None]:
    """One thread for a small network: several spend their time waiting for each other, above all on a busy machine."""
    before = torch.get_num_threads()
    if sum(p.numel() for p in model.parameters()) <= _NARROW:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _collected(
    losses: list[torch.Tensor], logits: list[torch.Tensor], labels: list[torch.Tensor]
) -> tuple[float, np.ndarray, np.ndarray]:
    preds, truths = torch.sigmoid(torch.cat(logits)), torch.cat(labels)
    return float(torch.stack(losses).sum()) / len(truths), preds.cpu().numpy(), truths.cpu().numpy()


def predict_probabilities(
    model: nn.Module, dataset: ConversationDataset, *, batch_size: int = 256, device: torch.device | str = "cpu"
) -> np.ndarray:
    """Probability of the positive class for every conversation.

    Args:
        model: takes (features, lengths) and gives logits; already on `device`.
        dataset: conversations.
        batch_size: conversations computed together.
        device: where to compute.

    Returns:
        Shape (conversations,), in [0, 1], in the order of the dataset.
    """
    loader = make_loader(dataset, batch_size)
    _, preds, _, _, _ = evaluate(model, loader, nn.BCEWithLogitsLoss(), device, threshold=0.5)
    order = np.concatenate(LengthBatches(dataset.lengths, batch_size).batches())
    probabilities = np.empty(len(dataset))
    probabilities[order] = preds
    return probabilities
