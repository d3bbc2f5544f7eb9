"""Every command of the README works.

Quick ones are run here as they stand, on the sample and in a home of their own; slow ones are run by tests marked slow;
the two that start everything are what CI itself calls. A command that nobody runs makes a test fail.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from shared.runs import project, write_json

PYTHON = ".venv/bin/python -m pipelines"
# Commands that are not run here as they stand: the file that runs them, and how.
ELSEWHERE = {
    "make demo": ("tests/notebooks/test_demo.py", '["make", "demo"]'),
    "make test": (".ci/run", "make test"),
    "make lint": (".ci/run", "make lint"),
    "make lab": ("tests/pipelines/test_jupyterlab.py", '"-m", "pipelines", "lab"'),
    "make slow": ("tests/project/test_readme.py", '["test", "--slow"]'),
    "make bench": ("tests/project/test_readme.py", '["bench"]'),
    f"{PYTHON} test": ("tests/project/test_readme.py", '["test"]'),
    f"{PYTHON} run demo": ("tests/notebooks/test_demo.py", '["run", "demo"]'),
    f"{PYTHON} run demo --scheduler tcp://127.0.0.1:8786": ("tests/pipelines/test_ways_in.py", '"--scheduler"'),
}


def text() -> str:
    return (project() / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", text(), flags=re.DOTALL)
    return [re.split(r" +# ", line)[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def runnable(prefix: str) -> list[str]:
    return [command for command in commands() if command.startswith(prefix)]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    line = command.replace(".venv/bin/python", sys.executable).replace(
        ".venv/bin/papermill", f"{sys.executable} -m papermill"
    )
    line = line.replace("notebooks/110_explore.ipynb", str(project() / "notebooks" / "110_explore.ipynb"))
    environment = os.environ | {"COLLOQUY_PROJECT": str(project())}
    return subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def succeeds(command: str, folder: Path) -> str:
    done = run(command, folder)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def recipe(target: str) -> str:
    """What `make <target>` would do once everything is installed."""
    if shutil.which("make") is None:
        pytest.skip("there is no make on this machine")
    # `-o` takes the stamp for new: the installation is not what is looked at.
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "-o", ".venv/.installed", target],
        cwd=project(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


OWN = [command for command in commands() if "path/to/" in command]
QUICK = [
    *runnable(f"{PYTHON} status"), *runnable(f"{PYTHON} check"), *runnable(f"{PYTHON} run demo --task explore"),
]  # fmt: skip
REPORTS = [*runnable(".venv/bin/papermill"), *runnable(f"{PYTHON} report"), *runnable(f"{PYTHON} compare")]
INSTALLING = [*runnable("python -m venv"), *runnable(".venv/bin/python -m pip ")]


def test_no_command_is_forgotten() -> None:
    known = {*QUICK, *REPORTS, *OWN, *INSTALLING, *ELSEWHERE}
    assert set(commands()) <= known, set(commands()) - known
    assert len(QUICK) == 3 and len(REPORTS) == 5 and len(OWN) == 2 and len(INSTALLING) == 3


@pytest.mark.parametrize("command", QUICK)
def test_quick_commands_run_as_they_stand(command: str, tmp_path: Path) -> None:
    succeeds(command, tmp_path)


def test_reports_are_rebuilt_one_can_be_sent_alone_and_one_made_of_a_notebook_run_by_hand(
    tmp_path: Path, home: Path
) -> None:
    succeeds(f"{PYTHON} run demo --task explore", tmp_path)
    for command in REPORTS:
        succeeds(command, tmp_path)
    pages = ["demo/index.html", "demo/110_explore.single.html", "v0.1/110_explore.html", "v0.1/index.html"]
    for page in [*pages, "_compare/demo--v0.1.html"]:
        assert (home / "reports" / page).exists(), page


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder in which the README's study lies beside a file with the columns and speakers that it names."""
    folder = tmp_path / "path" / "to"
    folder.mkdir(parents=True)
    (folder / "calls.yaml").write_text(re.findall(r"```yaml\n(.*?)```", text(), flags=re.DOTALL)[0], encoding="utf-8")
    sample = project() / "data" / "sample"
    spoken = pd.read_csv(sample / "transcripts.csv").head(60)
    said = spoken.assign(utterance=spoken["conversation"].str.split("\n")).explode("utterance")
    said["turn"] = said.groupby("conversation_id").cumcount()
    calls = said.merge(pd.read_csv(sample / "truth_turns.csv"), on=["conversation_id", "turn"])
    calls["party"] = calls["speaker"].map({"agent": "CSR", "donor": "Client"})
    names = {"conversation_id": "ticket", "outcome": "how it ended"}
    calls.rename(columns=names)[["ticket", "utterance", "party", "how it ended"]].to_csv(
        folder / "calls.csv", index=False
    )
    return tmp_path


