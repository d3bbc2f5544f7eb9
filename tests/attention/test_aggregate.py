import numpy as np
import pandas as pd
import pytest

from shared.attention import cue_hits, precision_at_k, ranked_words, shares_by, thirds, word_table


@pytest.fixture
def occurrences() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("a", "donated", 0, "agent", "hello", 1.0),
            ("a", "donated", 5, "donor", "pledge", 3.0),
            ("b", "donated", 0, "agent", "hello", -1.0),
            ("b", "donated", 2, "donor", "pledge", 5.0),
            ("c", "refused", 0, "donor", "rare", 9.0),
        ],
        columns=["conversation_id", "predicted", "turn", "speaker", "word", "score"],
    )


def test_words_are_ranked_by_the_size_of_their_scores_and_rare_ones_left_out(occurrences):
    # hello has 1 and -1: mean size 1; pledge 3 and 5: 4
    assert ranked_words(occurrences, "score", least=2) == ["pledge", "hello"]
    assert ranked_words(occurrences, "score", least=1) == ["rare", "pledge", "hello"]


def test_the_word_table_counts_conversations_of_each_class(occurrences):
    table = word_table(occurrences, ["score"], least=2)
    assert table["word"].tolist() == ["pledge", "hello"]
    assert table["score"].tolist() == [4.0, 0.0]
    assert table["conversations"].tolist() == [2, 2]


def test_precision_at_k_is_the_share_of_cues_among_the_first_k():
    assert precision_at_k(["card", "the", "sign", "a"], {"card", "sign"}, 2) == 0.5
    assert precision_at_k(["card"], {"card"}, 10) == 1.0
    assert np.isnan(precision_at_k([], {"card"}, 3))


def test_cues_are_looked_for_among_as_many_top_words_as_there_are_cues(occurrences):
    hits = cue_hits(occurrences, "score", occurrences["word"].isin(["pledge"]))
    # against the outcome is as good as for it: with the signs turned round the cues are found all the same
    turned = occurrences.assign(score=-occurrences["score"])
    assert cue_hits(turned, "score", turned["word"].isin(["pledge"]))["a"] == 1.0
    assert hits["a"] == 1.0 and hits["b"] == 1.0 and np.isnan(hits["c"])


def test_shares_of_a_conversation_add_up_to_one_whatever_the_sign(occurrences):
    shares = shares_by(occurrences, "score", "speaker")
    assert shares.groupby("conversation_id")["score_share"].sum().tolist() == pytest.approx([1, 1, 1])
    # b: |-1| of 6 on the agent, who has 1 of 2 words
    agent = shares[(shares["conversation_id"] == "b") & (shares["speaker"] == "agent")].iloc[0]
    assert (agent["score_share"], agent["word_share"]) == pytest.approx((1 / 6, 0.5))


def test_thirds_follow_the_turns(occurrences):
    # a has turns 0..5: turn 0 opens, turn 5 ends. b has turns 0..2. c has one turn, which opens.
    assert thirds(occurrences).tolist() == ["opening", "end", "opening", "end", "opening"]
