from pathlib import Path

import pytest

from shared.data import read_persuasion_for_good

DIALOG = """,Unit,Turn,B4,B2
0,Hello,0,0,d1
1,Hi,0,1,d1
2,"Give, please",1,0,d1
3,,1,1,d1
4,Yo,0,7,d2
5,Alone,0,1,d3
"""
INFO = "B2,B3,B4,B6\nd1,ann,0,0.0\nd1,dan,1,0.5\nd2,x,1,lots\nd1,dan,1,0.5\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    dialog, info = tmp_path / "full_dialog.csv", tmp_path / "full_info.csv"
    dialog.write_text(DIALOG)
    info.write_text(INFO)
    return dialog, info


def test_persuader_and_persuadee_become_agent_and_donor(files):
    corpus = read_persuasion_for_good(*files)
    first = corpus.turns[corpus.turns["conversation_id"] == "d1"]
    assert first["speaker"].tolist() == ["agent", "donor", "agent"]
    assert first["author_id"].tolist() == ["ann", "dan", "ann"]
    assert corpus.conversations.loc[0, ["outcome", "agent_id", "donor_id"]].tolist() == ["donated", "ann", "dan"]


def test_three_classes_by_amount(files):
    assert read_persuasion_for_good(*files, outcome="amount").conversations["outcome"].tolist()[0] == "under_a_dollar"


def test_what_is_wrong_is_rejected_under_the_name_of_its_file(files):
    corpus = read_persuasion_for_good(*files)
    assert [(row.file, row.line, row.reason) for row in corpus.rejected] == [
        ("full_info.csv", 4, "amount 'lots' is not a number"),
        ("full_info.csv", 5, "this participant was there before"),
        ("full_dialog.csv", 5, "the text is empty"),
        ("full_dialog.csv", 6, "dialogue 'd2' with role '7'; expected an id and 0 or 1"),
    ]
    assert corpus.rows == 10


def test_a_dialogue_without_participants_is_kept_without_outcome(files):
    alone = read_persuasion_for_good(*files).conversations.set_index("conversation_id").loc["d3"]
    assert alone[["outcome", "donor_id"]].isna().all()


@pytest.mark.real_data
def test_the_published_corpus_is_read_whole(real_data):
    folder = real_data / "persuasion_for_good"
    corpus = read_persuasion_for_good(folder / "full_dialog.csv", folder / "full_info.csv")
    assert (len(corpus.conversations), len(corpus.turns), len(corpus.rejected)) == (1017, 20932, 0)
    assert (corpus.conversations["outcome"] == "donated").sum() == 545  # 1017 less 472 who gave nothing
