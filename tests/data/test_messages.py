from pathlib import Path

import pytest

from shared.data import read_messages
from shared.runs import UserError


def written(folder: Path, content: bytes) -> Path:
    (folder / "messages.csv").write_bytes(content)
    return folder / "messages.csv"


def test_one_column_is_read_in_order_and_empty_messages_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, b'id,said\n1, hello \n2,\n3,"a, b"\n')
    assert read_messages(path, "said") == ["hello", "a, b"]


def test_a_missing_column_is_told_with_those_found(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"column 'message' is missing\. Found: id, said"):
        read_messages(written(tmp_path, b"id,said\n1,hello\n"))


def test_a_file_in_another_encoding_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"messages\.csv, line 3: .*UTF-8"):
        read_messages(written(tmp_path, "message\nhello\ncafé\n".encode("cp1252")))
