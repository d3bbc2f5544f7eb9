"""Folds of authors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shared.runs import UserError
from shared.sequence import (
    Training,
    auc_difference,
    author_folds,
    average_turn_out_of_fold,
    labelled_conversations,
    out_of_fold,
    prediction_table,
    read_dataset,
    tfidf_out_of_fold,
    write_dataset,
)


def test_an_author_is_in_one_fold_and_every_fold_has_both_labels():
    authors = np.repeat([f"a{i}" for i in range(30)], 3)
    labels = np.repeat(np.arange(30) % 3 == 0, 3).astype(int)
    folds = author_folds(labels, authors, 5)
    assert all(len(set(folds[authors == author])) == 1 for author in set(authors))
    assert all(set(labels[folds == fold]) == {0, 1} for fold in range(5))


def test_too_few_authors_of_a_class_are_counted():
    with pytest.raises(UserError, match="label 1 has 1"):
        author_folds(np.array([1, 1, 0, 0]), np.array(["a", "a", "b", "c"]), 2)


def test_every_conversation_is_answered_by_a_model_that_did_not_know_its_author(planted: Path, network: dict):
    dataset = labelled_conversations(read_dataset(planted), "conversation")
    folds = author_folds(dataset.labels.numpy(), dataset.authors, 2)
    training = Training(num_epochs=1, batch_size=32, network=network)
    honest = out_of_fold(dataset, folds, training)
    other = dataset.subset(np.arange(len(dataset)))
    other.labels[folds == 0] = 1 - other.labels[folds == 0]
    # labels of fold 0 turned round: answers about fold 0 stay, answers about fold 1 change
    turned = out_of_fold(other, folds, training)
    np.testing.assert_array_equal(turned[folds == 0], honest[folds == 0])
    assert not np.allclose(turned[folds == 1], honest[folds == 1])


def test_the_floor_finds_a_word_that_decides():
    texts = ["please give now", "never give now"] * 20
    scores = tfidf_out_of_fold(texts, np.array([1, 0] * 20), np.arange(40) // 2 % 4)
    assert scores[::2].min() > scores[1::2].max()


def test_the_average_turn_finds_what_every_turn_shows_and_not_their_order(tmp_path: Path):
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 2
    features = generator.normal(size=(60, 4, 2)).astype(np.float32)
    features[:, :, 0] += 2 * labels[:, None]
    names = [f"c{i:02d}" for i in range(60)]
    conversations = pd.DataFrame({"conversation_id": names, "label": labels})
    turns = pd.DataFrame({"conversation_id": np.repeat(names, 4), "turn": np.tile(range(4), 60)})
    write_dataset(tmp_path, conversations, turns, features.reshape(-1, 2), ["x", "y"])
    dataset = labelled_conversations(read_dataset(tmp_path), "conversation")
    scores = average_turn_out_of_fold(dataset, np.arange(60) % 5)
    assert scores[labels == 1].mean() > 0.65 > 0.35 > scores[labels == 0].mean()


def test_a_method_does_not_differ_from_itself_and_does_from_a_coin():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 200)
    good, coin = labels + generator.normal(size=200), generator.random(200)
    authors = np.arange(200) // 2
    assert auc_difference(labels, good, good, authors).value == 0
    assert auc_difference(labels, good, coin, authors).interval.low > 0


def test_predictions_have_the_layout_of_error_analysis(planted: Path):
    dataset = labelled_conversations(read_dataset(planted), "conversation")
    n = len(dataset)
    table = prediction_table(dataset, np.zeros(n, int), {"one": np.full(n, 0.8), "two": np.full(n, 0.1)}, ("no", "yes"))
    one, two = table[table["model"] == "one"], table[table["model"] == "two"]
    assert set(one["predicted"]) == {"yes"} and set(two["predicted"]) == {"no"}
    assert set(one["confidence"]) == {0.8} and set(two["confidence"]) == {0.9}
    assert one["label"].eq("yes").sum() == int(dataset.labels.sum())
    assert one[["p_no", "p_yes"]].sum(axis=1).tolist() == pytest.approx([1.0] * n)
