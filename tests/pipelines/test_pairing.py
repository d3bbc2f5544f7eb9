"""Pairs: the .py is the truth, content decides, nothing that somebody edited is lost."""

import json
import os

import pytest


@pytest.fixture
def first(toy):
    """One paired notebook."""
    from pipelines._pairing import write_notebook

    path = toy.notebook("010_first", work="print(1)")
    write_notebook(path)
    return path


def edit_ipynb(path, before: str, after: str) -> None:
    """Change the text of the .ipynb beside a .py, as JupyterLab without pairing would."""
    notebook = path.with_suffix(".ipynb")
    notebook.write_text(notebook.read_text().replace(before, after))


def test_the_ipynb_is_the_same_bytes_every_time_and_holds_no_outputs(first, command):
    before = first.with_suffix(".ipynb").read_bytes()
    first.with_suffix(".ipynb").unlink()
    command("pair")
    assert first.with_suffix(".ipynb").read_bytes() == before
    cells = json.loads(before)["cells"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


def test_inserting_a_cell_keeps_the_ids_of_all_others(first, command):
    def ids():
        return [cell["id"] for cell in json.loads(first.with_suffix(".ipynb").read_text())["cells"]]

    before = ids()
    first.write_text(first.read_text().replace("# %%\nprint(1)", "# %%\nprint(0)\n\n# %%\nprint(1)"))
    command("pair")
    assert len(ids()) == len(before) + 1
    assert [identity for identity in ids() if identity in before] == before


def test_an_edited_text_is_shown_with_its_cell_and_the_command_that_mends_it(first, command):
    first.write_text(first.read_text().replace("print(1)", "print(2)"))
    code, text = command("pair", "--check")
    assert code == 2
    assert "-print(2)" in text and "+print(1)" in text
    assert "python -m pipelines pair 010_first" in text
    assert command("pair")[0] == 0
    assert command("pair", "--check")[0] == 0


def test_an_old_text_that_was_edited_wins_over_a_younger_ipynb(first, command):
    first.write_text(first.read_text().replace("print(1)", "print(2)"))
    os.utime(first, (1, 1))  # jupytext --sync would now overwrite the edit
    command("pair")
    assert "print(2)" in first.read_text()
    assert "print(2)" in first.with_suffix(".ipynb").read_text()


def test_an_edit_in_the_ipynb_is_never_overwritten_silently(first, command):
    edit_ipynb(first, "print(1)", "print(3)")
    code, text = command("pair")
    assert code == 2
    assert "the .ipynb was edited" in text and "pair --from-ipynb 010_first" in text
    assert "print(3)" in first.with_suffix(".ipynb").read_text()


def test_an_edit_in_the_ipynb_is_taken_over_on_request(first, command):
    edit_ipynb(first, "print(1)", "print(3)")
    assert command("pair", "--from-ipynb", "first")[0] == 0
    assert "print(3)" in first.read_text()
    assert command("pair", "--check")[0] == 0


def test_an_edit_in_the_ipynb_is_dropped_on_request(first, command):
    edit_ipynb(first, "print(1)", "print(3)")
    assert command("pair", "--from-py", "010_first")[0] == 0
    assert "print(3)" not in first.with_suffix(".ipynb").read_text()


def test_edits_on_both_sides_are_a_conflict(first, command):
    edit_ipynb(first, "print(1)", "print(3)")
    first.write_text(first.read_text().replace("print(1)", "print(2)"))
    code, text = command("pair")
    assert code == 2
    assert "both files were edited" in text
    assert "--from-ipynb 010_first" in text and "--from-py 010_first" in text


def test_outputs_in_the_ipynb_are_untidy_and_removed(first, command):
    notebook = json.loads(first.with_suffix(".ipynb").read_text())
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    code["outputs"], code["execution_count"] = [{"output_type": "stream", "name": "stdout", "text": "1"}], 1
    first.with_suffix(".ipynb").write_text(json.dumps(notebook))
    exit_code, text = command("pair", "--check")
    assert exit_code == 2
    assert "holds outputs" in text
    command("pair")
    assert command("pair", "--check")[0] == 0


def test_saving_in_jupyterlab_writes_both_files_and_is_seen_by_status(toy, first, command):
    from jupytext import TextFileContentsManager

    toy.study("run_version: v1\nstages: {first: {}}")
    command("run", "toy")
    manager = TextFileContentsManager(root_dir=str(toy.root))  # what JupyterLab saves through
    model = manager.get("notebooks/010_first.ipynb")
    cells = model["content"]["cells"]
    next(cell for cell in cells if cell["source"] == "print(1)")["source"] = "print(4)"
    manager.save(model, "notebooks/010_first.ipynb")
    assert "print(4)" in first.read_text()
    assert not first.read_text().startswith("# ---"), "no YAML header"
    _, text = command("status", "toy")
    assert "first          stale" in text
    assert "the notebook's code was edited" in text


def test_an_ipynb_that_was_saved_alone_is_seen_by_status_and_stops_a_run(toy, first, command):
    toy.study("run_version: v1\nstages: {first: {}}")
    edit_ipynb(first, "print(1)", "print(3)")
    _, text = command("status", "toy")
    assert "the .ipynb was edited" in text
    code, text = command("run", "toy")
    assert code == 2
    assert "--from-ipynb 010_first" in text
