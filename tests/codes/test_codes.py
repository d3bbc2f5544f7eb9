import numpy as np
import pandas as pd
import pytest

from shared.codes import (
    code_cards,
    distinguishing_terms,
    draw_transitions,
    exemplars,
    ids_by_frequency,
    ids_like_before,
    join_acts,
    label_codes,
    outcome_lift,
    transitions,
    v_measure,
)
from shared.runs import UserError


def keys(n):
    return pd.DataFrame({"conversation_id": [f"c{i // 5}" for i in range(n)], "turn": [i % 5 for i in range(n)]})


def test_the_most_frequent_train_code_is_id_zero():
    codes = np.array([3, 3, 3, 1, 1, 0, 0, 0, 0])
    train = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)  # code 0 is frequent, but only in held-out turns
    assert ids_by_frequency(codes, train, 4).tolist() == [2, 1, 3, 0]


def test_new_turns_never_change_an_id():
    codes, train = np.array([2, 2, 1]), np.array([True, True, True])
    more = np.concatenate([codes, np.full(10, 1)])
    assert ids_by_frequency(more, np.arange(13) < 3, 3).tolist() == ids_by_frequency(codes, train, 3).tolist()


def test_a_renumbered_codebook_gets_its_old_ids_back():
    old = np.random.default_rng(0).integers(0, 6, 200)
    renumbered = np.array([4, 2, 0, 5, 1, 3])[old]
    ids = ids_like_before(keys(200), renumbered, 6, keys(200).assign(code=old))
    assert np.array_equal(ids[renumbered], old)


def test_a_code_that_was_not_there_before_gets_a_new_id():
    old = np.array([0, 0, 1, 1, 1])
    new = np.array([0, 0, 1, 1, 1])
    ids = ids_like_before(keys(5), new, 3, keys(5).assign(code=old))
    assert ids.tolist() == [0, 1, 2]  # code 2 has no turn: the first id never used


def test_an_export_of_another_corpus_is_refused():
    other = pd.DataFrame({"conversation_id": ["x"], "turn": [0], "code": [0]})
    with pytest.raises(UserError, match="no turn in common"):
        ids_like_before(keys(5), np.zeros(5, int), 1, other)


def test_terms_are_what_other_codes_do_not_say():
    texts = ["hello there friend"] * 5 + ["goodbye there friend"] * 5
    found = distinguishing_terms(texts, np.repeat([0, 1], 5), [0, 1], terms=1)
    assert found[0][0].startswith("hello") and found[1][0].startswith("goodbye")


def test_a_code_without_words_has_no_terms():
    found = distinguishing_terms(["hello"] * 4 + ["..."] * 4, np.repeat([0, 1], 4), [0, 1, 2])
    assert found == {0: ["hello"], 1: [], 2: []}


def test_a_corpus_without_words_has_no_terms():
    assert distinguishing_terms(["?", "!"], np.array([0, 1]), [0, 1]) == {0: [], 1: []}


def test_labels_are_unique_and_their_ambiguity_is_counted():
    labels, unique = label_codes({0: ["yes", "sure"], 1: ["yes", "sure"], 2: ["no"], 3: []})
    assert len(set(labels.values())) == 4
    assert unique == 0.25  # only "no" needs no number


def test_an_outcome_that_always_goes_with_a_code_is_found():
    # 40 conversations of 4 turns; code 1 occurs in the 20 that end well, code 2 in the others, code 0 in all.
    conversations = np.repeat([f"c{i:02d}" for i in range(40)], 4)
    codes = np.concatenate([[0, 0, 0, 1 if i < 20 else 2] for i in range(40)])
    outcomes = {f"c{i:02d}": "good" if i < 20 else "bad" for i in range(40)}
    found = outcome_lift(codes, conversations, outcomes, permutations=999).set_index(["code", "outcome"])
    assert found.loc[(1, "good"), "lift"] == pytest.approx(2.0)  # 1.0 over the base of 0.5
    assert found.loc[(1, "good"), "q"] < 0.01
    assert found.loc[(0, "good"), "lift"] == pytest.approx(1.0)
    assert found.loc[(0, "good"), "p"] == 1.0
    # Wilson of 20 of 20: low = 20 / (20 + 1.96^2) = 0.839, over the base 1.678
    assert found.loc[(1, "good"), "low"] == pytest.approx(1.678, abs=1e-3)


def test_many_turns_of_one_conversation_count_as_one_witness():
    conversations = np.concatenate([np.repeat("c00", 100), [f"c{i:02d}" for i in range(1, 31)]])
    codes = np.ones(130, int)
    outcomes = {f"c{i:02d}": "good" if i % 2 == 0 else "bad" for i in range(31)}
    found = outcome_lift(codes, conversations, outcomes, permutations=99)
    assert ((found["high"] - found["low"]) > 0.8).all()  # effective n = 130^2 / (100^2 + 30) = 1.7


