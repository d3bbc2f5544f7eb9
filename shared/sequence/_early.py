"""How early a conversation's label is known: answers after few turns, and alarms raised on the way."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from shared.runs import UserError
from shared.sequence._batches import ConversationDataset
from shared.sequence._epochs import predict_probabilities
from shared.sequence._network import SequenceClassifier
from shared.stats import Estimate, mean_estimate


def prefix_probabilities(
    model: SequenceClassifier,
    dataset: ConversationDataset,
    turns_seen: Sequence[int],
    *,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Probability of every conversation after its first turns.

    Args:
        model: from `train_model`; later turns are withheld from it, not masked by it.
        dataset: conversations.
        turns_seen: numbers of turns, ascending, at least 1.
        device: where to compute.

    Returns:
        Shape (conversations, turns_seen), in [0, 1]; a conversation that has ended keeps its last answer.

    Raises:
        UserError: `turns_seen` is empty, not ascending, or below 1.
    """
    seen = list(turns_seen)
    if not seen or seen[0] < 1 or seen != sorted(set(seen)):
        raise UserError(f"Turns seen must be ascending and at least 1, for instance [1, 2, 4, 8]; found {seen}.")
    return np.column_stack([predict_probabilities(model, dataset.first_turns(k), device=device) for k in seen])


class EarlyWarning(NamedTuple):
    """What alarms at a threshold are worth.

    Attributes:
        recall: share of positive conversations with an alarm.
        mean_horizon: turns left after a justified alarm, mean over justified alarms.
        false_alarms: negative conversations with an alarm, per 100 conversations of any label.
        alarms: shape (conversations,), turns seen at the first alarm; NaN = none.
    """

    recall: Estimate
    mean_horizon: Estimate
    false_alarms: Estimate
    alarms: np.ndarray


def early_warning(
    probabilities: np.ndarray,
    turns_seen: Sequence[int],
    lengths: np.ndarray,
    labels: np.ndarray,
    authors: np.ndarray,
    threshold: float,
) -> EarlyWarning:
    """Raise an alarm at the first answer that reaches the threshold, and count what comes of it.

    Args:
        probabilities: shape (conversations, turns_seen), from `prefix_probabilities`.
        turns_seen: the columns' numbers of turns.
        lengths: shape (conversations,), turns of the whole conversations.
        labels: shape (conversations,), 0 or 1.
        authors: shape (conversations,), clusters of the intervals.
        threshold: chosen on validation conversations: `best_threshold(labels, probabilities.max(axis=1))` there.

    Returns:
        EarlyWarning with 95 % intervals clustered by author; NaN where no conversation qualifies.

    Source: Kementchedjhieva and Sogaard 2021 (horizon of forecasts on conversations).
    """
    reached = probabilities >= threshold
    first = np.asarray(turns_seen, dtype=float)[reached.argmax(axis=1)]
    alarms = np.where(reached.any(axis=1), np.minimum(first, lengths), np.nan)
    raised, positive = ~np.isnan(alarms), np.asarray(labels) == 1
    horizon = np.where(raised & positive, lengths - alarms, np.nan)
    return EarlyWarning(
        recall=mean_estimate(np.where(positive, raised, np.nan), authors),
        mean_horizon=mean_estimate(horizon, authors),
        false_alarms=mean_estimate(100.0 * (raised & ~positive), authors),
        alarms=alarms,
    )