def test_the_first_look_at_ones_own_file_runs_as_it_stands(own: Path, home: Path) -> None:
    first = next(command for command in OWN if "--task explore" in command)
    succeeds(first, own)
    assert (home / "reports" / "calls" / "110_explore.html").exists()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_whole_study_of_ones_own_file_runs_as_it_stands(own: Path, home: Path) -> None:
    for command in OWN:
        succeeds(command, own)
    assert (home / "reports" / "calls" / "130_classifier.html").exists()


def test_every_make_target_that_readers_are_told_of_does_what_its_python_command_does() -> None:
    assert {"make demo", "make test", "make lab", "make lint", "make bench"} <= set(commands())
    python = {"demo": "run demo", "slow": "test --slow"}
    for command in runnable("make "):
        target = command.split()[1]
        assert recipe(target) == f"{PYTHON} {python.get(target, target)}"


def test_commands_that_are_run_elsewhere_are_run_there() -> None:
    for command, (place, call) in ELSEWHERE.items():
        assert call in (project() / place).read_text(encoding="utf-8"), command


def test_installing_by_hand_is_what_make_does() -> None:
    makefile = (project() / "Makefile").read_text(encoding="utf-8")
    quiet = makefile.replace("--quiet --disable-pip-version-check ", "").replace("$(BIN)", ".venv/bin")
    for command in INSTALLING[1:]:
        assert command in quiet


def test_benchmarks_are_collected_and_one_without_a_figure_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines._cli import main

    monkeypatch.setenv("COLLOQUY_PROJECT", str(home))
    folder = home / "tests" / "benchmarks"
    folder.mkdir(parents=True)
    row = {"name": "toy", "ratio": 2.0, "target": 1.5, "ours": 1.0, "peer": 2.0, "unit": "s"}
    (folder / "bench_toy.py").write_text(f"import json\nprint(json.dumps({row}))\n", encoding="utf-8")
    assert main(["bench"]) == 0
    assert (home / "reports" / "bench.json").read_text() == write_json(home / "expected.json", [row]).read_text()
    (folder / "bench_mute.py").write_text("print('for people only')\n", encoding="utf-8")
    assert main(["bench"]) == 1
    assert "bench_mute.py ended with code 0 and 0 figures" in capsys.readouterr().err


@pytest.mark.timeout(900)  # two whole test runs
def test_slow_tests_are_run_when_asked_for_and_left_out_otherwise(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines._cli import main

    monkeypatch.setenv("COLLOQUY_PROJECT", str(home))
    (home / "tests").mkdir()
    (home / "pyproject.toml").write_text("[tool.pytest.ini_options]\nmarkers = ['slow']\n", encoding="utf-8")
    mark = "from pathlib import Path\nimport pytest\n"
    write = "def test_it():\n    (Path(__file__).parent / '{0}.ran').touch()\n"
    (home / "tests" / "test_quick.py").write_text(mark + write.format("quick"), encoding="utf-8")
    (home / "tests" / "test_slow.py").write_text(mark + "@pytest.mark.slow\n" + write.format("slow"), encoding="utf-8")
    assert main(["test"]) == 0
    assert [path.name for path in (home / "tests").glob("*.ran")] == ["quick.ran"]
    assert main(["test", "--slow"]) == 0
    assert sorted(path.name for path in (home / "tests").glob("*.ran")) == ["quick.ran", "slow.ran"]


def test_every_stage_in_the_table_has_a_notebook_and_every_notebook_is_told_of() -> None:
    named = set(re.findall(r"\| (\d{3}) `(\w+)`", text()))
    there = {tuple(path.stem.split("_", 1)) for path in (project() / "notebooks").glob("[1-9]*.py")}
    assert named == there, named ^ there
