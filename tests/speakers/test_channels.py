import numpy as np
import pandas as pd
import pytest

from shared.data import CONVERSATIONS_SCHEMA, read_transcripts, read_truth
from shared.runs import UserError, project
from shared.speakers import fit_channels, has_channels, label_turns, turn_accuracy
from shared.speakers._channels import fit_mixture, side_differences


def test_the_mixture_finds_both_clouds_without_labels():
    random = np.random.default_rng(0)
    agent = random.random(2000) < 0.6
    # means +0.4 and -0.4, spread 0.3: the log-odds of x are 2 * 0.4 * x / 0.09 + log(0.6 / 0.4)
    differences = np.where(agent, 0.4, -0.4)[:, None] + random.normal(scale=0.3, size=(2000, 1))
    mixture = fit_mixture(differences)
    assert mixture.mean == pytest.approx([0.4], abs=0.03)
    assert mixture.agent_share == pytest.approx(0.6, abs=0.03)
    assert mixture.log_odds(np.array([[0.1]])) == pytest.approx([0.08 / 0.09 + np.log(1.5)], abs=0.25)


def test_a_missing_channel_counts_as_middling_and_two_missing_ones_as_nothing():
    similarities = pd.DataFrame(
        {"letters_agent": [1.0, np.nan, np.nan], "letters_donor": [0.4, 0.9, np.nan]}
        | {"meaning_agent": [0.8, np.nan, np.nan], "meaning_donor": [0.2, 0.8, np.nan]}
    )
    differences = side_differences(similarities)
    # letters: the middle of 1.0, 0.4 and 0.9 is 0.7667
    assert differences[:2, 0] == pytest.approx([0.6, 0.7667 - 0.9], abs=1e-3)
    assert np.isnan(differences[2]).all()


def test_the_same_transcript_on_both_sides_is_refused():
    with pytest.raises(UserError, match="do not tell the sides apart"):
        fit_mixture(np.zeros((5, 2)))


def test_conversations_without_channels_are_refused_with_the_remedy():
    conversations = pd.DataFrame([{"conversation_id": "c"}], columns=CONVERSATIONS_SCHEMA.names)
    assert not has_channels(conversations)
    turns = pd.DataFrame({"conversation_id": ["c"], "text": ["hello"], "speaker": [None]})
    with pytest.raises(UserError, match="No conversation has a channel"):
        fit_channels(turns, conversations)


def test_channels_label_the_sample_without_having_seen_a_label():
    corpus = read_transcripts(project() / "data" / "sample" / "transcripts.csv")
    some = corpus.conversations.head(12)
    turns = corpus.turns[corpus.turns["conversation_id"].isin(some["conversation_id"])].reset_index(drop=True)
    truth = turns.merge(read_truth(project() / "data" / "sample").turns, on=["conversation_id", "turn"])["speaker_y"]
    labels = label_turns(turns, some, fit_channels(turns, some))
    assert turn_accuracy(truth, labels["role"], turns["conversation_id"]).value > 0.93
