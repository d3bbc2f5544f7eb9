"""Aggregations and their thresholds."""

import numpy as np
import pytest
import torch

from shared.profiles import AGGREGATIONS, ProfileClassifier, aggregate, choose_cuts, usual_cut
from shared.runs import UserError
from shared.sequence import SequenceClassifier

PROBABILITIES = np.array([0.9, 0.2, 0.1, 0.6, 0.6, 0.4])
AUTHORS = np.array(["b", "b", "b", "a", "a", "a"])


@pytest.mark.parametrize(
    ("aggregation", "of_a", "of_b"),
    [
        ("mean", 1.6 / 3, 1.2 / 3),
        ("median", 0.6, 0.2),
        ("mean_vote", 2 / 3, 1 / 3),  # at 0.5: two votes of three, one of three
        ("total_vote", 2, 1),
    ],
)
def test_each_aggregation_of_two_authors(aggregation: str, of_a: float, of_b: float):
    profiles = aggregate(PROBABILITIES, AUTHORS, aggregation)
    assert profiles.authors.tolist() == ["a", "b"]
    assert profiles.scores.tolist() == pytest.approx([of_a, of_b])
    assert profiles.conversations.tolist() == [3, 3]


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_one_conversation_speaks_for_itself(aggregation: str):
    assert aggregate(np.array([0.7]), np.array(["a"]), aggregation).scores.tolist() == [
        0.7 if aggregation in ("mean", "median") else 1.0
    ]


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_the_order_of_conversations_does_not_matter(aggregation: str):
    order = np.random.default_rng(0).permutation(6)
    np.testing.assert_allclose(
        aggregate(PROBABILITIES[order], AUTHORS[order], aggregation).scores,
        aggregate(PROBABILITIES, AUTHORS, aggregation).scores,
    )


def test_an_unscored_conversation_has_no_vote():
    profiles = aggregate(np.array([np.nan, 0.8, np.nan]), np.array(["a", "a", "b"]), "mean_vote")
    assert (profiles.authors.tolist(), profiles.scores.tolist()) == (["a"], [1.0])


def test_an_unknown_aggregation_is_refused():
    with pytest.raises(UserError, match="Choose one of mean, median, mean_vote, total_vote"):
        aggregate(PROBABILITIES, AUTHORS, "mode")


def test_usual_cuts():
    assert [usual_cut(a, 0.3) for a in AGGREGATIONS] == [0.3, 0.3, 0.5, 1.0]


@pytest.mark.parametrize("aggregation", ["mean_vote", "total_vote"])
def test_votes_find_a_trait_that_shows_rarely(aggregation: str):
    # authors 0-9 show it in two of ten conversations (0.9), everybody has noise below 0.5
    generator = np.random.default_rng(0)
    authors, labels = np.repeat(np.arange(30), 10), np.repeat(np.arange(30) < 10, 10).astype(float)
    probabilities = generator.uniform(0.0, 0.5, 300)
    probabilities[np.flatnonzero(labels)[::5]] = 0.9
    cuts = choose_cuts(probabilities, authors, labels, aggregation)
    assert cuts.f1 == 1.0
    assert cuts.f1 > choose_cuts(probabilities, authors, labels, "median").f1


def test_for_mean_and_median_the_threshold_is_the_cut():
    cuts = choose_cuts(PROBABILITIES, AUTHORS, np.array([0, 0, 0, 1, 1, 1]), "mean")
    assert cuts.threshold == cuts.cut == pytest.approx((1.6 / 3 + 1.2 / 3) / 2)
    assert cuts.f1 == 1.0


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_the_classifier_scores_authors_as_the_function_does(aggregation: str):
    torch.manual_seed(0)
    model = SequenceClassifier(input_size=4, hidden_size=8, num_heads=2)
    features, lengths = torch.randn(6, 5, 4), torch.tensor([5, 3, 1, 4, 5, 2])
    authors = torch.tensor([7, 7, 2, 2, 2, 7])
    profile = ProfileClassifier(model, threshold=0.4, aggregation=aggregation)
    with torch.no_grad():
        alone = torch.sigmoid(model.eval()(features, lengths)).double().numpy()
    expected = aggregate(alone, authors.numpy(), aggregation, threshold=0.4).scores
    np.testing.assert_allclose(profile(features, lengths, authors).numpy(), expected)
    assert profile.predict(features, lengths, authors).tolist() == (expected >= profile.cut).tolist()
    assert profile(features, lengths).shape == (1,)  # without authors all are of one


@pytest.mark.parametrize(
    ("arguments", "reason"), [({"aggregation": "max"}, "no aggregation 'max'"), ({"threshold": 1.0}, "in .0, 1.")]
)
def test_impossible_profiles_are_refused(arguments: dict, reason: str):
    with pytest.raises(UserError, match=reason):
        ProfileClassifier(SequenceClassifier(input_size=2, hidden_size=8, num_heads=2), **arguments)
