import numpy as np
import pytest

from shared.models import apply_thresholds, fit_temperature, tune_thresholds


def test_the_temperature_of_an_over_confident_model_makes_its_confidence_true() -> None:
    # Logit 4 for class 0 claims 0.982, but it is right 3 times in 4; log(3) = 1.0986 would claim 0.75.
    logits = np.tile([4.0, 0.0], (400, 1))
    target = np.array([0, 0, 0, 1] * 100)
    assert fit_temperature(logits, target) == pytest.approx(4 / np.log(3), rel=1e-2)


def test_many_labels_are_calibrated_each_against_not() -> None:
    assert fit_temperature(np.full((4, 1), 4.0), np.array([[1], [1], [1], [0]])) == pytest.approx(
        4 / np.log(3), rel=1e-2
    )


def test_without_texts_the_temperature_is_one() -> None:
    assert fit_temperature(np.zeros((0, 2)), np.zeros(0, dtype=int)) == 1.0


def test_a_threshold_cuts_where_f1_is_best() -> None:
    # Positives at 0.9 and 0.3: cutting below 0.9 has F1 2/3, below 0.3 (three predicted, two right) has 4/5.
    probabilities, target = np.array([[0.9], [0.5], [0.3], [0.1]]), np.array([[1], [0], [1], [0]])
    threshold = tune_thresholds(probabilities, target)
    assert threshold == pytest.approx([0.2])
    assert apply_thresholds(probabilities, threshold)[:, 0].tolist() == [True, True, True, False]


def test_no_threshold_cuts_between_equal_probabilities() -> None:
    threshold = tune_thresholds(np.array([[0.6], [0.6], [0.2]]), np.array([[1], [0], [0]]))
    assert threshold == pytest.approx([0.4])


def test_a_label_without_a_positive_text_keeps_one_half() -> None:
    assert tune_thresholds(np.array([[0.3], [0.9]]), np.zeros((2, 1))).tolist() == [0.5]


def test_smoothing_does_not_run_after_a_single_lucky_rank() -> None:
    scores = np.linspace(1, 0, 101)[:, None]
    target = np.zeros((101, 1))
    target[[0, 20, 22, 24, 26, 28, 30, 32, 34, 36]] = 1
    plain, smooth = (float(tune_thresholds(scores, target, smooth=s)[0]) for s in (0.0, 0.5))
    assert 0 < smooth < 1 and abs(smooth - plain) < 0.2
