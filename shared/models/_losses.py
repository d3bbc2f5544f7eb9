"""Losses and class weights for imbalanced classes."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from shared.models._settings import FineTuning, Kind

# beta of Cui et al.: the larger, the closer to inverse frequency; 0.999 is theirs for long-tailed data of this size.
_BETA = 0.999

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def class_weights(counts: np.ndarray, method: str) -> np.ndarray:
    """Weight of each class in the loss, 1 on average over the training examples.

    Args:
        counts: (classes,) training examples of each class; a class without examples gets weight 0.
        method: "none"; "balanced" (inverse frequency); "sqrt" (its square root); "effective" (inverse of the
            effective number of examples).

    Returns:
        (classes,) float, not negative.

    Source: effective number of samples, Cui et al. 2019.
    """
    present = np.maximum(counts, 1)
    raw = {
        "none": np.ones(len(counts)),
        "balanced": 1.0 / present,
        "sqrt": 1.0 / np.sqrt(present),
        "effective": (1 - _BETA) / (1 - _BETA**present),
    }[method]
    raw = np.where(counts > 0, raw, 0.0)
    return raw * counts.sum() / max(float((raw * counts).sum()), 1e-12)


def positive_weights(positives: np.ndarray, examples: int, method: str) -> np.ndarray:
    """Weight of a positive example against a negative one, for each label of a multi-label task.

    Args:
        positives: (labels,) training examples that carry each label; a label without any gets weight 1.
        examples: training examples.
        method: as in `class_weights`.

    Returns:
        (labels,) float, at least 0.
    """
    pairs = [class_weights(np.array([examples - count, count]), method) for count in positives]
    return np.array([pair[1] / pair[0] if pair.min() > 0 else 1.0 for pair in pairs])


def make_loss(settings: FineTuning, kind: Kind, target: np.ndarray, classes: int) -> Loss:
    """The loss that the settings describe, as a function of logits and targets of one batch.

    Args:
        settings: `loss`, `class_weights`, `label_smoothing` and `focal_gamma` are read.
        kind: "single", "multi" or "values" (mean squared error over the scored values, NaN left out).
        target: the training targets (see `targets`), from which class counts are taken.
        classes: number of outputs.
    """
    gamma = settings.focal_gamma if settings.loss == "focal" else 0.0
    if kind == "values":
        return squared_error
    if kind == "multi":
        weights = positive_weights(target.sum(0), len(target), settings.class_weights)
        return multi_loss(torch.tensor(weights, dtype=torch.float32), settings.label_smoothing, gamma)
    weights = class_weights(np.bincount(target, minlength=classes), settings.class_weights)
    return single_loss(torch.tensor(weights, dtype=torch.float32), settings.label_smoothing, gamma)


def single_loss(weights: torch.Tensor, smoothing: float, gamma: float) -> Loss:
    """Mean over texts of w[y] (1 - p[y])^gamma times the smoothed cross-entropy (Lin et al. 2017 for gamma)."""

    def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        each = functional.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
        right = logits.softmax(1).gather(1, target[:, None])[:, 0]
        return (weights.to(logits.device)[target] * (1 - right).clamp(min=0) ** gamma * each).mean()

    return loss


def multi_loss(positive: torch.Tensor, smoothing: float, gamma: float) -> Loss:
    """Mean over texts of the summed binary cross-entropies, positives weighted, easy ones turned down by gamma."""

    def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        soft = target * (1 - smoothing) + smoothing / 2
        each = functional.binary_cross_entropy_with_logits(
            logits, soft, pos_weight=positive.to(logits.device), reduction="none"
        )
        right = torch.where(target > 0.5, logits.sigmoid(), 1 - logits.sigmoid())
        return ((1 - right) ** gamma * each).sum(1).mean()

    return loss


def squared_error(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the scored values of a batch; 0 where none is scored."""
    scored = ~target.isnan()
    return ((logits - target.nan_to_num()) ** 2 * scored).sum() / scored.sum().clamp(min=1)
