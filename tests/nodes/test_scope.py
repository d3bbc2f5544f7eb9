import numpy as np
import pandas as pd
import pytest

from shared.models import LabelledTexts
from shared.nodes import scope_report, value_floors, value_score_table, values_table


def predictions(confidence: list[float], right: list[bool]) -> pd.DataFrame:
    predicted = ["a" if one else "b" for one in right]
    groups = [str(i) for i in range(len(right))]
    return pd.DataFrame({"label": "a", "predicted": predicted, "confidence": confidence, "group": groups})


def test_the_threshold_comes_from_validation_and_is_judged_elsewhere() -> None:
    validation = predictions([0.1, 0.5, 0.6, 0.7, 0.8], [True] * 5)
    test = predictions([0.2, 0.4, 0.55, 0.9], [False, False, True, True])
    scope = scope_report(validation, test, [0.1, 0.2, 0.3, 0.95], answered=0.75)
    assert scope.threshold == pytest.approx(0.5)  # the lower quartile of five values is the second
    assert scope.answered.value == 0.5  # 0.55 and 0.9 of four
    assert scope.accuracy.value == 1.0
    assert scope.accepted.value == 0.25  # 0.95 of four
    # pairs in which the message in scope is surer, of 16: 0.2 beats one and ties one, 0.4 and 0.55 beat three each,
    # 0.9 beats three: (1.5 + 3 + 3 + 3) / 16
    assert scope.separation.value == pytest.approx(10.5 / 16)


def test_an_encoder_that_is_surer_of_strange_messages_separates_nothing() -> None:
    known = predictions([0.5, 0.6], [True, True])
    scope = scope_report(known, known, [0.9, 0.95], answered=1.0)
    assert scope.separation.value == 0.0 and scope.accepted.value == 1.0


ROWS = pd.DataFrame({
    "message": ["good good", "bad bad", "good day", "bad day"],
    "label": [{"V": 5.0, "A": 1.0}, {"V": 1.0, "A": 1.0}, {"V": 4.0, "A": np.nan}, {"V": 2.0, "A": 3.0}],
    "group": ["1", "2", "3", "4"],
})  # fmt: skip


def test_floors_of_numbers_read_words_and_leave_missing_numbers_out() -> None:
    train = LabelledTexts(ROWS["message"].tolist(), ROWS["label"].tolist())
    floors = value_floors(train, ["V", "A"], ["good", "bad"])
    assert floors["mean"].tolist() == [[3.0, pytest.approx(5 / 3)]] * 2  # A: (1 + 1 + 3) / 3
    assert floors["TF-IDF"][0, 0] > 3.0 > floors["TF-IDF"][1, 0]


def test_a_model_that_says_the_same_of_every_message_has_an_error_but_no_correlation() -> None:
    predicted = {"constant": np.full((4, 2), 3.0), "perfect": np.array([[5, 1], [1, 1], [4, 2], [2, 3]], float)}
    table = value_score_table(values_table(predicted, ["V", "A"], ROWS)).set_index(["number", "model"])
    assert table.loc[("V", "constant"), "error"] == pytest.approx((2 + 2 + 1 + 1) / 4)
    assert np.isnan(table.loc[("V", "constant"), "correlation"])
    assert table.loc[("V", "perfect"), "correlation"] == pytest.approx(1.0)
    assert table.loc[("A", "perfect"), "n"] == 3  # one arousal is missing: unscored
