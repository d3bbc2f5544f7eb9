"""A small planted dataset and a small network."""

from pathlib import Path

import pytest

from shared.sequence import Planted, write_planted

SMALL_NETWORK = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.1, "kernel_sizes": [3]}


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 authors, about 350 conversations."""
    return write_planted(tmp_path_factory.mktemp("planted"), Planted(authors=60, conversations=(4, 7), turns=(4, 12)))


@pytest.fixture
def network() -> dict:
    """Arguments of a network that trains in a second."""
    return dict(SMALL_NETWORK)
