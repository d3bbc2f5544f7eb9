"""The other ways to run a notebook, and the commands as a person types them."""

import json
import os
import subprocess
import sys


def shell(*command: str, cwd) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    return subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False)


def test_plain_papermill_runs_a_notebook_from_any_folder(done, command, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    notebook = os.path.relpath(done.root / "notebooks" / "010_first.ipynb", elsewhere)
    executed = shell("papermill", notebook, "out.ipynb", "-p", "run_version", "v0.1", "-p", "count", "2", cwd=elsewhere)
    assert executed.returncode == 0, executed.stderr
    assert json.loads(done.runs("v0.1", "first", "numbers.json").read_text()) == [0, 1]
    manifest = json.loads(done.runs("v0.1", "first", "manifest.json").read_text())
    assert manifest["parameters"]["count"] == 2


def test_a_run_with_nothing_to_do_imports_no_papermill_no_dask_and_no_jupytext(done):
    code = (
        "import sys; from pipelines._cli import main; assert main(['run', 'toy']) == 0; "
        "print([name for name in ('papermill', 'distributed', 'jupytext', 'nbconvert') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[-1] == "[]"


def test_help_shows_examples_and_exit_codes(toy):
    done = shell("pipelines", "--help", cwd=toy.root)
    assert done.returncode == 0
    assert "--task classifier_train --run-version v0.1" in done.stdout
    assert "3 a stage failed, 4 a kernel was killed" in done.stdout


def test_report_writes_the_pages_again_and_one_file_for_sending(done, command):
    page = done.root / "reports" / "v1" / "010_first.html"
    page.unlink()
    assert command("report", "toy")[0] == 0
    assert page.exists()
    code, _text = command("report", "toy", "--one-file", "first")
    assert code == 0
    assert (page.parent / "010_first.single.html").stat().st_size > 1e6  # plotly is inside


def test_a_scheduler_that_does_not_answer_is_told_plainly(toy, command, monkeypatch):
    from pipelines import _dask

    monkeypatch.setattr(_dask, "_SECONDS_TO_CONNECT", 1)
    toy.chain()
    code, text = command("run", "toy", "--scheduler", "tcp://127.0.0.1:9")
    assert code == 2
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in text


def test_a_running_dask_scheduler_is_joined(toy, command):
    from distributed import LocalCluster

    toy.chain()
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as cluster:
        code, text = command("run", "toy", "--scheduler", cluster.scheduler_address)
    assert code == 0, text
    assert json.loads(toy.runs("v1", "second", "sum.json").read_text()) == 6
    assert "Everything is up to date" in command("run", "toy")[1]
