import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from shared.runs import UserError
from shared.vqvae import (
    CodebookSettings,
    adjusted_mutual_information,
    fit_codebook,
    fsq_levels,
    fsq_settings,
    grouped_jackknife,
    held_out_conversations,
    kmeans_codes,
    load_codebook,
    most_central,
    perplexity,
    save_codebook,
    seed_agreement,
    stack_vectors,
    usage,
    windows,
)

SMALL = CodebookSettings(codes=8, code_dim=8, hidden=16, epochs=4, batch_size=128)


@pytest.fixture(scope="module")
def clustered():
    """600 turns of 8 well separated kinds in 16 dimensions, 60 conversations of 10 turns."""
    generator = np.random.default_rng(0)
    kinds = generator.integers(0, 8, 600)
    vectors = 4 * np.eye(16)[kinds] + generator.normal(0, 0.3, (600, 16))
    return vectors.astype(np.float32), kinds, np.repeat([f"c{i}" for i in range(60)], 10)


ROWS = np.arange(600)
TRAIN, HELD_OUT = ROWS[:480], ROWS[480:]


def test_a_window_stops_where_its_conversation_begins():
    found = windows(np.zeros((4, 2)), np.array(["a", "a", "b", "b"]), context=2)
    assert found.places.tolist() == [[0, -1, -1], [1, 0, -1], [2, -1, -1], [3, 2, -1]]


def test_an_absent_previous_turn_adds_nothing_to_the_input(clustered):
    vectors, _, conversations = clustered
    from shared.vqvae import TurnCodebook

    turns = windows(vectors, conversations, 1)
    model = TurnCodebook(16, replace(SMALL, context=1))
    model.standardise(turns)
    inputs = model.inputs(turns)
    assert torch.all(inputs[0, 1] == 0)  # the first turn of a conversation
    assert torch.equal(inputs[1, 1], inputs[0, 0])


def test_separate_kinds_get_separate_codes_also_on_held_out_turns(clustered, tmp_path):
    vectors, kinds, conversations = clustered
    turns = windows(vectors, conversations, 0)
    settings = replace(SMALL, codes=16, epochs=10)  # a k-means start may split a kind, not merge two
    fitted = fit_codebook(turns, TRAIN, HELD_OUT, settings, seed=0, checkpoint=tmp_path / "last.safetensors")
    codes, error, distance = fitted.model.assign(turns)
    assert adjusted_mutual_information(codes[HELD_OUT], kinds[HELD_OUT]) > 0.8
    assert error[HELD_OUT].mean() < 0.3  # 1 is the cost of the average turn
    assert (distance >= 0).all()
    assert [line["epoch"] for line in fitted.history] == list(range(1, 11))


def test_an_interrupted_training_ends_in_the_same_bits(clustered, tmp_path):
    vectors, _, conversations = clustered
    turns = windows(vectors, conversations, 1)
    settings = replace(SMALL, context=1)
    straight = fit_codebook(turns, TRAIN, HELD_OUT, settings, seed=3, checkpoint=tmp_path / "a.safetensors")

    def stop_after_two(line):
        if line["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_codebook(
            turns, TRAIN, HELD_OUT, settings, seed=3, checkpoint=tmp_path / "b.safetensors", on_epoch=stop_after_two
        )
    seen = []
    resumed = fit_codebook(
        turns, TRAIN, HELD_OUT, settings, seed=3, checkpoint=tmp_path / "b.safetensors", on_epoch=seen.append
    )
    assert [line["epoch"] for line in seen] == [3, 4]
    assert resumed.history == straight.history
    for name, tensor in straight.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


def test_nothing_is_learned_from_held_out_turns(clustered, tmp_path):
    vectors, _, conversations = clustered
    changed = vectors.copy()
    changed[HELD_OUT] = 100.0
    models = [
        fit_codebook(
            windows(v, conversations, 0), TRAIN, HELD_OUT, SMALL, seed=0, checkpoint=tmp_path / f"{i}.safetensors"
        ).model
        for i, v in enumerate((vectors, changed))
    ]
    for name, tensor in models[0].state_dict().items():
        assert torch.equal(tensor, models[1].state_dict()[name]), name


def test_a_saved_codebook_assigns_the_same_codes(clustered, tmp_path):
    vectors, _, conversations = clustered
    turns = windows(vectors, conversations, 0)
    fitted = fit_codebook(turns, TRAIN, HELD_OUT, SMALL, seed=0, checkpoint=tmp_path / "last.safetensors")
    save_codebook(tmp_path, fitted.model)
    assert np.array_equal(load_codebook(tmp_path).assign(turns)[0], fitted.model.assign(turns)[0])


def test_a_folder_without_a_codebook_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no codebook"):
        load_codebook(tmp_path)


