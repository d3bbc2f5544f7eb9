"""The dataset on disk: what goes in comes out, and what is wrong with it is said."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.runs import UserError
from shared.sequence import labelled_conversations, read_dataset, write_dataset

CONVERSATIONS = pd.DataFrame(
    {
        "conversation_id": ["c1", "c2", "c3"],
        "author_id": ["a", "b", None],
        "split": ["train", "test", "train"],
        "label": [1, 0, None],
        "author_label": [1, 0, None],
    }
)
TURNS = pd.DataFrame({"conversation_id": ["c2", "c2", "c1", "c3", "c3", "c3"], "turn": [1, 2, 5, 1, 2, 9]})
FEATURES = np.arange(12, dtype=np.float32).reshape(6, 2)


def write(folder: Path, **changes: object) -> Path:
    parts = {"conversations": CONVERSATIONS, "turns": TURNS, "features": FEATURES, "names": ["x", "y"]} | changes
    return write_dataset(folder, **parts)


def changed(**columns: list) -> pd.DataFrame:
    return CONVERSATIONS.assign(**columns)


def test_a_dataset_is_read_as_it_was_written(tmp_path: Path):
    source = read_dataset(write(tmp_path))
    assert isinstance(source.features, np.memmap)
    np.testing.assert_array_equal(source.features, FEATURES)
    assert source.conversations["conversation_id"].tolist() == ["c2", "c1", "c3"]  # in the order of the turns
    assert source.starts.tolist() == [0, 2, 3]
    assert source.lengths.tolist() == [2, 1, 3]
    assert source.names == ["x", "y"]


def test_a_conversation_without_turns_is_left_out_and_counted(tmp_path: Path):
    more = pd.concat([CONVERSATIONS, pd.DataFrame({"conversation_id": ["c4"]})])
    source = read_dataset(write(tmp_path, conversations=more))
    assert (len(source.conversations), source.without_turns) == (3, 1)


def test_features_are_read_only_and_survive_the_folder(tmp_path: Path):
    source = read_dataset(write(tmp_path))
    (tmp_path / "features.parquet").unlink()
    assert source.features[5, 1] == 11
    with pytest.raises(ValueError, match="read-only"):
        source.features[0, 0] = 1


def test_more_turns_than_one_row_group_holds(tmp_path: Path):
    turns = pd.DataFrame({"conversation_id": np.repeat(["c1", "c2", "c3"], 8000), "turn": np.tile(range(8000), 3)})
    features = np.random.default_rng(0).normal(size=(24_000, 2)).astype(np.float32)
    np.testing.assert_array_equal(read_dataset(write(tmp_path, turns=turns, features=features)).features, features)


def test_nan_features_are_counted_and_the_first_is_named(tmp_path: Path):
    features = FEATURES.copy()
    features[2, 1], features[4, 0] = np.nan, np.inf
    with pytest.raises(UserError, match=r"2 of 12 values are NaN.*feature 'y' of turn 5 in conversation 'c1'"):
        read_dataset(write(tmp_path, features=features))


def test_nan_beyond_the_first_row_group_is_named_too(tmp_path: Path):
    turns = pd.DataFrame({"conversation_id": np.repeat(["c1", "c2", "c3"], 8000), "turn": np.tile(range(8000), 3)})
    features = np.zeros((24_000, 2), np.float32)
    features[20_000, 0] = np.nan
    with pytest.raises(UserError, match=r"1 of 48,000 .* feature 'x' of turn 4000 in conversation 'c3'"):
        read_dataset(write(tmp_path, turns=turns, features=features))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"conversations": changed(author_id=["a", "a", None])}, "1 author.* two splits, first 'a' in test and train"),
        ({"conversations": changed(split=["train", "dev", "train"])}, "unknown split 'dev'"),
        ({"conversations": changed(label=[1, 2, 0])}, "'label' must be 0, 1 or empty"),
        (
            {"conversations": changed(author_id=["a", "a", "b"], split=["train"] * 3, author_label=[0, 1, 1])},
            "two author labels, first 'a'",
        ),
        ({"conversations": CONVERSATIONS.iloc[:2]}, "'c3' is not in conversations"),
        ({"conversations": CONVERSATIONS.iloc[[0, 1, 2, 2]]}, "'c3' has two rows"),
        ({"turns": TURNS.iloc[[0, 2, 1, 3, 4, 5]]}, "'c2' are not together"),
        ({"turns": TURNS.assign(turn=[2, 2, 5, 1, 2, 9])}, "turn 2 of 'c2' comes after"),
        ({"turns": TURNS.iloc[:0], "features": FEATURES[:0]}, "has no turns"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, changes: dict, reason: str):
    with pytest.raises(UserError, match=reason):
        read_dataset(write(tmp_path, **changes))


def test_a_wrong_width_is_said_when_writing_and_when_reading(tmp_path: Path):
    with pytest.raises(UserError, match="one column a name"):
        write(tmp_path, names=["x"])
    write(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"features": ["x", "y", "z"]}))
    with pytest.raises(UserError, match=r"float\S*>\[2\], but dataset.json names 3"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dataset.json", "no analysed conversations"),
        ("features.parquet", "incomplete"),
        ("conversations.parquet", "is m"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, name: str, reason: str):
    (write(tmp_path) / name).unlink()
    with pytest.raises(UserError, match=reason):
        read_dataset(tmp_path)


def test_a_missing_label_column_is_named(tmp_path: Path):
    write(tmp_path)
    pq.write_table(pa.Table.from_pandas(CONVERSATIONS.drop(columns="label")), tmp_path / "conversations.parquet")
    with pytest.raises(UserError, match=r"column 'label' is missing\. Found: conversation_id, author_id"):
        read_dataset(tmp_path)


def test_unlabelled_conversations_are_left_out_and_counted(tmp_path: Path):
    dataset = labelled_conversations(read_dataset(write(tmp_path)), "conversation", "train")
    assert dataset.conversation_ids.tolist() == ["c1"]
    assert dataset.unlabelled == 1
    assert dataset.labels.numpy().tolist() == [1.0]


@pytest.mark.parametrize(
    ("changes", "arguments", "reason"),
    [
        ({"conversations": changed(label=[None] * 3)}, ("conversation", "test"), "None of the 1 .* has a 'label'"),
        ({}, ("conversation", "validation"), "No conversation is in split validation"),
        ({}, ("profile", "train"), "no model_type 'profile'"),
        ({"conversations": changed(author_label=[1, 0, 1])}, ("author", "train"), "without 'author_id'"),
    ],
)
def test_missing_labels_are_said(tmp_path: Path, changes: dict, arguments: tuple, reason: str):
    with pytest.raises(UserError, match=reason):
        labelled_conversations(read_dataset(write(tmp_path, **changes)), *arguments)
