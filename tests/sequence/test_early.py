"""Early warning."""

from pathlib import Path

import numpy as np
import pytest

from shared.runs import UserError
from shared.sequence import (
    SequenceClassifier,
    early_warning,
    labelled_conversations,
    predict_probabilities,
    prefix_probabilities,
    read_dataset,
)


def test_alarms_horizons_and_false_alarms_of_a_small_example():
    # answers after 2, 4 and 6 turns; threshold 0.5
    answers = np.array(
        [
            [0.2, 0.6, 0.1],  # positive, 10 turns: alarm after 4, 6 turns left
            [0.9, 0.1, 0.1],  # positive, 4 turns: alarm after 2, 2 left
            [0.1, 0.1, 0.1],  # positive: missed
            [0.1, 0.1, 0.7],  # negative, 5 turns: false alarm, when it had ended after 5
            [0.1, 0.1, 0.1],  # negative: quiet
        ]
    )
    labels, lengths = np.array([1, 1, 1, 0, 0]), np.array([10, 4, 8, 5, 6])
    warning = early_warning(answers, [2, 4, 6], lengths, labels, np.arange(5), 0.5)
    assert warning.recall.value == pytest.approx(2 / 3)
    assert warning.mean_horizon.value == pytest.approx((6 + 2) / 2)
    assert warning.false_alarms.value == pytest.approx(100 / 5)
    np.testing.assert_array_equal(warning.alarms, [4, 2, np.nan, 5, np.nan])


def test_without_alarms_the_horizon_is_unscored():
    warning = early_warning(np.zeros((2, 1)), [1], np.ones(2), np.array([0, 1]), np.arange(2), 0.5)
    assert np.isnan(warning.mean_horizon.value)
    assert (warning.recall.value, warning.false_alarms.value) == (0, 0)


def test_after_the_last_turn_the_answer_is_the_usual_one(planted: Path, network: dict):
    dataset = labelled_conversations(read_dataset(planted), "conversation", "test")
    model = SequenceClassifier(dataset.width, **network).eval()
    answers = prefix_probabilities(model, dataset, [1, int(dataset.lengths.max())])
    np.testing.assert_allclose(answers[:, 1], predict_probabilities(model, dataset), atol=1e-6)


@pytest.mark.parametrize("turns", [[], [0, 1], [4, 2], [2, 2]])
def test_turns_seen_must_ascend(turns: list[int]):
    with pytest.raises(UserError, match="ascending"):
        prefix_probabilities(None, None, turns)
