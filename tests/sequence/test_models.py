"""Training and testing by file name."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from shared import sequence
from shared.runs import UserError


@pytest.fixture(scope="module")
def model_path(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.1, "kernel_sizes": [3]}
    return sequence.train_model(
        model_type="conversation",
        dataset_path=planted,
        num_epochs=10,
        batch_size=16,
        learning_rate=3e-3,
        output_dir=tmp_path_factory.mktemp("models"),
        network=network,
    )


def test_a_model_is_trained_saved_and_better_than_chance(model_path: Path, planted: Path):
    metrics = sequence.test_model(model_type="conversation", model_path=model_path, dataset_path=planted)
    assert model_path.name == "conversation_classifier.safetensors"
    assert metrics["roc_auc_low"] > 0.6
    assert metrics["roc_auc_low"] < metrics["roc_auc"] < metrics["roc_auc_high"]
    assert metrics["conversations"] == len(
        sequence.labelled_conversations(sequence.read_dataset(planted), "conversation", "test")
    )


def test_the_threshold_comes_from_validation_not_from_test(model_path: Path, planted: Path):
    saved = sequence.load_classifier(model_path)
    test = sequence.test_model("conversation", model_path, planted)
    dataset = sequence.labelled_conversations(sequence.read_dataset(planted), "conversation", "validation")
    scores = sequence.predict_probabilities(saved.model, dataset)
    assert test["threshold"] == saved.threshold
    assert saved.threshold == pytest.approx(sequence.best_threshold(dataset.labels.numpy(), scores))


def test_a_saved_model_answers_as_before(model_path: Path, tmp_path: Path):
    saved = sequence.load_classifier(model_path)
    copy = sequence.load_classifier(sequence.save_classifier(tmp_path / "copy.safetensors", saved))
    features = torch.randn(3, 7, len(saved.names))
    torch.testing.assert_close(copy.model(features), saved.model(features), rtol=0, atol=0)
    assert copy[1:] == saved[1:]


def test_a_model_of_the_other_type_is_refused(model_path: Path, planted: Path):
    with pytest.raises(UserError, match="trained as 'conversation', not as 'author'"):
        sequence.test_model("author", model_path, planted)


def test_a_dataset_with_other_features_is_refused(model_path: Path, planted: Path, tmp_path: Path):
    source = sequence.read_dataset(planted)
    turns = pd.read_parquet(planted / "features.parquet", columns=["conversation_id", "turn"])
    names = ["feature_000", "pitch", *source.names[2:]]
    sequence.write_dataset(tmp_path, source.conversations, turns, source.features, names)
    with pytest.raises(UserError, match="first that differs is 'pitch'"):
        sequence.test_model("conversation", model_path, tmp_path)


def test_pickles_are_never_read(tmp_path: Path):
    (tmp_path / "author_classifier.pt").write_bytes(b"\x80")
    with pytest.raises(UserError, match="can run code and are never read"):
        sequence.load_classifier(tmp_path / "author_classifier.pt")


def test_a_missing_model_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"no model at .*gone.safetensors"):
        sequence.load_classifier(tmp_path / "gone.safetensors")


def test_one_class_in_a_split_is_named(planted: Path, tmp_path: Path):
    folder = shutil.copytree(planted, tmp_path / "one_class")
    frame = pd.read_parquet(folder / "conversations.parquet")
    frame.loc[frame["split"] == "validation", "label"] = 1
    frame.to_parquet(folder / "conversations.parquet", index=False)
    with pytest.raises(UserError, match="Split validation: Both classes are needed"):
        sequence.train_model("conversation", folder, num_epochs=1, output_dir=tmp_path)


def test_checkpoints_are_removed_when_training_ends(planted: Path, tmp_path: Path, network: dict):
    sequence.train_model(
        "author", planted, num_epochs=1, batch_size=64, output_dir=tmp_path, network=network, checkpoint_dir=tmp_path
    )
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["author_classifier.safetensors"]
