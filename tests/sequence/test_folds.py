"""Folds of authors."""

from pathlib import Path

import numpy as np
import pytest

from shared.runs import UserError
from shared.sequence import (
    Training,
    author_folds,
    labelled_conversations,
    out_of_fold,
    read_dataset,
    tfidf_out_of_fold,
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
