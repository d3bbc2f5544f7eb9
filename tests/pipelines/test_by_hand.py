"""A notebook that was executed by hand and saved gets the same report as one that a study executed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


def by_hand(toy, **environment: str) -> Path:
    """The first notebook of the chain, executed by plain papermill as run version `hand`."""
    import os

    target = toy.root / "out.ipynb"
    command = ["papermill", str(toy.root / "notebooks" / "010_first.ipynb"), str(target)]
    subprocess.run(
        [sys.executable, "-m", *command, "-p", "run_version", "hand", "-p", "count", "4"],
        check=True, capture_output=True, cwd=toy.root, env=os.environ | environment,
    )  # fmt: skip
    return target


def shown(page: Path) -> list[str]:
    """The texts of a page without its folded code and its provenance, where the two ways do differ."""
    whole = page.read_text()
    main = whole[whole.index("<main") : whole.index('class="provenance"')]
    folded = re.sub(r'<details class="code">.*?</details>', "", main, flags=re.S)
    return [line.strip() for line in re.sub(r"<[^>]+>", "\n", folded).splitlines() if line.strip()]


@pytest.fixture(scope="module")
def executed(executed_chain, tmp_path_factory) -> str:
    """The saved notebook and its run folder as texts, made once: a kernel takes seconds to start."""
    import shutil

    root = tmp_path_factory.mktemp("hand")
    shutil.copytree(executed_chain, root, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLOQUY_PROJECT", str(root))
        patch.setenv("COLLOQUY_HOME", str(root))
        by_hand(type("Place", (), {"root": root}), JPY_SESSION_NAME="010_first.ipynb")
    return str(root)


@pytest.fixture
def hand(done, executed) -> Path:
    """The saved notebook, in a project of this test's own."""
    import shutil

    shutil.copytree(Path(executed) / "runs" / "hand", done.runs("hand"))
    return Path(shutil.copy(Path(executed) / "out.ipynb", done.root))


def changed(notebook: Path, change) -> None:
    """Change the saved notebook as somebody might in JupyterLab."""
    content = json.loads(notebook.read_text())
    change([cell for cell in content["cells"] if cell["cell_type"] == "code"])
    notebook.write_text(json.dumps(content))


def test_its_report_shows_what_the_report_of_the_study_shows(done, hand, command):
    code, text = command("report", str(hand))
    page = done.root / "reports" / "hand" / "010_first.html"
    assert (code, str(page) in text) == (0, True)
    assert "The answer is 4." in shown(page)
    assert shown(page) == shown(done.root / "reports" / "v1" / "010_first.html")
    assert "010_first.html" in (page.parent / "index.html").read_text()


def test_the_hint_for_the_person_at_the_keyboard_stays_out_of_the_report(done, hand, command):
    assert "python -m pipelines report notebooks/010_first.ipynb" in hand.read_text()
    command("report", str(hand))
    assert "For its report" not in (done.root / "reports" / "hand" / "010_first.html").read_text()


def edit(cells) -> None:
    cells[-3]["source"] = ["record('answer', 99)"]


def forget(cells) -> None:
    cells[-3]["execution_count"] = None


def swap(cells) -> None:
    cells[-3]["execution_count"], cells[-2]["execution_count"] = (
        cells[-2]["execution_count"],
        cells[-3]["execution_count"],
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [(edit, "edited after it was executed"), (forget, "was not executed"), (swap, "executed before a cell above it")],
)
def test_a_notebook_that_does_not_show_the_run_is_refused_with_the_remedy(done, hand, command, change, reason):
    changed(hand, change)
    code, text = command("report", str(hand))
    assert code == 2
    assert reason in text and "Restart the kernel, run all cells, save the notebook" in text
    assert not (done.root / "reports" / "hand").exists()


def test_a_notebook_whose_run_was_not_finished_is_refused(done, hand, command):
    done.runs("hand", "first", "manifest.json").unlink()
    assert "holds no finished run: run the notebook to its last cell" in command("report", str(hand))[1]


def test_a_stage_that_a_study_executed_keeps_its_report(done, hand, command):
    manifest = json.loads(done.runs("v1", "first", "manifest.json").read_text())
    done.runs("hand", "first", "manifest.json").write_text(json.dumps(manifest))
    assert "was executed by a study; its report is" in command("report", str(hand))[1]


def test_saving_in_jupyterlab_asks_for_the_report_once(done, hand, command):
    from pipelines._by_hand import awaits_report

    assert awaits_report(hand)
    command("report", str(hand))
    assert not awaits_report(hand)
    assert not awaits_report(done.root / "notebooks" / "020_second.ipynb")  # it was not run by hand


def test_the_pages_of_a_run_version_are_written_again_by_its_name(done, hand, command):
    command("report", str(hand))
    page = done.root / "reports" / "hand" / "010_first.html"
    page.unlink()
    assert command("report", "hand")[0] == 0
    assert page.exists()
    assert "There is no study 'nothing'" in command("report", "nothing")[1]


def test_status_says_that_a_study_did_not_execute_it(done, hand, command):
    _, text = command("status", "toy", "--run-version", "hand")
    assert "it was executed by hand" in text


def test_a_progress_bar_which_would_stand_still_for_ever_is_left_out(hand, command):
    bar = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "turns:   0%| | 0/40"}
    shown_in_lab = {"output_type": "display_data", "data": bar, "metadata": {}}
    changed(hand, lambda cells: cells[-1]["outputs"].append(shown_in_lab))
    assert command("report", str(hand))[0] == 0
    assert "0/40" not in (hand.parent / "reports" / "hand" / "010_first.html").read_text()
