import math

import pytest
import torch

from shared.dpo import dpo_loss


def loss(chosen: float, rejected: float, start_chosen: float, start_rejected: float, beta: float = 0.1) -> float:
    return dpo_loss(
        *(torch.tensor([x], dtype=torch.float64) for x in (chosen, rejected, start_chosen, start_rejected)), beta=beta
    ).item()


def test_where_nothing_moved_the_loss_is_ln_2() -> None:
    assert loss(-5, -7, -5, -7) == pytest.approx(math.log(2))


def test_the_arithmetic_of_equation_7() -> None:
    # chosen rose by 2, rejected fell by 1: beta * (2 - (-1)) = 0.3; -ln sigmoid(0.3) = ln(1 + e^-0.3)
    assert loss(-3, -8, -5, -7) == pytest.approx(math.log(1 + math.exp(-0.3)))


def test_preferring_the_chosen_answer_lowers_the_loss_and_the_start_takes_no_gradient() -> None:
    assert loss(-3, -7, -5, -7) < loss(-5, -7, -5, -7) < loss(-5, -3, -5, -7)
    chosen = torch.tensor([-3.0], requires_grad=True)
    dpo_loss(chosen, torch.tensor([-8.0]), torch.tensor([-5.0]), torch.tensor([-7.0]), beta=0.1).backward()
    assert chosen.grad is not None and chosen.grad.item() < 0
