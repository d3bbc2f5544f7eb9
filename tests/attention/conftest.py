import numpy as np
import pandas as pd
import pytest

from shared.attention import read_tokens
from shared.classifier import conversation_texts
from shared.models import TextClassifier, load_encoder, load_tokenizer
from shared.models._network import TextNetwork


@pytest.fixture(scope="session")
def classifier() -> TextClassifier:
    """The built-in encoder with a head that hears one direction only: enough to see real behaviour, no training."""
    import torch

    torch.manual_seed(0)
    network = TextNetwork(load_encoder("builtin"), 3, "mean", 0.0).eval()
    with torch.no_grad():
        network.head.weight.mul_(50)
    return TextClassifier(network, load_tokenizer("builtin"), ("callback", "donated", "refused"), max_tokens=64)


@pytest.fixture(scope="session")
def conversations(classifier):
    turns = pd.DataFrame(
        [
            ("c1", 0, "agent", "Hello, could you help?"),
            ("c1", 1, "donor", "Where do I sign?"),
            ("c2", 0, "agent", "Good evening Alma."),
            ("c2", 1, "donor", "Remove me from the list, please!"),
        ],
        columns=["conversation_id", "turn", "speaker", "text"],
    )
    found = conversation_texts(turns, classifier.tokenizer, max_tokens=64)
    return read_tokens(found.texts, found.spans, classifier.tokenizer, 64)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def random_maps(rng: np.random.Generator, layers: int, heads: int, tokens: int) -> np.ndarray:
    return rng.dirichlet(np.ones(tokens), size=(layers, heads, tokens))