def test_a_rare_code_is_not_tested():
    found = outcome_lift(np.array([0, 1]), np.array(["a", "b"]), {"a": "x", "b": "y"}, permutations=9)
    assert found["q"].isna().all() and found["low"].isna().all()


def test_no_known_outcome_gives_an_empty_table():
    assert outcome_lift(np.array([0]), np.array(["a"]), {}).empty


def test_pure_chance_rarely_survives_the_false_discovery_control():
    generator = np.random.default_rng(5)
    conversations = np.repeat([f"c{i:03d}" for i in range(100)], 10)
    outcomes = {f"c{i:03d}": str(generator.integers(2)) for i in range(100)}
    found = outcome_lift(generator.integers(0, 30, 1000), conversations, outcomes, permutations=999)
    assert (found["q"] < 0.05).sum() == 0


def test_transitions_do_not_cross_conversations():
    codes = np.array([0, 1, 0, 1])
    found = transitions(codes, np.array(["a", "a", "b", "b"]), minimum=1)
    assert found[["code", "next", "turns"]].values.tolist() == [[0, 1, 2]]
    assert found["share"].item() == 1.0
    assert 0 < found["low"].item() < 1 and found["high"].item() == pytest.approx(1.0)


def test_transition_shares_of_a_code_sum_to_one():
    generator = np.random.default_rng(0)
    found = transitions(generator.integers(0, 4, 500), np.repeat(np.arange(50).astype(str), 10), minimum=1)
    assert found.groupby("code")["share"].sum().tolist() == pytest.approx([1.0] * 4)
    assert ((found["low"] <= found["share"]) & (found["share"] <= found["high"])).all()


def test_conversations_of_one_turn_have_no_transitions():
    assert transitions(np.array([0, 1]), np.array(["a", "b"])).empty


def test_codes_that_are_acts_agree_fully_and_shuffled_ones_hardly():
    acts = np.array([f"act{i % 4}" for i in range(400)], dtype=object)
    conversations = np.array([f"c{i // 10}" for i in range(400)])
    codes = np.arange(400) % 4
    assert v_measure(codes, acts, conversations).value == pytest.approx(1.0)
    shuffled = np.random.default_rng(0).permutation(codes)
    assert v_measure(shuffled, acts, conversations).value < 0.05


def test_unknown_acts_are_unscored_and_counted():
    acts = np.array(["a", "b", None, "a"], dtype=object)
    found = v_measure(np.array([0, 1, 5, 0]), acts, np.array(["x", "x", "y", "y"]))
    assert (found.value, found.n, found.n_unscored) == (1.0, 3, 1)


def test_no_known_act_gives_nan():
    found = v_measure(np.array([0, 1]), np.array([None, None], dtype=object), np.array(["x", "y"]))
    assert np.isnan(found.value) and found.n_unscored == 2


def test_acts_join_by_conversation_and_turn():
    truth = pd.DataFrame({"conversation_id": ["c0"], "turn": [1], "dialogue_act": ["greet"]})
    assert join_acts(keys(3), truth).tolist() == [None, "greet", None]


def test_exemplars_are_near_and_different():
    texts = np.array(["Hi", "hi ", "hello", "bye"], dtype=object)
    found = exemplars(texts, np.array([0, 0, 0, 1]), np.array([0.1, 0.0, 0.2, 0.0]), each=2)
    assert found == {0: ["hi ", "hello"], 1: ["bye"]}


def test_a_card_says_who_speaks_and_when():
    turns = pd.DataFrame({"conversation_id": ["a"] * 4, "turn": range(4), "speaker": ["agent", "donor", "agent", None]})
    cards = code_cards(turns, np.arange(3), np.array([0, 1, 0, 1]))
    assert cards.loc[0, "said_by_agent"] == 1.0
    assert cards.loc[1, "said_by_donor"] == 1.0  # the turn without a speaker is left out
    assert cards.loc[0, "position"] == pytest.approx(1 / 3)  # places 0 and 2/3
    assert cards.loc[2, "turns"] == 0 and np.isnan(cards.loc[2, "position"])


def test_words_in_the_graph_are_no_markup():
    turns = pd.DataFrame({"conversation_id": ["a"] * 20, "turn": range(20), "speaker": ["agent", "donor"] * 10})
    codes = np.arange(20) % 2
    cards = code_cards(turns, np.arange(2), codes).assign(label=["<script>", "b"])
    figure = draw_transitions(cards, transitions(codes, np.array(["a"] * 20)), "said_by_agent")
    assert "<script>" not in str(figure.to_dict())
