"""Batches of similar length."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from shared.runs import UserError
from shared.sequence import (
    Batch,
    LengthBatches,
    SequenceClassifier,
    labelled_conversations,
    make_loader,
    read_dataset,
    train_epoch,
)


@given(lengths=st.lists(st.integers(1, 50), max_size=200), size=st.integers(1, 40), shuffle=st.booleans())
def test_every_conversation_is_in_exactly_one_batch(lengths: list[int], size: int, shuffle: bool):
    sampler = LengthBatches(np.array(lengths), size, shuffle=shuffle)
    batches = sampler.batches()
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert len(batches) == len(sampler)
    assert all(len(batch) <= size for batch in batches)


def test_batches_change_with_the_epoch_and_only_with_it():
    sampler = LengthBatches(np.arange(100) % 7, 10, shuffle=True, seed=3)
    first = sampler.batches()
    assert sampler.batches() == first
    sampler.epoch = 1
    assert sampler.batches() != first


def test_little_is_padded():
    lengths = np.random.default_rng(0).integers(5, 200, 2000)
    padded = sum(len(batch) * lengths[batch].max() for batch in LengthBatches(lengths, 32, shuffle=True).batches())
    assert padded < 1.1 * lengths.sum()


def test_an_empty_batch_size_is_refused():
    with pytest.raises(UserError, match="batch_size must be at least 1"):
        LengthBatches(np.ones(3), 0)


def test_a_batch_is_padded_to_its_own_longest(planted: Path):
    dataset = labelled_conversations(read_dataset(planted), "author", "test")
    for batch in make_loader(dataset, 16):
        assert batch.features.shape == (len(batch.labels), int(batch.lengths.max()), dataset.width)


def test_standardised_training_features_have_mean_0_and_scale_1(planted: Path):
    dataset = labelled_conversations(read_dataset(planted), "author", "train")
    mean, scale = dataset.moments()
    turns = np.concatenate([dataset[i][0].numpy() for i in range(len(dataset))])
    np.testing.assert_allclose(mean, turns.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(scale, turns.std(axis=0), rtol=1e-5)


def test_the_first_turns_hide_the_later_ones(planted: Path):
    dataset = labelled_conversations(read_dataset(planted), "conversation", "test")
    shorter = dataset.first_turns(3)
    torch.testing.assert_close(shorter[0][0], dataset[0][0][:3])
    assert shorter.lengths.max() == 3
    assert dataset.lengths.max() > 3


def test_the_same_example_order_gives_the_same_losses_however_wide_the_padding(planted: Path, network: dict):
    """Bucketed batches against the same batches padded to the longest conversation of all, three epochs of training."""
    dataset = labelled_conversations(read_dataset(planted), "author", "train")
    trajectories = []
    for width in (None, int(dataset.lengths.max()) + 20):
        torch.manual_seed(0)
        model = SequenceClassifier(dataset.width, **{**network, "dropout": 0.0})
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        loader = make_loader(dataset, 16, shuffle=True)
        losses = []
        for epoch in range(3):
            loader.batch_sampler.epoch = epoch
            batches = [batch if width is None else _widened(batch, width) for batch in loader]
            losses.append(train_epoch(model, batches, nn.BCEWithLogitsLoss(), optimizer, "cpu")[0])
        trajectories.append(losses)
    np.testing.assert_allclose(trajectories[0], trajectories[1], rtol=1e-4)


def _widened(batch: Batch, width: int) -> Batch:
    extra = width - batch.features.shape[1]
    return batch._replace(features=nn.functional.pad(batch.features, (0, 0, 0, extra)))