def test_the_finite_scalar_quantiser_has_as_many_codes_as_the_codebook(clustered, tmp_path):
    vectors, _, conversations = clustered
    turns = windows(vectors, conversations, 0)
    settings = fsq_settings(replace(SMALL, codes=16))
    assert settings.fsq_levels == (4, 4)
    fitted = fit_codebook(turns, TRAIN, HELD_OUT, settings, seed=0, checkpoint=tmp_path / "fsq.safetensors")
    codes, _, _ = fitted.model.assign(turns)
    assert codes.min() >= 0 and codes.max() < 16


@pytest.mark.parametrize(("codes", "levels"), [(64, (8, 8)), (32, (4, 8)), (256, (4, 8, 8)), (128, (4, 4, 8))])
def test_levels_multiply_to_the_size_of_the_codebook(codes, levels):
    assert fsq_levels(codes) == levels


def test_k_means_finds_separate_kinds(clustered):
    vectors, kinds, conversations = clustered
    codes, error = kmeans_codes(windows(vectors, conversations, 0), TRAIN, SMALL, seed=0)
    assert adjusted_mutual_information(codes, kinds) > 0.8
    assert error.shape == (600,)


def test_perplexity_counts_equally_used_codes():
    assert perplexity(np.array([0, 1, 2, 3])) == pytest.approx(4.0)  # exp(log 4)
    assert perplexity(np.zeros(5, int)) == pytest.approx(1.0)
    # shares 3/4 and 1/4: entropy = 0.75 log(4/3) + 0.25 log 4 = 0.5623, exp = 1.7548
    assert perplexity(np.array([0, 0, 0, 1])) == pytest.approx(1.7548, abs=1e-4)
    assert np.isnan(perplexity(np.array([], int)))


def test_usage_counts_codes_without_turns_as_dead():
    assert usage(np.array([0, 0, 5]), 8)[1:] == (2, 6)


def test_renaming_codes_does_not_change_agreement():
    a = np.arange(100) % 5
    assert seed_agreement([a, 4 - a]) == pytest.approx(1.0)
    assert np.isnan(seed_agreement([a]))


def test_the_most_central_coding_agrees_with_most_others():
    a = np.arange(120) % 4
    noise = np.random.default_rng(0).integers(0, 4, 120)
    assert most_central([noise, a, 3 - a]) == 1


def test_the_jackknife_of_a_mean_is_its_standard_error():
    # 20 clusters of one row, groups of one cluster: the jackknife error of a mean is exactly s / sqrt(n),
    # and the t quantile on 19 degrees of freedom is 2.093.
    values = np.arange(20.0)
    found = grouped_jackknife(lambda v: float(v.mean()), values, clusters=np.arange(20).astype(str))
    half = 2.093 * values.std(ddof=1) / np.sqrt(20)
    assert found.value == 9.5
    assert found.interval == pytest.approx((9.5 - half, 9.5 + half), abs=1e-3)


def test_one_conversation_has_no_interval():
    found = grouped_jackknife(lambda v: float(v.mean()), np.ones(3), clusters=np.array(["a"] * 3))
    assert np.isnan(found.interval.low)


def test_a_given_split_decides_what_is_held_out():
    frame = pd.DataFrame({"conversation_id": ["a", "b", "c"], "split": ["train", "test", None]})
    assert held_out_conversations(frame) == {"b", "c"}


def test_without_a_split_a_seeded_fifth_is_held_out_whatever_the_order():
    frame = pd.DataFrame({"conversation_id": [f"c{i}" for i in range(50)], "split": None})
    held_out = held_out_conversations(frame, seed=1)
    assert len(held_out) == 10
    assert held_out == held_out_conversations(frame.iloc[::-1], seed=1)
    assert held_out != held_out_conversations(frame, seed=2)


def test_one_conversation_cannot_be_split():
    with pytest.raises(UserError, match="held out"):
        held_out_conversations(pd.DataFrame({"conversation_id": ["a"], "split": None}))


def test_impossible_settings_are_refused_with_a_remedy():
    with pytest.raises(UserError, match="at least 2"):
        CodebookSettings(codes=1)


def test_half_precision_vectors_become_one_float_array():
    frame = pd.DataFrame({"vector": [np.ones(3, np.float16), np.zeros(3, np.float16)]})
    assert stack_vectors(frame).dtype == np.float32


def test_the_checkpoint_is_readable_without_pickles(clustered, tmp_path):
    from safetensors import safe_open

    vectors, _, conversations = clustered
    path: Path = tmp_path / "last.safetensors"
    fit_codebook(windows(vectors, conversations, 0), TRAIN, HELD_OUT, SMALL, seed=0, checkpoint=path)
    with safe_open(path, framework="pt") as content:
        assert len(json.loads(content.metadata()["history"])) == 4
