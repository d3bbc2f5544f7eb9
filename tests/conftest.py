"""Fixtures that several rooms need: a home of its own for every test, and the folder of real corpora."""

import os
from pathlib import Path

import pytest


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
