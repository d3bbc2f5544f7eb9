import numpy as np
import pytest

from shared.runs import UserError
from shared.speakers import decode_roles

A = np.log([0.9, 0.1])  # clearly role 0
B = np.log([0.1, 0.9])
NOTHING = np.array([np.nan, np.nan])


def test_a_turn_without_text_takes_its_role_from_its_neighbours():
    # scores: A, nothing, A; stay = 0.1, so alternation is likely: A B A has 0.9 * 0.9 = 0.81 against A A A 0.01
    path = decode_roles(np.array([A, NOTHING, A]), 0.1)
    assert path.roles.tolist() == [0, 1, 0]


def test_confidence_is_the_posterior_of_the_chosen_role():
    # one turn: the posterior is the score itself
    assert decode_roles(np.array([B]), 0.5).confidence == pytest.approx([0.9])
    # two turns that say nothing but for the first, stay 0.8: the second is A with 0.9 * 0.8 + 0.1 * 0.2 = 0.74
    assert decode_roles(np.array([A, NOTHING]), 0.8).confidence == pytest.approx([0.9, 0.74])


def test_the_path_is_the_best_of_all_paths():
    random = np.random.default_rng(0)
    scores = np.log(random.dirichlet([1, 1], size=6))
    stay = random.uniform(0.05, 0.95, size=5)
    every = [[int(bit) for bit in f"{code:06b}"] for code in range(64)]
    totals = [
        scores[range(6), roles].sum()
        + sum(np.log(s if a == b else 1 - s) for s, a, b in zip(stay, roles, roles[1:], strict=False))
        for roles in every
    ]
    path = decode_roles(scores, stay)
    assert path.roles.tolist() == every[int(np.argmax(totals))]
    weights = np.exp(totals) / np.exp(totals).sum()
    first_is_agent = sum(w for w, roles in zip(weights, every, strict=True) if roles[0] == path.roles[0])
    assert path.confidence[0] == pytest.approx(first_is_agent)


def test_three_roles_share_what_leaves():
    # nothing said anywhere: all three roles stay equally likely
    path = decode_roles(np.full((4, 3), np.nan), 0.6)
    assert path.confidence == pytest.approx([1 / 3] * 4)


def test_an_empty_conversation_has_no_roles():
    path = decode_roles(np.empty((0, 2)), 0.5)
    assert len(path.roles) == len(path.confidence) == 0


@pytest.mark.parametrize("stay", [0.0, 1.0, -0.2, np.nan])
def test_a_stay_that_is_no_probability_is_refused(stay):
    with pytest.raises(UserError, match="strictly between 0 and 1"):
        decode_roles(np.array([A, B]), stay)


def test_one_stay_for_each_transition_must_fit_the_turns():
    with pytest.raises(UserError, match="2 values for 1 transitions"):
        decode_roles(np.array([A, B]), np.array([0.5, 0.5]))
