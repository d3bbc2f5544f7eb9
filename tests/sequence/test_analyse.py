"""Features of turns."""

import numpy as np
import pandas as pd
import pytest

from shared.runs import UserError
from shared.sequence import analyse_conversations

TURNS = pd.DataFrame(
    {
        "conversation_id": ["b", "a", "a"],
        "turn": [1, 2, 1],
        "speaker": [None, "donor", "agent"],
        "text": ["", "well yes", "hello"],
        "seconds": [np.nan, 9.0, 2.0],
    }
)


def test_features_stand_in_the_order_of_conversations_and_turns():
    analysed = analyse_conversations(TURNS, vectors=np.array([[3.0], [2.0], [1.0]]))
    assert analysed.turns.to_numpy().tolist() == [["a", 1], ["a", 2], ["b", 1]]
    frame = pd.DataFrame(analysed.features, columns=analysed.names)
    assert frame["vector_000"].tolist() == [1, 2, 3]
    assert frame["speaker_agent"].tolist() == [1, 0, 0]
    assert frame["speaker_donor"].tolist() == [0, 1, 0]
    # one, two and no words
    np.testing.assert_allclose(frame["log_words"], np.log([2, 3, 1]), rtol=1e-6)
    # 9 - 2 = 7 seconds before the second turn; first turns and unknown times have no gap, and say so
    np.testing.assert_allclose(frame["log_gap"], [0, np.log(8), 0], rtol=1e-6)
    assert frame["gap_known"].tolist() == [0, 1, 0]


def test_codes_are_one_column_each_and_a_turn_without_one_has_none():
    codes = pd.DataFrame({"conversation_id": ["a", "b"], "turn": [1, 1], "code": [7, 2]})
    analysed = analyse_conversations(TURNS, codes=codes)
    assert analysed.names[:2] == ["code_002", "code_007"]
    assert analysed.features[:, :2].tolist() == [[0, 1], [0, 0], [1, 0]]


def test_neither_speakers_nor_times_are_needed():
    analysed = analyse_conversations(TURNS[["conversation_id", "turn", "text"]])
    assert np.isfinite(analysed.features).all()
    assert analysed.names == ["log_words", "speaker_agent", "speaker_donor", "log_gap", "gap_known"]


def test_a_filtered_table_keeps_turns_and_features_together():
    filtered = TURNS[TURNS["conversation_id"] == "a"]
    analysed = analyse_conversations(filtered, vectors=np.array([[2.0], [1.0]]))
    assert analysed.features[:, 0].tolist() == [1, 2]
    assert analysed.features[:, -1].tolist() == [0, 1]


def test_vectors_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="2 vectors for 3 turns"):
        analyse_conversations(TURNS, vectors=np.zeros((2, 4)))


def test_unusable_vectors_are_counted_and_the_first_is_named():
    with pytest.raises(UserError, match=r"2 of 3 turns have no vector or one with NaN.*first turn 2 of 'a'"):
        analyse_conversations(TURNS, vectors=np.array([[1.0], [np.nan], [np.inf]]))


def test_vectors_are_joined_by_conversation_and_turn():
    table = pd.DataFrame({"conversation_id": ["a", "b", "a"], "turn": [1, 1, 2], "vector": [[1.0], [3.0], [2.0]]})
    assert analyse_conversations(TURNS, vectors=table).features[:, 0].tolist() == [1, 2, 3]
    with pytest.raises(UserError, match=r"1 of 3 turns have no vector.*first turn 1 of 'b'"):
        analyse_conversations(TURNS, vectors=table.iloc[[0, 2]])
