import numpy as np
import pytest

from shared.speakers import ChainWeights, Evidence, fit_chain


def test_weights_find_out_which_source_is_to_be_believed():
    random = np.random.default_rng(0)
    evidence, roles = [], []
    for _ in range(150):
        truth = random.integers(2, size=8)
        honest = np.where(truth == 0, 1.0, -1.0) * random.choice([1, 1, 1, -1], size=8)  # right 3 times in 4
        noise = random.normal(size=8)
        evidence.append(Evidence(np.stack([honest, noise], axis=1), np.empty((7, 0))))
        roles.append(truth)
    weights = fit_chain(evidence, roles)
    # a source of +1 and -1 that is right with share p is worth log(p / (1 - p)) a unit; the noise means nothing
    right = np.mean([(e.turns[:, 0] > 0) == (r == 0) for e, r in zip(evidence, roles, strict=True)])
    assert weights.turns[0] == pytest.approx(np.log(right / (1 - right)), abs=0.05)
    assert weights.turns[1] == pytest.approx(0, abs=0.15)


def test_the_constant_learns_how_often_speakers_stay():
    # no evidence about turns; speakers always change: staying gets log-odds far below 0
    silent = Evidence(np.full((6, 1), np.nan), np.empty((5, 0)))
    weights = fit_chain([silent] * 40, [np.array([0, 1, 0, 1, 0, 1]), np.array([1, 0, 1, 0, 1, 0])] * 20)
    assert weights.stay < -2


def test_missing_evidence_says_nothing():
    weights = ChainWeights(np.array([1.0]), np.empty(0), -2.0)
    path = weights.decode(Evidence(np.array([[3.0], [np.nan], [3.0]]), np.empty((2, 0))))
    assert path.roles.tolist() == [0, 1, 0]


def test_a_single_turn_is_decoded():
    weights = ChainWeights(np.array([1.0]), np.array([1.0]), 0.0)
    path = weights.decode(Evidence(np.array([[-2.0]]), np.empty((0, 1))))
    assert path.roles.tolist() == [1]
    assert path.confidence == pytest.approx([1 / (1 + np.exp(-2.0))])
