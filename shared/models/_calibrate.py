"""After training, on validation data only: a temperature for honest probabilities, thresholds for many labels."""

import numpy as np
from scipy.optimize import minimize_scalar

_LOG_TEMPERATURES = (-3.0, 3.0)


def fit_temperature(logits: np.ndarray, target: np.ndarray) -> float:
    """The divisor of the logits under which the validation labels are most probable.

    Args:
        logits: (texts, classes), before softmax or sigmoid.
        target: (texts,) class indices for one label a text, or (texts, classes) of 0 and 1 for many.

    Returns:
        Temperature between e^-3 and e^3; above 1 the model was over-confident. 1 if there are no texts.

    Source: temperature scaling, Guo et al. 2017.
    """
    if not len(logits):
        return 1.0
    logits = np.asarray(logits, dtype=np.float64)
    cost = _binary_cost if np.ndim(target) == 2 else _class_cost
    found = minimize_scalar(lambda log_t: cost(logits / np.exp(log_t), target), bounds=_LOG_TEMPERATURES)
    return float(np.exp(found.x))


def _class_cost(logits: np.ndarray, target: np.ndarray) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    right = shifted[np.arange(len(target)), target]
    return float((np.log(np.exp(shifted).sum(1)) - right).mean())


def _binary_cost(logits: np.ndarray, target: np.ndarray) -> float:
    return float((np.logaddexp(0.0, logits) - logits * target).mean())


def tune_thresholds(probabilities: np.ndarray, target: np.ndarray, *, smooth: float = 0.0) -> np.ndarray:
    """For each label the threshold with the best F1, found on validation data.

    Args:
        probabilities: (texts, labels) in [0, 1].
        target: (texts, labels) of 0 and 1.
        smooth: width of the window, in ranks as a share of the label's positives, over which F1 is averaged before
            its top is taken; above 0 steadies the thresholds of rare labels, 0 takes the best F1 as it is.

    Returns:
        (labels,) thresholds in [0, 1]: predict a label when its probability is at least that. A label without a
        positive text has 0.5.
    """
    columns = zip(probabilities.T, target.T, strict=True)
    return np.array([_best_threshold(scores, truth, smooth) for scores, truth in columns])


def _best_threshold(scores: np.ndarray, truth: np.ndarray, smooth: float) -> float:
    positives = truth.sum()
    if positives == 0:
        return 0.5
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(float)
    # Cutting after rank k predicts k positives: F1 = 2 hits / (k + positives).
    f1 = 2 * np.cumsum(truth[order]) / (np.arange(1, len(order) + 1) + positives)
    f1 = _moving_mean(f1, int(smooth * positives))
    f1[:-1][ranked[:-1] == ranked[1:]] = -1.0  # no threshold cuts between equal scores
    best = int(f1.argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


def _moving_mean(values: np.ndarray, half: int) -> np.ndarray:
    if half == 0:
        return values
    padded = np.pad(values, half, mode="edge")
    return np.convolve(padded, np.ones(2 * half + 1) / (2 * half + 1), mode="valid")


def apply_thresholds(probabilities: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(texts, labels) bool: which labels each text gets."""
    return probabilities >= thresholds
