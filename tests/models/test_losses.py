import math

import numpy as np
import pytest
import torch

from shared.models._losses import class_weights, multi_loss, positive_weights, single_loss, squared_error

ONE = torch.ones(2)


@pytest.mark.parametrize("method", ["none", "balanced", "sqrt", "effective"])
def test_class_weights_are_one_on_average_over_the_examples(method: str) -> None:
    counts = np.array([90, 10])
    assert (class_weights(counts, method) * counts).sum() / 100 == pytest.approx(1.0)


def test_class_weights_follow_their_formula() -> None:
    counts = np.array([90, 10])
    assert class_weights(counts, "balanced") == pytest.approx([100 / 180, 100 / 20])
    ratio = {m: np.divide(*class_weights(counts, m)[::-1]) for m in ("sqrt", "effective")}
    assert ratio["sqrt"] == pytest.approx(3.0)  # the root of 90 / 10
    assert ratio["effective"] == pytest.approx((1 - 0.999**90) / (1 - 0.999**10))


def test_a_class_without_examples_weighs_nothing() -> None:
    assert class_weights(np.array([4, 0]), "balanced").tolist() == [1.0, 0.0]


def test_a_rare_label_weighs_as_negatives_to_positives() -> None:
    assert positive_weights(np.array([10, 50, 0]), 100, "balanced") == pytest.approx([9.0, 1.0, 1.0])


def test_cross_entropy_of_even_odds_is_log_two_and_focal_loss_a_quarter_of_it() -> None:
    logits, target = torch.zeros(1, 2), torch.tensor([0])
    assert float(single_loss(ONE, 0.0, 0.0)(logits, target)) == pytest.approx(math.log(2))
    assert float(single_loss(ONE, 0.0, 2.0)(logits, target)) == pytest.approx(0.25 * math.log(2))  # (1 - 0.5)^2


def test_many_labels_sum_their_losses() -> None:
    logits, target = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    assert float(multi_loss(ONE, 0.0, 0.0)(logits, target)) == pytest.approx(2 * math.log(2))
    assert float(multi_loss(torch.tensor([3.0, 1.0]), 0.0, 0.0)(logits, target)) == pytest.approx(4 * math.log(2))


def test_unscored_values_are_left_out_and_none_at_all_costs_nothing() -> None:
    nan = float("nan")
    assert float(squared_error(torch.tensor([[1.0, 9.0]]), torch.tensor([[3.0, nan]]))) == 4.0
    assert float(squared_error(torch.tensor([[1.0]]), torch.tensor([[nan]]))) == 0.0
