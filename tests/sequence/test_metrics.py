"""Metrics and thresholds."""

import numpy as np
import pytest

from shared.runs import UserError
from shared.sequence import METRICS, best_threshold, calculate_metrics_threshold, f1_estimate


def test_every_metric_of_a_small_example():
    # verdicts at 0.5: 1 1 0 0 against 1 0 1 0: one hit, one false alarm, one miss, one right silence.
    # AUC: pairs (positive, negative): 0.9 > 0.6, 0.9 > 0.1, 0.4 < 0.6, 0.4 > 0.1: 3 of 4.
    # AP: ranks of positives 1 and 3: (1/1 + 2/3) / 2 = 5/6.
    # calibration, every score alone in its bin: (0.1 + 0.6 + 0.6 + 0.1) / 4 = 0.35.
    metrics, threshold = calculate_metrics_threshold(np.array([1, 0, 1, 0]), np.array([0.9, 0.6, 0.4, 0.1]), 0.5)
    assert threshold == 0.5
    expected = dict(zip(METRICS, [0.5, 0.5, 0.5, 0.5, 0.75, 5 / 6, 0.35], strict=True))
    assert metrics == pytest.approx(expected)


def test_the_best_threshold_lies_in_the_middle_of_the_gap():
    # 0.8 and 0.7 positive, 0.3 and 0.2 negative: everything between 0.3 and 0.7 is right.
    assert best_threshold(np.array([1, 1, 0, 0]), np.array([0.8, 0.7, 0.3, 0.2])) == pytest.approx(0.5)


def test_the_best_threshold_beats_every_other_one():
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(0, 2, 60), generator.random(60).round(2)
    best = calculate_metrics_threshold(labels, scores)[0]["f1"]
    others = [calculate_metrics_threshold(labels, scores, t)[0]["f1"] for t in np.linspace(0, 1, 101)]
    assert best >= np.nanmax(others) - 1e-12


def test_equal_scores_leave_no_threshold_but_their_own():
    assert best_threshold(np.array([1, 0]), np.array([0.4, 0.4])) == 0.4


def test_one_class_leaves_ranking_unscored_and_the_threshold_at_one_half():
    metrics, threshold = calculate_metrics_threshold(np.zeros(3), np.array([0.1, 0.2, 0.7]))
    assert threshold == 0.5
    assert np.isnan([metrics["roc_auc"], metrics["average_precision"], metrics["recall"]]).all()
    assert metrics["accuracy"] == pytest.approx(2 / 3)


def test_nothing_scored_is_nan_everywhere():
    metrics, _ = calculate_metrics_threshold(np.array([np.nan]), np.array([0.3]))
    assert all(np.isnan(value) for value in metrics.values())


def test_unscored_examples_are_left_out():
    whole, _ = calculate_metrics_threshold(np.array([1, 0]), np.array([0.9, 0.2]), 0.5)
    holed, _ = calculate_metrics_threshold(np.array([1, np.nan, 0, 1]), np.array([0.9, 0.5, 0.2, np.nan]), 0.5)
    assert whole == holed


def test_numbers_of_votes_are_not_calibrated():
    assert np.isnan(calculate_metrics_threshold(np.array([0, 1]), np.array([1.0, 3.0]))[0]["calibration_error"])


def test_labels_and_probabilities_of_different_length_are_refused():
    with pytest.raises(UserError, match="shapes must be equal"):
        calculate_metrics_threshold(np.zeros(2), np.zeros(3))


def test_f1_of_one_author_repeated_has_no_interval_to_speak_of():
    labels, verdicts = np.array([1, 0, 1, 0]), np.array([1, 1, 1, 0])
    estimate = f1_estimate(labels, verdicts, np.array(["a"] * 4))
    assert estimate.value == pytest.approx(2 * 2 / (2 + 3))
    assert np.isnan(estimate.interval.low)


def test_the_interval_of_f1_grows_when_conversations_are_of_few_authors():
    generator = np.random.default_rng(1)
    authors = np.repeat(np.arange(20), 10)
    labels = generator.integers(0, 2, 200)
    verdicts = np.where(np.repeat(generator.random(20) < 0.5, 10), labels, 1 - labels)  # right or wrong by author
    by_author = f1_estimate(labels, verdicts, authors).interval
    by_row = f1_estimate(labels, verdicts, np.arange(200)).interval
    assert by_author.high - by_author.low > 2 * (by_row.high - by_row.low)
