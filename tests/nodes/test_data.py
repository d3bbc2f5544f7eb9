from pathlib import Path

import pytest

from shared.models import FineTuning, Task, read_task
from shared.nodes import counts_by_label, read_labelled_csv
from shared.runs import UserError

COLUMNS = {"message": "message", "label": "category", "confidence": "confidence"}
TASK = Task("greeting", "single", COLUMNS, {"hello": "", "bye": ""}, 2, 4, FineTuning())


def csv_of(folder: Path, *rows: str) -> Path:
    path = folder / "labelled.csv"
    path.write_text("\n".join(["message,category,confidence", *rows]) + "\n", encoding="utf-8")
    return path


def test_complete_rows_are_read_and_the_others_counted(tmp_path: Path) -> None:
    rows = read_labelled_csv(csv_of(tmp_path, "Hi,hello,0.9", "Ciao,bye,", ",hello,1", "Hm,,1"), TASK)
    assert rows[["message", "label"]].to_numpy().tolist() == [["Hi", "hello"], ["Ciao", "bye"]]
    assert rows.attrs["left_out"] == 2


def test_an_unknown_label_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown label\(s\) helo\. Did you mean hello\? .* has hello, bye"):
        read_labelled_csv(csv_of(tmp_path, "Hi,helo,1"), TASK)


def test_a_label_may_be_written_in_capitals_or_as_the_task_allows(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("message,is_worthy,score\nI am a nurse,1,0.9\nhi,False,0.2\nI sing,WORTHY,0.8\n")
    assert read_labelled_csv(path, read_task("worthiness"))["label"].tolist() == ["worthy", "not_worthy", "worthy"]


def test_a_class_without_a_message_cannot_be_learned(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no message has the label bye"):
        counts_by_label(read_labelled_csv(csv_of(tmp_path, "Hi,hello,1"), TASK), TASK)


def test_counts_stand_beside_what_is_needed(tmp_path: Path) -> None:
    rows = read_labelled_csv(csv_of(tmp_path, *["Hi,hello,1"] * 4, "Bye,bye,1"), TASK)
    table = counts_by_label(rows, TASK).set_index("label")
    assert table["verdict"].to_dict() == {"hello": "enough", "bye": "below minimum"}


def test_a_message_of_ten_thousand_characters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a message has 10,000 characters"):
        read_labelled_csv(csv_of(tmp_path, f"{'x' * 10_000},hello,1"), TASK)


def test_a_file_that_is_not_utf8_says_how_to_convert_it(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_bytes("message,category,confidence\ncafé,hello,1\n".encode("cp1252"))
    with pytest.raises(UserError, match="line 2 is not UTF-8"):
        read_labelled_csv(path, TASK)


def test_a_missing_column_is_named_with_those_found(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("text,category\nHi,hello\n")
    with pytest.raises(UserError, match=r"column 'message' is missing\. Found: text, category"):
        read_labelled_csv(path, TASK)


@pytest.mark.parametrize("name", ["intent", "context", "worthiness", "emotion", "goemotions", "valence", "banking77"])
def test_every_task_of_the_project_is_complete(name: str) -> None:
    task = read_task(name)
    assert task.name == name and task.minimum <= task.recommended


def test_a_task_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(UserError, match=r"Known: .*intent"):
        read_task("intnt")
