"""A planted dataset, its author model, and a cross-fit of it: each made once."""

from pathlib import Path

import pytest

from shared import profiles, sequence

NETWORK = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.1, "kernel_sizes": [3]}


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 authors; the trait shows in less than half of an author's conversations."""
    plan = sequence.Planted()
    return sequence.write_planted(tmp_path_factory.mktemp("planted"), plan)


@pytest.fixture(scope="session")
def author_model(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An author model good enough for the comparisons."""
    return sequence.train_model(
        model_type="author",
        dataset_path=planted,
        num_epochs=12,
        batch_size=16,
        learning_rate=8e-3,
        output_dir=tmp_path_factory.mktemp("models"),
        network=NETWORK,
    )


@pytest.fixture(scope="session")
def crossed(planted: Path) -> profiles.CrossFit:
    """Two weightings, three folds, little training."""
    dataset = sequence.labelled_conversations(sequence.read_dataset(planted), "author")
    training = sequence.Training(num_epochs=4, batch_size=16, learning_rate=5e-3, network=NETWORK)
    return profiles.cross_fit(dataset, training, folds=3, weightings=["balanced", "sqrt"])
