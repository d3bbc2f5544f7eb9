import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shared.data import CONVERSATIONS_SCHEMA, TURNS_SCHEMA
from shared.runs import UserError
from shared.speakers import (
    ChainWeights,
    Evidence,
    compare_labels,
    conversation_accuracy,
    dialogues,
    floor_roles,
    label_turns,
    labelled_turns,
    readable_transcripts,
    repair_diarisation,
    shares_above,
    spaced,
    teaching_turns,
    true_speakers,
    turn_accuracy,
    word_errors,
)


def table(rows: list[tuple[str, str | None, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["conversation_id", "speaker", "text"])
    frame["turn"] = frame.groupby("conversation_id").cumcount().astype("int32")
    return frame.reindex(columns=TURNS_SCHEMA.names)


PEOPLE = pd.DataFrame(
    [{"conversation_id": "c", "source": "test", "agent_id": "ann", "donor_id": "dan"}],
    columns=CONVERSATIONS_SCHEMA.names,
)


class Oracle:
    """Knows that whoever says 'we' is the agent."""

    weights = ChainWeights(np.ones(1), np.empty(0), 0.0)

    def evidence(self, turns, conversations):
        return [
            Evidence(
                np.array([[4.0 if "we" in text.split() else -4.0] for text in d.texts]), np.empty((len(d.texts) - 1, 0))
            )
            for d in dialogues(turns)
        ]


TURNS = table([("c", None, "we ask"), ("c", None, "I see"), ("c", "agent", "who knows")])


def test_labels_align_with_turns_and_known_speakers_stay():
    labels = label_turns(TURNS, PEOPLE, Oracle())
    assert labels["role"].tolist() == ["agent", "donor", "donor"]
    done = labelled_turns(TURNS, PEOPLE, labels, threshold=0.9)
    assert done["speaker"].tolist() == ["agent", "donor", "agent"]
    assert done["speaker_confidence"].tolist()[2] == 1.0
    assert done["author_id"].tolist() == ["ann", "dan", "ann"]
    pa.Table.from_pandas(done, schema=TURNS_SCHEMA, preserve_index=False)


def test_below_the_threshold_nobody_is_named():
    # log-odds of 4 are a posterior of 0.982
    done = labelled_turns(TURNS, PEOPLE, label_turns(TURNS, PEOPLE, Oracle()), threshold=0.99)
    assert done["speaker"].isna().tolist() == [True, True, False]
    assert done["speaker_confidence"].tolist()[:2] == pytest.approx([0.982, 0.982], abs=1e-3)
    assert done["author_id"].isna().tolist() == [True, True, False]


def test_a_threshold_below_one_half_is_refused():
    with pytest.raises(UserError, match=r"threshold must be in \[0.5, 1\)"):
        labelled_turns(TURNS, PEOPLE, label_turns(TURNS, PEOPLE, Oracle()), threshold=0.3)


def test_readable_transcripts_merge_only_known_neighbours():
    turns = table([("c", "agent", "One."), ("c", "agent", "Two."), ("c", None, "Hm."), ("c", None, "<b>Hm</b>")])
    readable = readable_transcripts(turns.assign(speaker_confidence=[0.9, 0.7, 0.5, 0.5]))
    assert readable["text"].tolist() == ["One. Two.", "Hm.", "<b>Hm</b>"]
    assert readable["role"].tolist() == ["Agent", "unknown", "unknown"]
    assert readable["confidence"].tolist() == [0.7, 0.5, 0.5]
    assert readable[["first_turn", "last_turn"]].values.tolist() == [[0, 1], [2, 2], [3, 3]]


def test_a_conversation_is_the_right_way_round_if_most_of_its_turns_are():
    truth = pd.Series(["agent", "donor", "agent"] * 2)
    given = pd.Series(["agent", "donor", "donor", "donor", "agent", "agent"])
    ids = pd.Series(["x"] * 3 + ["y"] * 3)
    assert turn_accuracy(truth, given, ids).value == pytest.approx(3 / 6)  # x: 2 of 3, y: 1 of 3
    whole = conversation_accuracy(truth, given, ids)
    assert (whole.value, whole.n) == (0.5, 2)


def test_abstentions_are_unscored_and_counted():
    truth, ids = pd.Series(["agent", "donor"]), pd.Series(["x", "y"])
    given = pd.Series(["agent", None], dtype="str")
    assert turn_accuracy(truth, given, ids)[2:] == (1, 1)
    assert conversation_accuracy(truth, given, ids)[2:] == (1, 1)


def test_nothing_known_is_not_scored_rather_than_wrong():
    empty = pd.Series([], dtype="str")
    compared = compare_labels(empty, {"m": empty}, empty)
    assert compared["turns"].isna().all()
    assert compared["n_turns"].tolist() == [0]


def test_words_without_a_speaker_count_as_errors():
    assert word_errors(["agent", "donor", "donor"], ["agent", "agent", None]).tolist() == [0, 1, 1]


def test_relabelling_repairs_swaps_and_merges():
    turns = table(
        [("c", "agent", "Now we ask."), ("c", "donor", "I see."), ("c", "agent", "So we do."), ("c", "donor", "No.")]
    )
    repair = repair_diarisation(turns, turns, PEOPLE, Oracle(), swap_share=1.0, merge_share=0.0)
    assert (repair.before.value, repair.after.value) == (1.0, 0.0)
    merged = repair_diarisation(turns, turns, PEOPLE, Oracle(), swap_share=0.0, merge_share=1.0)
    assert merged.before.value == pytest.approx(3 / 9)  # all 9 words labelled agent, 3 are the donor's
    assert merged.after.value == 0.0


def test_shares_above_a_threshold():
    shares = shares_above([0.5, 0.9], pd.Series([0.6, 0.95, 0.99]), pd.Series([0.0, 1.0, np.nan]))
    assert shares["labelled"].tolist() == [1.0, 0.5]
    assert shares["accuracy"].tolist() == [0.5, 1.0]


def test_given_speakers_teach_before_found_ones():
    labels = pd.DataFrame({"role": ["donor", "donor", "donor"]})
    assert teaching_turns(TURNS, labels)["speaker"].tolist() == ["donor", "donor", "agent"]
    assert teaching_turns(TURNS, None) is TURNS


def test_planted_truth_fills_what_the_corpus_does_not_say():
    planted = pd.DataFrame({"conversation_id": "c", "turn": [1, 0, 2], "speaker": ["donor", "agent", "donor"]})
    assert true_speakers(TURNS, planted).tolist() == ["agent", "donor", "agent"]
    assert true_speakers(TURNS, None).isna().tolist() == [True, True, False]


def test_spaced_takes_all_or_evenly():
    ids = pd.Series(list("abcde"))
    assert spaced(ids, 0).tolist() == list("abcde")
    assert spaced(ids, 3).tolist() == ["a", "c", "e"]


def test_floors_know_the_position_and_the_words():
    lessons = table(
        [(str(i), s, t) for i in range(8) for s, t in (("agent", "please give money"), ("donor", "no thanks bye"))]
    )
    test = table([("x", None, "no thanks"), ("x", None, "give money")])
    floors = floor_roles(lessons, test)
    assert floors["sides take turns"].tolist() == ["agent", "donor"]
    assert floors["words of the turn"].tolist() == ["donor", "agent"]
    assert floors["words, one stay probability"].tolist() == ["donor", "agent"]
