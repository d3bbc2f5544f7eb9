"""Nothing that judges an author has seen the author."""

import numpy as np
import pandas as pd
import pytest

from shared import profiles, sequence
from shared.profiles import AGGREGATIONS, CrossFit, compare_choices, conversations_needed, nested_verdicts
from tests.profiles.conftest import NETWORK


def test_every_answer_is_there_except_about_the_judged_fold(crossed: CrossFit):
    for weighting in ("balanced", "sqrt"):
        assert not np.isnan(crossed.outer[weighting]).any()
        for fold, answers in enumerate(crossed.inner[weighting]):
            np.testing.assert_array_equal(np.isnan(answers), crossed.folds == fold)


def test_labels_of_the_judged_authors_have_no_say_in_their_thresholds(planted: object):
    dataset = sequence.labelled_conversations(sequence.read_dataset(planted), "author")
    training = sequence.Training(num_epochs=1, batch_size=64, network=NETWORK)
    arguments = {"folds": 3, "weightings": ["balanced"]}
    honest = profiles.cross_fit(dataset, training, **arguments)
    judged = honest.folds == 0
    dataset.labels[judged] = 1 - dataset.labels[judged]
    # folds are stratified by label: hold them, so that only the labels differ
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.profiles._nested.author_folds", lambda *_, **__: honest.folds)
        turned = profiles.cross_fit(dataset, training, **arguments)
    for aggregation in AGGREGATIONS:
        first, second = (nested_verdicts(c, "balanced", aggregation) for c in (honest, turned))
        assert first.cuts[0] == second.cuts[0]
        inside = np.isin(first.authors, dataset.authors[judged])
        np.testing.assert_array_equal(first.scores[inside], second.scores[inside])


def test_the_table_has_every_pair_with_interval_test_and_spread(crossed: CrossFit):
    table = compare_choices(crossed)
    assert len(table) == 2 * 4
    assert (table["f1_low"] <= table["f1"]).all() and (table["f1"] <= table["f1_high"]).all()
    reference = table[(table["weighting"] == "balanced") & (table["aggregation"] == "mean")].iloc[0]
    assert reference["difference"] == 0
    assert pd.isna(reference["p_holm"])
    assert (table["p_holm"].dropna() >= table["p"].dropna()).all()
    assert (table["threshold_sd"] >= 0).all()


def test_every_author_is_judged_once(crossed: CrossFit):
    verdicts, chosen = profiles.selected_verdicts(crossed)
    assert verdicts.authors.tolist() == sorted(set(crossed.authors))
    assert len(chosen) == len(verdicts.cuts) == 3


def test_with_all_conversations_the_verdict_is_the_verdict():
    # two authors of three conversations, answers far from the cut
    answers = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.1])
    authors, labels = np.repeat(["a", "b"], 3), np.repeat([1.0, 0.0], 3)
    needed = conversations_needed(answers, authors, labels, "mean", profiles.Cuts(0.5, 0.5, 1.0), most=3)
    assert needed["conversations"].tolist() == [1, 2, 3]
    assert needed["same"].iloc[-1] == needed["f1"].iloc[-1] == 1
    # one conversation of a: 0.1 in a third of the draws; b is always right
    assert needed["same"].iloc[0] == pytest.approx(1 - 1 / 6, abs=0.08)


def test_authors_with_too_few_conversations_do_not_take_part():
    answers, authors = np.full(5, 0.9), np.array(["a", "a", "b", "c", "c"])
    needed = conversations_needed(answers, authors, np.ones(5), "mean", profiles.Cuts(0.5, 0.5, 1.0), most=2)
    assert (needed["authors"] == 2).all()


def test_more_conversations_asked_for_than_anybody_has_ends_at_what_they_have():
    # of three authors two have two conversations and nobody three: the lines are 1 and 2, about those two
    answers, authors = np.full(5, 0.9), np.array(["a", "a", "b", "c", "c"])
    needed = conversations_needed(answers, authors, np.ones(5), "mean", profiles.Cuts(0.5, 0.5, 1.0), most=8)
    assert needed["conversations"].tolist() == [1, 2]
    assert (needed["authors"] == 2).all()
