"""A disk that fills up under the runner ends in one line, since not even a failure page can be written."""

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from pipelines import _commands
from pipelines._cli import EXIT_USER_ERROR, main


def failing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def status(options: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_commands, "status", status)


def test_a_full_disk_is_one_line_with_the_remedy(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(errno.ENOSPC, monkeypatch)
    assert main(["status", "demo"]) == EXIT_USER_ERROR
    said = capsys.readouterr().err
    assert said.startswith(f"The disk of {home} is full.") and "COLLOQUY_HOME" in said
    assert said.count("\n") == 1


def test_other_errors_of_the_system_are_not_taken_for_a_full_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(errno.EACCES, monkeypatch)
    with pytest.raises(PermissionError):
        main(["status", "demo"])
