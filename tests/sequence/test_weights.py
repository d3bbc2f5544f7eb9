"""Class weights."""

import numpy as np
import pytest

from shared.runs import UserError
from shared.sequence import WEIGHTINGS, estimate_pos_weight

ONE_IN_FOUR = np.array([1] * 25 + [0] * 75)  # n / p = 3


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("balanced", 3.0),
        ("focal", 9.0),  # (0.75 / 0.25)^2
        ("sqrt", 1.7320508),
        ("effective", 2.9261),  # (1 - 0.999^75) / (1 - 0.999^25) = 0.07229 / 0.02470
    ],
)
def test_each_method_follows_its_formula(method: str, expected: float):
    assert estimate_pos_weight(ONE_IN_FOUR, method) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_equal_classes_weigh_the_same(method: str):
    assert estimate_pos_weight(np.array([0, 1, 1, 0]), method) == 1.0


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_a_frequent_positive_class_weighs_less(method: str):
    assert estimate_pos_weight(1 - ONE_IN_FOUR, method) < 1.0


def test_balanced_is_the_default_and_unlabelled_examples_do_not_count():
    assert estimate_pos_weight(np.array([1.0, 0.0, 0.0, np.nan, np.nan])) == 2.0


@pytest.mark.parametrize(
    ("labels", "method", "reason"),
    [
        ([1, 1], "balanced", "2 positive and 0 negative"),
        ([], "sqrt", "0 positive and 0 negative"),
        ([0, 2], "balanced", "0 or 1; found 2"),
        ([0, 1], "cubic", "Choose one of balanced, effective, focal, sqrt"),
    ],
)
def test_what_cannot_be_weighed_is_refused(labels: list[int], method: str, reason: str):
    with pytest.raises(UserError, match=reason):
        estimate_pos_weight(np.array(labels), method)
