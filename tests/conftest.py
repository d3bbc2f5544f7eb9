"""Fixtures that several rooms need: a home of its own for every test, and the folder of real corpora."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.runs import project


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`runs/` and `reports/` of every test live in its own temporary folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("COLLOQUY_HOME", str(folder))
    return folder


@pytest.fixture
def real_data() -> Path:
    """The folder of real corpora; the test is skipped where there is none."""
    named = os.environ.get("COLLOQUY_DATA")
    if not named:
        pytest.skip("COLLOQUY_DATA does not name the folder of real corpora")
    return Path(named)


@pytest.fixture
def run_notebook(tmp_path: Path) -> Callable[[str, Mapping[str, Any]], None]:
    """Run a notebook of the project with some parameters by plain papermill; where it fails, so does the test."""

    def run(name: str, given: Mapping[str, Any]) -> None:
        named = [part for parameter, value in given.items() for part in ("-p", parameter, str(value))]
        notebook = project() / "notebooks" / f"{name}.ipynb"
        command = [sys.executable, "-m", "papermill", str(notebook), str(tmp_path / "out.ipynb"), *named]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-3000:]

    return run
