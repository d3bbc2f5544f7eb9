"""Every notebook runs from end to end on the sample, and a second run finds nothing to do."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from pipelines._cli import main
from pipelines._study import load_study
from shared.runs import project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which the study `demo` was run, by the command that the README names where there is make."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLOQUY_HOME", str(home))
        if shutil.which("make"):
            assert subprocess.run(["make", "demo"], cwd=project(), check=False).returncode == 0
        else:
            assert main(["run", "demo"]) == 0
        yield home


def test_every_stage_is_complete_has_a_page_and_recorded_something(home: Path):
    for stage in load_study("demo").stages:
        folder = home / "runs" / "demo" / stage
        assert (folder / "manifest.json").exists(), stage
        assert json.loads((folder / "results.json").read_text()), f"{stage} recorded nothing"
        assert list((home / "reports" / "demo").glob(f"*_{stage}.html")), stage
    assert (home / "reports" / "demo" / "index.html").exists()


def test_a_second_run_finds_nothing_to_do(home: Path, capfd: pytest.CaptureFixture[str]):
    started = time.monotonic()
    assert main(["run", "demo"]) == 0
    assert "Everything is up to date." in capfd.readouterr().out
    assert time.monotonic() - started < 60  # a hang, not a speed test: that is in the benchmarks
