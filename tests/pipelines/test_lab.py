"""The start notebook and what it is made of, without a browser."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbclient
import nbformat
import psutil
import pytest

from pipelines._check import notebook_problems
from pipelines._course import CourseWriter, Word, read_course
from pipelines._pairing import generate
from pipelines._plan import make_plan
from pipelines._study import load_study

START = Path(__file__).resolve().parents[2] / "notebooks" / "000_start.py"


def executed(text: str, folder: Path) -> nbformat.NotebookNode:
    """A notebook after all its cells ran."""
    notebook = generate(text)
    nbclient.NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


def output_of(notebook: nbformat.NotebookNode, call: str) -> str:
    """HTML and text that the cell which calls a function shows."""
    cell = next(c for c in notebook.cells if c.cell_type == "code" and c.source.startswith(call))
    return json.dumps([output.get("data", output.get("text")) for output in cell.outputs], ensure_ascii=False)


@pytest.fixture
def start(toy) -> str:
    """The start notebook's text for a toy study, in a project that holds it."""
    toy.chain()
    toy.notebook("110_explore", work="pass", parameters="corpus: str = 'sample'  # a file")
    text = START.read_text(encoding="utf-8").replace('study: str = "demo"', 'study: str = "toy"')
    (toy.root / "notebooks" / "000_start.py").write_text(text)
    return text


def test_the_start_notebook_asks_runs_and_shows_a_study(toy, start):
    notebook = executed(start, toy.root / "notebooks")
    assert "what comes out?" in output_of(notebook, "show_questions")
    assert "Nothing was run yet." in output_of(notebook, "show_runs")
    run = output_of(notebook, "run_study")
    assert run.count("done") >= 2 and "2 of 2 stages are settled" in run
    assert "reports/v1/index.html" in run
    assert "first" in output_of(notebook, "show_stages")
    assert "corpus" in output_of(notebook, "show_parameters")
    assert toy.runs("v1", "second", "manifest.json").exists()
    assert not toy.runs("v0.1").exists()  # it is no stage, and leaves no run folder of its own


def test_the_start_notebook_keeps_the_contract_of_a_guide(start, toy):
    assert notebook_problems(toy.root / "notebooks" / "000_start.py") == []
    code = (toy.root / "notebooks" / "000_start.py").read_text() + "\n# %%\ndef helper(): ...\n"
    (toy.root / "notebooks" / "000_start.py").write_text(code)
    assert "defines a function" in notebook_problems(toy.root / "notebooks" / "000_start.py")[0]


def test_a_guide_cannot_be_a_stage_of_a_study(toy, start, command):
    toy.study("stages: {start: {}}")
    code, text = command("run", "toy")
    assert code == 2
    assert "there is no notebook of that name" in text


def test_a_failing_study_shows_which_stage_and_raises_what_the_run_said(toy, start):
    toy.notebook("010_first", work="1 / 0", parameters="count: int = 3  # any")
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        executed(start, toy.root / "notebooks")
    words = {course.stage: course.word for course in read_course("v1")}
    assert words == {"first": Word.FAILED, "second": Word.NOT_RUN}


def test_the_state_of_every_run_is_told_with_what_is_not_done(done, capsys):
    from pipelines.lab._runs import run_states

    done.runs("v1", "second", "manifest.json").unlink()
    (done.runs("v2", "first")).mkdir(parents=True)
    done.runs("v2", "first", "failure.json").write_text(json.dumps({"summary": "failed stage: it broke"}))
    latest, other = run_states()
    assert (latest.version, latest.studies, list(latest.states)) == ("v1", ("toy",), ["first", "second"])
    assert [state.status.value for state in latest.states.values()] == ["done", "missing"]
    assert other.states["first"].reasons == ("failed stage: it broke",)


def test_the_course_of_a_run_can_be_read_while_it_runs(toy):
    toy.chain()
    first, _ = steps = make_plan(load_study("toy"))
    writer = CourseWriter("v1", steps)
    assert [course.word for course in read_course("v1")] == [Word.WAITING, Word.WAITING]
    writer.started(first, "missing")
    (toy.runs("v1", "first")).mkdir()
    toy.runs("v1", "first", "progress.jsonl").write_text('{"what": "epochs", "done": 1, "total": 3}\n')
    state = {"pid": 1, "host": "", "cell": 7, "cells": 9, "heading": "Work", "time": 0}
    (toy.runs("v1", ".runner") / "first.running.json").write_text(json.dumps(state))
    running = read_course("v1")[0]
    assert (running.word, running.note) == (Word.RUNNING, "7/9 Work, epochs 1/3")
    assert running.seconds > 0
    writer.ended(first, Word.DONE, "done", 2.5)
    assert (read_course("v1")[0].word, read_course("v1")[0].seconds) == (Word.DONE, 2.5)
    assert read_course("never") == []


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
def test_interrupting_the_cell_ends_the_run_and_leaves_no_process(toy, start):
    toy.notebook("010_first", work="import time\ntime.sleep(300)", parameters="count: int = 3  # any")
    kernel = subprocess.Popen(
        [sys.executable, "-m", "IPython", "-c", "from pipelines.lab import run_study; run_study('toy')"],
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not toy.runs("v1", ".runner", "first.running.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    family = psutil.Process(kernel.pid).children(recursive=True)
    os.killpg(kernel.pid, signal.SIGINT)  # Jupyter interrupts the kernel's whole group
    told, _ = kernel.communicate(timeout=60)
    assert "Interrupted. The next run continues with what is missing." in told
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
