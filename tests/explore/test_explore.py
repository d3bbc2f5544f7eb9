import numpy as np
import pandas as pd
import pytest

from shared.data import Rejected
from shared.explore import (
    corpus_summary,
    distinguishing_words,
    missing_table,
    outcome_by_length,
    rejection_reasons,
    turn_taking,
    vocabulary_growth,
)


def turns(*speakers: str | None, conversation: str = "c") -> pd.DataFrame:
    rows = [
        {"conversation_id": conversation, "turn": i, "author_id": None, "speaker": s, "text": f"word{i} and more"}
        for i, s in enumerate(speakers)
    ]
    return pd.DataFrame(rows)


def test_turn_taking_counts_changes_inside_conversations_only() -> None:
    both = pd.concat([turns("agent", "donor", "donor"), turns("agent", conversation="d")])
    taking = turn_taking(both)
    # neighbours: agent-donor changes, donor-donor does not; the step into conversation d does not count
    assert (taking.alternation, taking.n) == (0.5, 2)
    assert taking.known == 1.0


def test_an_unknown_speaker_is_no_neighbour() -> None:
    taking = turn_taking(turns("agent", None, "donor"))
    assert taking.n == 0 and np.isnan(taking.alternation)
    assert taking.known == pytest.approx(2 / 3)


def test_the_summary_counts_turns_words_and_repeats() -> None:
    table = turns("agent", "donor").assign(text=["Hello there you", "hello there YOU"])
    summary = corpus_summary(pd.DataFrame({"conversation_id": ["c"]}), table).set_index("name")["value"]
    assert (summary["n_turns"], summary["words_per_turn"], summary["duplicate_turns"]) == (2, 3, 0.5)


def test_only_columns_with_gaps_are_listed() -> None:
    missing = missing_table(pd.DataFrame({"outcome": ["a", None]}), turns("agent", "donor"))
    assert missing[["column", "missing"]].values.tolist() == [["author_id", 1.0], ["outcome", 0.5]]


def test_rejections_are_summed_by_reason_commonest_first() -> None:
    rejected = [Rejected("f", 3, "no text"), Rejected("f", 1, "cut off", rows=5), Rejected("f", 9, "no text")]
    assert rejection_reasons(rejected).values.tolist() == [["cut off", 5, 1], ["no text", 2, 3]]
    assert rejection_reasons([]).empty


def test_outcome_by_length_has_an_interval_in_each_quarter() -> None:
    parts = [turns(*["agent"] * (2 + i % 8), conversation=f"c{i}") for i in range(80)]
    conversations = pd.DataFrame({
        "conversation_id": [f"c{i}" for i in range(80)], "outcome": ["yes" if i % 8 > 3 else "no" for i in range(80)],
    })  # fmt: skip
    table = outcome_by_length(conversations, pd.concat(parts))
    # "no" and "yes" are equally common; lengths 2-5 all end in "no", 6-9 all in "yes"
    share_of_no = table["share"] if table["outcome"].iloc[0] == "no" else 1 - table["share"]
    assert share_of_no.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert (table["low"] <= table["share"]).all() and (table["share"] <= table["high"]).all()


def test_without_outcomes_or_with_one_length_there_is_nothing_to_compare() -> None:
    one = pd.DataFrame({"conversation_id": ["c"], "outcome": ["yes"]})
    assert outcome_by_length(one, turns("agent", "donor")).empty
    assert outcome_by_length(one.assign(outcome=None), turns("agent", "donor")).empty
    assert distinguishing_words(one, turns("agent", "donor")).empty


def test_a_planted_word_stands_out_in_its_outcome() -> None:
    texts = ["maybe later friend" if i % 2 else "take my card friend" for i in range(40)]
    table = pd.DataFrame({"conversation_id": [f"c{i}" for i in range(40)], "text": texts})
    outcomes = pd.DataFrame({
        "conversation_id": table["conversation_id"], "outcome": ["callback" if i % 2 else "donated" for i in range(40)]
    })  # fmt: skip
    words = distinguishing_words(outcomes, table, top=3)
    assert any(word.startswith("later") for word in words["callback"])
    assert any(word.startswith("card") for word in words["donated"])
    assert not any(word.startswith("friend") for column in words for word in words[column][:2])


def test_a_corpus_that_repeats_itself_stops_growing() -> None:
    same = turns(*["agent"] * 100).assign(text="the same words")
    growth = vocabulary_growth(same)
    assert growth["words"].iloc[-1] == 3 and not growth.attrs["growing"]
    new = turns(*["agent"] * 100).assign(text=[chr(97 + i % 26) * (2 + i // 26) for i in range(100)])
    assert vocabulary_growth(new).attrs["growing"]
