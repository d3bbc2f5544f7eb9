import numpy as np
import pytest

from shared.models import LabelledTexts, majority_floor, tfidf_floor
from shared.runs import UserError

TRAIN = LabelledTexts(
    ["good day", "good morning", "pay the bill", "pay me", "pay now"], ["hello", "hello", "money", "money", "money"]
)


def test_the_majority_floor_always_says_the_commonest_class_with_its_share() -> None:
    floor = majority_floor(TRAIN)
    assert floor.predict(["anything", ""]) == ["money", "money"]
    assert floor.probabilities(["x"])[0] == pytest.approx([0.4, 0.6])  # 2 of 5 are hello, 3 of 5 money


def test_the_tfidf_floor_learns_words_and_gives_probabilities() -> None:
    floor = tfidf_floor(TRAIN)
    assert floor.predict(["good evening", "pay today"]) == ["hello", "money"]
    assert floor.probabilities(["good", "pay"]).sum(1) == pytest.approx(1.0)


def test_a_class_without_training_texts_keeps_probability_zero() -> None:
    scores = tfidf_floor(TRAIN, labels=("absent", "hello", "money")).probabilities(["pay"])
    assert scores.shape == (1, 3) and scores[0, 0] == 0


def test_many_labels_have_a_threshold_each_tuned_on_validation() -> None:
    train = LabelledTexts(["a b", "a", "b", "c"], [["x", "y"], ["x"], ["y"], []])
    floor = tfidf_floor(train, kind="multi").calibrated(train)
    assert floor.predict(["a b", "c"]) == [["x", "y"], []]
    assert np.all((floor.thresholds > 0) & (floor.thresholds < 1))


def test_no_texts_give_no_rows() -> None:
    assert majority_floor(TRAIN).probabilities([]).shape == (0, 2)


def test_pairs_are_read_one_after_the_other() -> None:
    train = LabelledTexts(["a", "a"], ["same", "other"], pairs=["b", "c"])
    assert tfidf_floor(train).predict(["a"], ["c"]) == ["other"]


def test_numbers_have_no_floor_here() -> None:
    with pytest.raises(UserError, match="mean of the training values"):
        majority_floor(LabelledTexts(["a"], [{"valence": 1.0}]), kind="values")
