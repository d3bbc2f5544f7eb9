"""Every command of the README works. The quick ones are run as they stand, on the sample and in a home of their own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.runs import project


def commands() -> list[str]:
    text = (project() / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def runnable(prefix: str) -> list[str]:
    return [command for command in commands() if command.startswith(prefix)]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    line = command.replace(".venv/bin/python", sys.executable).replace(
        ".venv/bin/papermill", f"{sys.executable} -m papermill"
    )
    line = line.replace("notebooks/110_explore.ipynb", str(project() / "notebooks" / "110_explore.ipynb"))
    environment = os.environ | {"COLLOQUY_PROJECT": str(project())}
    return subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_every_make_target_that_readers_are_told_of_exists() -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make on this machine")
    targets = runnable("make ")
    assert {"make demo", "make test", "make lab", "make lint", "make bench"} <= set(targets)
    for command in targets:
        done = subprocess.run(
            [*command.split(), "--dry-run"], cwd=project(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


QUICK = [
    c
    for c in commands()
    if "pipelines status" in c or "pipelines check" in c or "--task explore" in c or "papermill" in c
]


@pytest.mark.parametrize("command", QUICK)
def test_quick_commands_run_as_they_stand(command: str, tmp_path: Path) -> None:
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_reports_are_rebuilt_and_one_can_be_sent_alone(tmp_path: Path, home: Path) -> None:
    run(".venv/bin/python -m pipelines run demo --task explore", tmp_path)
    for command in runnable(".venv/bin/python -m pipelines report"):
        done = run(command, tmp_path)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (home / "reports" / "demo" / "index.html").exists()


def test_every_stage_in_the_table_has_a_notebook() -> None:
    named = set(re.findall(r"\| (\d{3}) `(\w+)`", (project() / "README.md").read_text(encoding="utf-8")))
    there = {tuple(path.stem.split("_", 1)) for path in (project() / "notebooks").glob("*.py")}
    assert named <= there, named - there
