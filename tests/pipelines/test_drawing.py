"""A page that cannot be drawn must not end a run whose results are sound."""

import subprocess
import sys

from pipelines import _report


def broken(*_: object, **__: object) -> None:
    raise KeyError("<layout>")


def test_the_run_goes_on_and_says_so_and_the_page_shows_why(toy, command, monkeypatch):
    toy.chain()
    whole = _report.stage_page
    monkeypatch.setattr(
        _report,
        "stage_page",
        lambda folder, page, **o: (broken if folder.name == "first" else whole)(folder, page, **o),
    )
    code, text = command("run", "toy", "--jobs", "1")
    assert code == 3
    assert "[2/2] second       done" in text
    assert "v1/first: the page could not be drawn (KeyError: '<layout>'). The results themselves are complete." in text
    page = (toy.root / "reports" / "v1" / "010_first.html").read_text()
    assert "010_first could not be drawn" in page and "KeyError: &#x27;&lt;layout&gt;&#x27;" in page
    assert str(toy.root) not in page
    assert toy.runs("v1", "first", "manifest.json").exists()
    assert "first          done" in command("status", "toy")[1]

    monkeypatch.setattr(_report, "stage_page", whole)
    assert command("report", "toy")[0] == 0
    assert "The answer is" in (toy.root / "reports" / "v1" / "010_first.html").read_text()


def test_an_index_that_cannot_be_drawn_is_told_too(done, command, monkeypatch):
    monkeypatch.setattr(_report, "index_page", broken)
    code, text = command("report", "toy")
    assert code == 3
    assert "v1/index: the page could not be drawn" in text


def test_a_reader_that_has_enough_ends_a_command_quietly(done):
    status = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "status", "toy"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert status.stdout is not None and status.stderr is not None
    status.stdout.close()  # as `| head` does
    assert status.stderr.read() == b""
    assert status.wait() == 141
