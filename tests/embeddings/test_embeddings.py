import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from shared.embeddings import (
    Embedded,
    conversation_lines,
    embed_texts,
    lowest_cosine,
    nearest_texts,
    neighbour_speaker_agreement,
    outcome_statistics,
    vector_lines,
    write_vectors,
)
from shared.runs import UserError

TEXTS = ["hello there", "would you like to donate?", "hello there", "", "goodbye", "what is the charity?"]


def made_up(vectors, row=None):
    """Vectors without an encoder."""
    vectors = np.asarray(vectors, dtype=np.float32)
    texts = [f"text {i}" for i in range(len(vectors))]
    return Embedded(texts, vectors, np.arange(len(vectors)) if row is None else np.array(row), 0, len(vectors))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    return embed_texts(TEXTS, tmp_path_factory.mktemp("shards"), shard_size=2)


def test_a_repeated_turn_is_computed_once_and_found_twice(embedded):
    assert embedded.computed == 5 and len(embedded.texts) == 5
    assert embedded.row.tolist() == [0, 1, 0, 2, 3, 4]


def test_vectors_have_length_one_and_the_empty_text_has_one_too(embedded):
    assert np.linalg.norm(embedded.vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_fast_vectors_point_where_exact_ones_do(embedded):
    assert lowest_cosine(embedded) >= 0.999


def test_a_second_attempt_reads_finished_shards(tmp_path):
    first = embed_texts(TEXTS, tmp_path, shard_size=2)
    shards = sorted(tmp_path.glob("*.npy"))
    assert len(shards) == 3  # 5 distinct texts in shards of 2
    shards[0].unlink()
    second = embed_texts(TEXTS, tmp_path, shard_size=2)
    assert second.computed in (1, 2)
    assert np.array_equal(first.vectors, second.vectors)


def test_another_precision_does_not_read_old_shards(tmp_path):
    embed_texts(TEXTS[:2], tmp_path, precision="fast")
    assert embed_texts(TEXTS[:2], tmp_path, precision="exact").computed == 2


def test_half_precision_storage_keeps_the_cosine(tmp_path):
    half = embed_texts(TEXTS, tmp_path, stored="float16")
    assert half.vectors.dtype == np.float16
    assert lowest_cosine(half) >= 0.999


def test_a_turn_longer_than_the_encoder_reads_is_counted(tmp_path):
    assert embed_texts(["word " * 600, "short"], tmp_path).cut == 1


def test_no_turns_are_refused(tmp_path):
    with pytest.raises(UserError, match="no turns to embed"):
        embed_texts([], tmp_path)


@pytest.mark.parametrize("stored", [np.float16, np.float32])
def test_written_vectors_come_back_in_order(tmp_path, stored):
    vectors = made_up(np.eye(3), row=[2, 0, 1, 2])._replace(vectors=np.eye(3).astype(stored))
    turns = pd.DataFrame({"conversation_id": ["a", "a", "b", "b"], "turn": [0, 1, 0, 1]})
    write_vectors(tmp_path / "v.parquet", turns, vectors)
    frame = pq.read_table(tmp_path / "v.parquet").to_pandas()
    assert frame["turn"].tolist() == [0, 1, 0, 1]
    assert np.stack(frame["vector"]).argmax(axis=1).tolist() == [2, 0, 1, 2]
    assert [line["vector"].index(1.0) for line in vector_lines(turns, vectors)] == [2, 0, 1, 2]


def test_the_nearest_text_of_a_text_is_itself():
    found = nearest_texts(np.eye(3, dtype=np.float32)[:1], made_up(np.eye(3), row=[0, 0, 1, 2]), k=2)
    assert found["text"].iloc[0] == "text 0"
    assert found["said"].iloc[0] == 2
    assert found["similarity"].tolist() == pytest.approx([1.0, 0.0])


def test_a_neighbour_is_a_different_text_of_another_conversation():
    # Rows 0 and 1 say the same in different conversations; row 2 is the nearest different text elsewhere for both.
    vectors = made_up([[1, 0], [0.9, 0.4], [0, 1]], row=[0, 0, 1, 2])
    turns = pd.DataFrame({"conversation_id": ["a", "b", "c", "d"], "speaker": ["agent", "agent", "donor", None]})
    estimate, floor = neighbour_speaker_agreement(turns, vectors)
    assert estimate.value == 0.0  # agent, agent meet the donor; the donor meets an agent
    assert (estimate.n, estimate.n_unscored) == (3, 1)
    assert floor == pytest.approx(5 / 9)  # (2/3)^2 + (1/3)^2


def test_unknown_speakers_leave_the_agreement_unscored():
    turns = pd.DataFrame({"conversation_id": ["a", "b"], "speaker": [None, None]})
    estimate, floor = neighbour_speaker_agreement(turns, made_up(np.eye(2)))
    assert np.isnan(estimate.value) and np.isnan(floor)


CONVERSATIONS = pd.DataFrame({"conversation_id": ["a", "b", "c"], "outcome": ["yes", "no", None]})
TURNS = pd.DataFrame(
    {
        "conversation_id": ["a", "a", "b"],
        "turn": [0, 1, 0],
        "speaker": ["agent", None, "agent"],
        "speaker_confidence": [1.0, np.nan, 0.5],
        "text": ["hello you", "hi", "hi"],
    }
)


def test_a_conversation_line_holds_its_turns_and_null_for_the_unknown():
    lines = list(conversation_lines(CONVERSATIONS, TURNS))
    assert lines[0]["turns"][1] == {"turn": 1, "speaker": None, "speaker_confidence": None, "text": "hi"}
    assert lines[2] == {"conversation_id": "c", "outcome": None, "turns": []}


def test_outcome_statistics_count_the_missing_outcome_and_the_empty_conversation():
    table = outcome_statistics(CONVERSATIONS, TURNS).set_index("outcome")
    assert table["conversations"].sum() == 3
    assert table.loc["yes", "turns"] == 2 and table.loc["yes", "words_a_turn"] == 1.5
    assert table.loc["no", "repeated_share"] == 1.0  # "hi" was said before
    assert table.loc["(none)", "turns"] == 0 and np.isnan(table.loc["(none)", "words_a_turn"])
