import numpy as np
import pandas as pd
import pytest

from shared.data import TURNS_SCHEMA
from shared.speakers import diarise_badly, disturb


def turns_of(texts: list[str], conversation_id: str = "c") -> pd.DataFrame:
    speakers = ["agent", "donor"] * len(texts)
    columns = {"conversation_id": conversation_id, "turn": range(len(texts)), "text": texts}
    return pd.DataFrame(columns | {"speaker": speakers[: len(texts)]}).reindex(columns=TURNS_SCHEMA.names)


def test_nothing_is_disturbed_by_zeros():
    turns = turns_of(["good day to you", "hello", "how are you"])
    same = disturb(turns, drop_most=0, split_share=0.0)
    assert same["text"].tolist() == turns["text"].tolist()
    assert same["turn"].tolist() == [0, 1, 2]


def test_torn_turns_keep_their_words_and_speaker():
    torn = disturb(turns_of(["one two three four", "yes"]), drop_most=0, split_share=1.0)
    assert torn["speaker"].tolist() == ["agent", "agent", "donor"]  # one word cannot be torn
    assert " ".join(torn["text"]) == "one two three four yes"
    assert torn["turn"].tolist() == [0, 1, 2]


def test_openings_are_dropped_evenly_and_one_turn_always_stays():
    lengths = [len(disturb(turns_of(["a"] * 10, str(i)), drop_most=3, split_share=0, seed=i)) for i in range(400)]
    assert sorted(set(lengths)) == [7, 8, 9, 10]
    assert np.bincount(lengths)[7:] / 400 == pytest.approx([0.25] * 4, abs=0.07)
    assert len(disturb(turns_of(["a"]), drop_most=6, split_share=0)) == 1


def test_the_seed_decides():
    turns = pd.concat([turns_of(["a b c d e f"] * 6, name) for name in "xyz"], ignore_index=True)
    assert disturb(turns, seed=1).equals(disturb(turns, seed=1))
    assert not disturb(turns, seed=1).equals(disturb(turns, seed=2))


def test_a_bad_diariser_merges_and_swaps_but_loses_no_word():
    random = np.random.default_rng(0)
    broken = diarise_badly(["a b", "c", "d e"], ["agent", "donor", "agent"], swap_share=1, merge_share=0, random=random)
    assert broken.speakers == ["donor", "agent", "donor"]
    merged = diarise_badly(["a b", "c"], ["agent", "donor"], swap_share=0, merge_share=1, random=random)
    assert merged.texts == ["a b c"]
    assert merged.truth == [["agent", "agent", "donor"]]
