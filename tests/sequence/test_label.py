"""Labels and splits of conversations."""

import pandas as pd
import pytest

from shared.runs import UserError
from shared.sequence import conversation_texts, label_conversations

CONVERSATIONS = pd.DataFrame(
    {
        "conversation_id": [f"c{i}" for i in range(40)],
        "outcome": ["donated", "refused", "donated", None] * 10,
        "split": None,
        "donor_id": [f"d{i // 4}" for i in range(36)] + ["single", None, None, None],
        "agent_id": ["a"] * 40,
    }
)


def test_an_outcome_becomes_a_label_and_a_missing_one_stays_unlabelled():
    labelled = label_conversations(CONVERSATIONS, "donated")
    assert labelled["label"].isna().sum() == 10
    assert labelled["label"].sum() == 20


def test_without_traits_an_author_is_positive_from_half_of_the_conversations_on():
    # d0: donated, refused, donated, unknown: two of three
    labelled = label_conversations(CONVERSATIONS, "donated", fewest=2).set_index("conversation_id")
    assert labelled.loc["c0", "author_label"] == 1
    turned = label_conversations(CONVERSATIONS, "refused", fewest=2).set_index("conversation_id")
    assert turned.loc["c0", "author_label"] == 0


def test_authors_with_too_few_conversations_have_no_author_label():
    labelled = label_conversations(CONVERSATIONS, "donated", fewest=2).set_index("conversation_id")
    assert pd.isna(labelled.loc["c36", "author_label"])
    assert pd.isna(labelled.loc["c39", "author_label"])


def test_an_author_is_in_one_split():
    labelled = label_conversations(CONVERSATIONS, "donated", seed=3)
    assert (labelled.groupby("author_id")["split"].nunique() == 1).all()
    assert set(labelled["split"]) == {"train", "validation", "test"}


def test_traits_are_taken_from_their_table():
    traits = pd.DataFrame({"author_id": ["d0", "d1"], "talkative": [1, 0]})
    labelled = label_conversations(CONVERSATIONS, "donated", traits=traits, trait="talkative")
    assert labelled["author_label"].dropna().tolist() == [1] * 4 + [0] * 4
    with pytest.raises(UserError, match=r"no column 'shy'. Found: author_id, talkative"):
        label_conversations(CONVERSATIONS, "donated", traits=traits, trait="shy")


def test_an_outcome_that_never_occurs_is_named():
    with pytest.raises(UserError, match=r"outcome 'gave'. Outcomes found: donated, refused"):
        label_conversations(CONVERSATIONS, "gave")


def test_texts_are_joined_in_the_order_of_turns():
    turns = pd.DataFrame({"conversation_id": ["b", "a", "a"], "turn": [1, 2, 1], "text": ["x", "there", "hello"]})
    assert conversation_texts(turns, ["a", "c", "b"]) == ["hello there", "", "x"]
