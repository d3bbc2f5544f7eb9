"""When a node should say that a message is none of its business."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.stats import Estimate, accuracy_estimate, auc_estimate


class Scope(NamedTuple):
    """What refusing below one confidence does.

    Attributes:
        threshold: confidence in [0, 1] below which a message is refused, chosen on validation.
        answered: share of the test messages that are still answered.
        accuracy: of those answered.
        accepted: share of the messages out of scope that are answered all the same.
        separation: area under the ROC curve of confidence, in scope against out of scope; 0.5 = it tells nothing.
    """

    threshold: float
    answered: Estimate
    accuracy: Estimate
    accepted: Estimate
    separation: Estimate


def scope_report(
    validation: pd.DataFrame, test: pd.DataFrame, out_of_scope: Sequence[float], *, answered: float = 0.95,
    seed: int = 0,
) -> Scope:  # fmt: skip
    """Refuse below the confidence that keeps a wanted share of validation, and see what that is worth elsewhere.

    Messages out of scope never choose the threshold: tomorrow's will be strange in another way than today's.

    Args:
        validation: predictions, column confidence.
        test: predictions, columns label, predicted, confidence, group.
        out_of_scope: confidences on messages that belong to no label.
        answered: share of validation in (0, 1] that must still be answered.
        seed: of the intervals, which are over groups (messages, for those out of scope).
    """
    threshold = float(np.quantile(validation["confidence"], 1 - answered))
    confidence, strange = test["confidence"].to_numpy(), np.asarray(out_of_scope, dtype=float)
    groups = test["group"].to_numpy(dtype=object)
    kept = confidence >= threshold
    truth, predicted = (test[column].to_numpy(dtype=object)[kept] for column in ("label", "predicted"))
    both, inside = np.concatenate([confidence, strange]), np.repeat([1.0, 0.0], [len(confidence), len(strange)])
    return Scope(
        threshold,
        accuracy_estimate(np.ones(len(kept)), kept.astype(float), groups, seed=seed),
        accuracy_estimate(truth, predicted, groups[kept], seed=seed),
        accuracy_estimate(np.ones(len(strange)), (strange >= threshold).astype(float), seed=seed),
        auc_estimate(inside, both, seed=seed),
    )
