import numpy as np
import pytest

from shared.attention import kind_shares, last_layer, received, rollout, sink_report, without_sinks
from tests.attention.conftest import random_maps


def test_with_mean_pooling_every_row_counts_and_with_first_only_the_first():
    map_ = np.array([[0.9, 0.1], [0.3, 0.7]])
    assert received(map_, "first").tolist() == [0.9, 0.1]
    assert received(map_, "mean").tolist() == pytest.approx([0.6, 0.4])


def test_rollout_of_identity_maps_stays_where_it_was():
    maps = np.broadcast_to(np.eye(3), (4, 2, 3, 3))
    assert rollout(maps, "first").tolist() == [1.0, 0.0, 0.0]


def test_rollout_of_one_layer_is_half_residual_and_half_attention():
    maps = np.array([[[[0.0, 1.0], [0.5, 0.5]]]])
    # (A + I) / 2 = [[0.5, 0.5], [0.25, 0.75]]
    assert rollout(maps, "first").tolist() == [0.5, 0.5]
    assert rollout(maps, "mean").tolist() == pytest.approx([0.375, 0.625])


def test_rollout_of_two_layers_multiplies_the_later_from_the_left():
    first, second = np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    # L1 = [[.5,.5],[0,1]], L2 = [[1,0],[.5,.5]]; L2 L1 = [[.5,.5],[.25,.75]]
    assert rollout(np.stack([first, second])[:, None], "mean").tolist() == pytest.approx([0.375, 0.625])


def test_attention_of_any_kind_sums_to_one(rng):
    maps = random_maps(rng, 3, 2, 7)
    for pooling in ("mean", "first"):
        assert last_layer(maps, pooling).sum() == pytest.approx(1)
        assert rollout(maps, pooling).sum() == pytest.approx(1)


def test_without_sinks_rows_are_content_only_and_scaled():
    maps = np.array([[[[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]]])
    found = without_sinks(maps, np.array([0, 3, 3]))[0, 0]
    # row 1 gave content nothing and stays 0
    assert found.tolist() == [[0, 0.5, 0.5], [0, 0, 0], [0, 0, 1]]


def test_kind_shares_average_over_queries():
    maps = np.array([[[[0.5, 0.5], [1.0, 0.0]]]])
    # token 0 special, token 1 content: mean over rows 0.75 and 0.25
    assert kind_shares(maps, np.array([0, 3])).tolist() == [[[0.75, 0, 0, 0.25]]]


def test_even_attention_has_the_share_of_its_tokens():
    even = np.full((2, 2, 4, 4), 0.25)
    report = sink_report([even], [np.array([0, 3, 3, 1])])
    assert report.token_shares.tolist() == [[0.25, 0.25, 0, 0.5]]
    assert report.by_layer.tolist() == [[0.25, 0.25, 0, 0.5]] * 2
    assert report.sink_share.tolist() == [0.5]
