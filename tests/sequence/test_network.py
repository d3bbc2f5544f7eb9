"""The network: padding, lengths, initial weights."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runs import UserError
from shared.sequence import PositionalEncoding, SequenceClassifier


@pytest.fixture(scope="module")
def model() -> SequenceClassifier:
    torch.manual_seed(0)
    return SequenceClassifier(input_size=6, hidden_size=16, num_layers=2, num_heads=4).eval()


def test_the_defaults_are_those_that_scripts_rely_on():
    assert SequenceClassifier().settings == {
        "input_size": 256,
        "hidden_size": 256,
        "num_layers": 2,
        "num_heads": 8,
        "dropout": 0.3,
        "kernel_sizes": [3, 5, 7],
    }


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=5), extra=st.integers(0, 90), seed=st.integers(0, 99))
def test_padding_never_reaches_a_logit(model: SequenceClassifier, lengths: list[int], extra: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    conversations = [torch.randn(n, 6, generator=generator) for n in lengths]
    padded = torch.full((len(lengths), max(lengths) + extra, 6), float("nan"))
    for row, conversation in zip(padded, conversations, strict=True):
        row[: len(conversation)] = conversation
    with torch.no_grad():
        together = model(padded, torch.tensor(lengths))
        alone = torch.cat([model(conversation[None]) for conversation in conversations])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_padding_never_reaches_a_gradient(model: SequenceClassifier):
    features = torch.randn(2, 5, 6)
    wide = torch.cat([features, torch.full((2, 7, 6), 1e6)], dim=1)
    gradients = []
    for given_features in (features, wide):
        model.zero_grad()
        model(given_features, torch.tensor([3, 5])).sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    for narrow, broad in zip(*gradients, strict=True):
        torch.testing.assert_close(narrow, broad, atol=1e-4, rtol=1e-4)


def test_the_order_of_turns_matters(model: SequenceClassifier):
    features = torch.randn(1, 8, 6)
    with torch.no_grad():
        assert not torch.allclose(model(features), model(features.flip(1)), atol=1e-3)


def test_conversations_of_any_length_are_read(model: SequenceClassifier):
    with torch.no_grad():
        assert model(torch.randn(1, 1500, 6)).isfinite().all()


def test_positions_are_sines_and_cosines_of_falling_frequency():
    # position 1, width 4: sin(1), cos(1), sin(1 / 10000^(2/4)) = sin(0.01), cos(0.01)
    added = PositionalEncoding(4)(torch.zeros(1, 2, 4))[0]
    expected = [[0.0, 1.0, 0.0, 1.0], [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]]
    torch.testing.assert_close(added, torch.tensor(expected))


def test_an_odd_width_has_positions_too():
    assert PositionalEncoding(5)(torch.zeros(1, 200, 5)).shape == (1, 200, 5)


def test_linear_weights_are_xavier_and_convolutions_kaiming():
    torch.manual_seed(0)
    model = SequenceClassifier(input_size=64, hidden_size=128, num_layers=1)
    # Xavier uniform is bounded by sqrt(6 / (64 + 128)) = 0.1768
    assert float(model.project.weight.detach().abs().max()) == pytest.approx(math.sqrt(6 / 192), rel=0.01)
    # attention's three inputs are one matrix of 384 x 128: sqrt(6 / 512) = 0.1083
    attention = model.encoder.layers[0].self_attn.in_proj_weight
    assert float(attention.detach().abs().max()) == pytest.approx(math.sqrt(6 / 512), rel=0.01)
    # Kaiming normal for ReLU: sqrt(2 / fan_in), fan_in = 128 channels x 3 turns
    assert float(model.branches[0].weight.detach().std()) == pytest.approx(math.sqrt(2 / 384), rel=0.02)


def test_a_feature_in_other_units_gives_the_same_logits_once_standardised():
    torch.manual_seed(0)
    model = SequenceClassifier(input_size=3, hidden_size=8, num_heads=2).eval()
    features = torch.randn(4, 5, 3)
    plain = model(features)
    model.standardise(torch.tensor([10.0, 0.0, 0.0]), torch.tensor([100.0, 1.0, 0.0]))
    torch.testing.assert_close(model(features * torch.tensor([100.0, 1, 1]) + torch.tensor([10.0, 0, 0])), plain)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"hidden_size": 10, "num_heads": 4}, "no multiple"),
        ({"kernel_sizes": [4]}, "odd"),
        ({"kernel_sizes": []}, "odd"),
        ({"input_size": 0}, "positive"),
    ],
)
def test_impossible_sizes_are_refused(arguments: dict, reason: str):
    with pytest.raises(UserError, match=reason):
        SequenceClassifier(**arguments)


def test_a_wrong_width_is_named(model: SequenceClassifier):
    with pytest.raises(UserError, match=r"\(conversations, turns, 6\); found \(1, 2, 5\)"):
        model(torch.zeros(1, 2, 5))


@pytest.mark.parametrize("length", [0, 3])
def test_a_length_outside_the_turns_is_refused(model: SequenceClassifier, length: int):
    with pytest.raises(UserError, match="between 1 and the 2 turns"):
        model(torch.zeros(1, 2, 6), torch.tensor([length]))
