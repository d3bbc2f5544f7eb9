import numpy as np
import pandas as pd
import pytest

from shared.data import CONVERSATIONS_SCHEMA, TURNS_SCHEMA
from shared.models import FineTuning
from shared.runs import UserError
from shared.speakers import SpeakerModel, dialogues, fit_speaker_model, label_turns
from shared.speakers._pairs import PAIR_LABELS, _pair_evidence, turn_pairs

SAID = [
    ("agent", "Would you like to give?"),
    ("donor", "I am not sure."),
    ("agent", "Any gift helps."),
    ("donor", "Fine."),
]


def turns_of(names: str) -> pd.DataFrame:
    rows = [(name, turn, *said) for name in names for turn, said in enumerate(SAID)]
    return pd.DataFrame(rows, columns=["conversation_id", "turn", "speaker", "text"]).reindex(
        columns=TURNS_SCHEMA.names
    )


def test_pairs_name_both_roles_and_unknown_ones_teach_nothing():
    pairs = turn_pairs(dialogues(turns_of("x")))
    assert pairs.labels == ["start>agent", "agent>donor", "donor>agent", "agent>donor"]
    assert (pairs.texts[:2], pairs.pairs[:2]) == (["", SAID[0][1]], [SAID[0][1], SAID[1][1]])
    holed = turns_of("x")
    holed.loc[1, "speaker"] = None
    assert turn_pairs(dialogues(holed)).labels == ["start>agent", "agent>donor"]


def test_of_long_turns_the_words_next_to_the_border_are_read():
    # thirty words a side: a tokenizer would cut off the end of the first turn, which says whether it was finished
    first, second = ([f"{side}{number}" for number in range(30)] for side in "ab")
    long = turns_of("x").iloc[:2].assign(text=[" ".join(first), " ".join(second)])
    pairs = turn_pairs(dialogues(long))
    assert (pairs.texts[1], pairs.pairs[1]) == (" ".join(first[-24:]), " ".join(second[:24]))


def test_pair_probabilities_become_log_odds():
    # first turn: start>agent 0.8; second: agent>agent 0.1, agent>donor 0.6, donor>agent 0.2, donor>donor 0.1
    pairs = np.array([[[1e-6, 1e-6], [1e-6, 1e-6], [0.8, 0.2]], [[0.1, 0.6], [0.2, 0.1], [1e-6, 1e-6]]])
    evidence = _pair_evidence(pairs, np.array([0.5]), np.array([1.0, 2.0]))
    assert evidence.turns[:, 0].tolist() == [1.0, 2.0]
    assert evidence.turns[:, 1] == pytest.approx([np.log(0.8 / 0.2), np.log(0.3 / 0.7)], abs=1e-3)
    assert evidence.turns[0, 2] == pytest.approx(np.log(0.7 / 0.3), abs=1e-3)  # what the second pair says of the first
    assert np.isnan(evidence.turns[1, 2])
    assert evidence.steps[0] == pytest.approx([np.log(0.2 / 0.8), 0.5], abs=1e-3)


def test_a_model_learns_saves_and_loads_to_the_same_labels(tmp_path):
    settings = FineTuning(epochs=1, batch_size=8, max_tokens=16)
    model = fit_speaker_model(
        turns_of("abcdefgh"), turns_of("ij"), settings, tmp_path / "w", drop_most=2, split_share=0.2
    )
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    conversations = pd.DataFrame([{"conversation_id": "z"}], columns=CONVERSATIONS_SCHEMA.names)
    labels = label_turns(turns_of("z"), conversations, model)
    assert labels["role"].tolist() == ["agent", "donor", "agent", "donor"]
    again = label_turns(turns_of("z"), conversations, SpeakerModel.load(tmp_path / "model"))
    assert again["confidence"].to_numpy() == pytest.approx(labels["confidence"].to_numpy(), abs=1e-3)
    assert model.pairs.labels == PAIR_LABELS


def test_without_known_speakers_nothing_is_trained(tmp_path):
    unknown = turns_of("a").assign(speaker=None)
    with pytest.raises(UserError, match="No speaker is known in the training conversations"):
        fit_speaker_model(unknown, turns_of("b"), FineTuning(), tmp_path, drop_most=0, split_share=0)


def test_a_folder_without_a_model_says_what_is_missing(tmp_path):
    with pytest.raises(UserError, match=r"pairs, continuation\.json, words\.json, chain\.json is missing"):
        SpeakerModel.load(tmp_path)
