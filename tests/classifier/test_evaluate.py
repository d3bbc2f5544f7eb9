import numpy as np
import pandas as pd
import pytest

from shared.classifier import (
    abstention_table,
    confusion_counts,
    predictions_schema,
    predictions_table,
    scores,
    share_right,
    threshold_table,
)


class Fixed:
    labels = ("no", "yes")

    def probabilities(self, texts):
        return np.array([[0.2, 0.8] if "good" in text else [0.6, 0.4] for text in texts], dtype=np.float32)


@pytest.fixture
def predictions() -> pd.DataFrame:
    texts = pd.DataFrame(
        {
            "conversation_id": ["a", "b", "c", "d"],
            "split": "test",
            "outcome": ["yes", "no", "no", "yes"],
            "text": ["good", "bad", "good", "bad"],
        }
    )
    return predictions_table(Fixed(), texts, model="fixed", seed=3)


def test_a_prediction_is_the_likeliest_class_with_its_probability(predictions):
    assert predictions["predicted"].tolist() == ["yes", "no", "yes", "no"]
    assert predictions["confidence"].tolist() == pytest.approx([0.8, 0.6, 0.8, 0.6])
    assert set(predictions.columns) == set(predictions_schema(Fixed.labels).names)


def test_seeds_of_a_conversation_count_once(predictions):
    stacked = pd.concat([predictions, predictions.assign(seed=4)])
    # 2 of 4 right, twice
    assert scores(stacked).accuracy.value == 0.5
    assert scores(stacked).accuracy.n == 4
    assert scores(stacked).accuracy.interval == scores(predictions).accuracy.interval


def test_the_share_right_is_taken_over_the_seeds(predictions):
    other = predictions.assign(predicted="yes")
    # a: yes yes, b: no yes, c: yes yes, d: no yes; truth yes no no yes
    assert share_right(pd.concat([predictions, other])).tolist() == [1.0, 0.5, 0.0, 0.5]


def test_confusion_rows_are_true_and_columns_predicted(predictions):
    assert confusion_counts(predictions, ("no", "yes")).tolist() == [[1, 1], [1, 1]]


def test_thresholds_are_chosen_on_validation_and_measured_on_test(predictions):
    # On this validation set the high score is always "yes": the best threshold lies between 0.4 and 0.8.
    validation = predictions.assign(outcome=["yes", "no", "yes", "no"])
    table = threshold_table(validation, predictions, ("yes",))
    chosen = table[table["chosen"]].iloc[0]
    assert 0.4 < chosen["threshold"] <= 0.8
    # on test it flags a and c, of which a is right; a and d are to be found
    assert (chosen["flagged"], chosen["precision"], chosen["recall"], chosen["f1"]) == (0.5, 0.5, 0.5, 0.5)


def test_a_threshold_that_flags_nothing_has_no_precision(predictions):
    table = threshold_table(predictions, predictions, ("yes",))
    assert np.isnan(table.loc[table["threshold"] == 0.9, "precision"]).all()


def test_answering_the_surest_first_never_covers_less(predictions):
    table = abstention_table(predictions.assign(predicted=["yes", "yes", "no", "no"]), steps=2)
    assert table["coverage"].tolist() == [0.5, 1.0]
    # the surest two are a (yes, right) and c (no, right)
    assert table["accuracy"].tolist() == [1.0, 0.5]
