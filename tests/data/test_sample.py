import filecmp

import numpy as np
import pytest

from shared.data import make_sample, read_transcripts, read_truth, write_sample
from shared.runs import UserError, project

FILES = ["transcripts.csv", "truth_turns.csv", "truth_conversations.csv", "truth_authors.csv"]
SAMPLE = project() / "data" / "sample"


def test_the_committed_sample_is_what_the_generator_writes(tmp_path):
    write_sample(make_sample(), tmp_path)
    assert filecmp.cmpfiles(SAMPLE, tmp_path, FILES, shallow=False) == (FILES, [], [])


def test_another_seed_gives_other_calls():
    small = [make_sample(20, 5, 2, seed=seed).transcripts["conversation"].tolist() for seed in (1, 1, 2)]
    assert small[0] == small[1] != small[2]


def test_every_turn_of_the_sample_has_its_truth():
    turns, truth = read_transcripts(SAMPLE / "transcripts.csv").turns, read_truth(SAMPLE).turns
    keys = ["conversation_id", "turn"]
    assert turns[keys].values.tolist() == truth[keys].values.tolist()


def test_cues_are_said_and_drive_the_outcome_while_decoys_do_not():
    from shared.data._sample_words import CUES, DECOYS

    sample = make_sample()
    texts, outcomes = sample.transcripts["conversation"].str.lower(), sample.transcripts["outcome"]
    said = sample.conversations["cues"].str.split()
    assert all(cue in text for cues, text in zip(said, texts, strict=True) for cue in cues)
    for outcome, words in CUES.items():
        has = said.map(lambda cues, words=words: any(cue in words for cue in cues))
        assert (outcomes[has] == outcome).mean() > (outcomes[~has] == outcome).mean() + 0.2
    shares = [(outcomes[texts.str.contains(decoy)] == "donated").mean() for decoy in DECOYS]
    assert np.std(shares) < 0.1


def test_a_missing_truth_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"truth_turns\.csv, truth_conversations\.csv, truth_authors\.csv is missing"):
        read_truth(tmp_path)
