"""Profiles by file name."""

from pathlib import Path

import pytest

from shared.profiles import AGGREGATIONS, compare_aggregation_methods, evaluate_profile_classifier


def test_the_right_aggregation_recovers_the_planted_trait(author_model: Path, planted: Path):
    results = compare_aggregation_methods(author_model_path=author_model, dataset_path=planted)
    assert list(results) == list(AGGREGATIONS)
    assert max(results["mean_vote"]["f1"], results["total_vote"]["f1"]) >= 0.9
    # the trait shows in fewer than half of the conversations: the median does not see it
    assert results["median"]["f1"] < results["mean_vote"]["f1"]


def test_comparing_is_evaluating_each(author_model: Path, planted: Path):
    results = compare_aggregation_methods(author_model_path=author_model, dataset_path=planted)
    alone = evaluate_profile_classifier(author_model_path=author_model, dataset_path=planted, aggregation="median")
    assert alone == pytest.approx(results["median"], nan_ok=True)
    assert alone["authors"] == 12  # a fifth of 60


def test_a_given_threshold_is_used_as_it_is(author_model: Path, planted: Path):
    metrics = evaluate_profile_classifier(author_model, planted, "mean_vote", threshold=0.3)
    assert (metrics["threshold"], metrics["cut"]) == (0.3, 0.5)
