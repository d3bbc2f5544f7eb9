import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from shared.runs import Run, UserError, begin, read_manifest, record, rounded, say, stage_numbers

NOTEBOOK = """# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read
seed: int = 0  # any integer
corpus: str = ""  # file
"""


@pytest.fixture(autouse=True)
def toy_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "notebooks").mkdir(parents=True)
    for name in ("110_first", "120_second", "130_third"):
        (folder / "notebooks" / f"{name}.py").write_text(NOTEBOOK, encoding="utf-8")
    (folder / "pyproject.toml").write_text('[project]\ndependencies = ["numpy>=2"]\n', encoding="utf-8")
    monkeypatch.setenv("COLLOQUY_PROJECT", str(folder))
    return folder


def opened(stage: str, **values: Any) -> Run:
    return begin(stage, {"run_version": "v1", "upstream": [], "seed": 0, "corpus": ""} | values)


def finished(stage: str, table: str, number: int, **values: Any) -> None:
    run = opened(stage, **values)
    run.write_table(table, pd.DataFrame({"number": [number]}))
    run.finish()


def test_a_stage_is_complete_only_after_finish(home: Path) -> None:
    run = opened("first")
    run.write_json("a.json", {"x": float("nan")})
    assert read_manifest(run.folder) is None
    record("accuracy", 0.5, n=4, interval=(0.1, 0.9))
    run.finish()
    manifest = read_manifest(run.folder)
    assert manifest is not None
    assert [output["path"] for output in manifest["outputs"]] == ["a.json"]
    assert json.loads((run.folder / "a.json").read_text()) == {"x": None}
    assert json.loads((run.folder / "results.json").read_text()) == [
        {"name": "accuracy", "value": 0.5, "unit": "", "n": 4, "interval": [0.1, 0.9]}
    ]


def test_beginning_again_makes_the_stage_incomplete_and_finish_sweeps_what_was_not_rewritten() -> None:
    run = opened("first")
    run.write_text("old.txt", "x")
    run.finish()
    again = opened("first")
    assert read_manifest(again.folder) is None
    again.write_text("new.txt", "y")
    again.finish()
    assert not (again.folder / "old.txt").exists()


def test_a_table_comes_from_the_newest_upstream_stage_that_wrote_it() -> None:
    finished("first", "turns", 1)
    finished("second", "turns", 2)
    assert opened("third").table("turns")["number"].tolist() == [2]
    assert opened("third", upstream=["first"]).table("turns")["number"].tolist() == [1]


def test_an_incomplete_stage_is_not_read() -> None:
    finished("first", "turns", 1)
    opened("second").write_table("turns", pd.DataFrame({"number": [2]}))
    assert opened("third").table("turns")["number"].tolist() == [1]


def test_what_a_declared_stage_read_may_be_read_too() -> None:
    finished("first", "conversations", 1)
    finished("second", "turns", 2, upstream=["first"])
    assert opened("third", upstream=["second"]).table("conversations")["number"].tolist() == [1]


def test_a_combination_of_a_grid_reads_stages_of_the_version_above_it() -> None:
    finished("first", "turns", 1)
    assert opened("second", run_version="v1/grid/seed=1").table("turns")["number"].tolist() == [1]


def test_a_missing_table_and_an_incomplete_upstream_name_the_remedy() -> None:
    with pytest.raises(UserError, match=r"no earlier stage of run 'v1' wrote turns.parquet"):
        opened("third").table("turns")
    with pytest.raises(UserError, match="upstream stage 'first' of run 'v1' is not complete"):
        opened("third", upstream=["first"]).table("turns")


def test_a_misspelt_parameter_that_papermill_injected_is_refused() -> None:
    with pytest.raises(UserError, match="Did you mean 'corpus'"):
        opened("first", corpsu="x.csv")


def test_wrong_types_are_refused_all_at_once() -> None:
    with pytest.raises(UserError, match="2 problem"):
        opened("first", seed="zero", upstream="first")


def test_an_input_is_remembered_as_it_was_written_not_as_it_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "corpus.csv").write_text("a\n", encoding="utf-8")
    monkeypatch.setenv("COLLOQUY_DATA", str(tmp_path))
    run = opened("first")
    assert run.input("${COLLOQUY_DATA}/corpus.csv") == tmp_path / "corpus.csv"
    run.finish()
    manifest = read_manifest(run.folder)
    assert manifest is not None
    assert manifest["inputs"][0]["path"] == "${COLLOQUY_DATA}/corpus.csv"


def test_asking_for_a_file_counts_as_an_input_whether_it_is_there_or_not() -> None:
    finished("first", "turns", 1)
    run = opened("second")
    assert run.has("turns.parquet")
    assert not run.has("truth.parquet")
    run.finish()
    manifest = read_manifest(run.folder)
    assert manifest is not None
    there, absent = manifest["inputs"]
    assert (there["stage"], there["name"]) == ("first", "turns.parquet")
    assert absent == {"path": "truth.parquet", "stage": None, "name": "truth.parquet", "digest": None}


def test_guides_are_not_stages(toy_project: Path) -> None:
    (toy_project / "notebooks" / "000_start.py").write_text(NOTEBOOK, encoding="utf-8")
    assert list(stage_numbers()) == ["first", "second", "third"]


def test_executing_by_hand_forgets_what_an_earlier_execution_showed() -> None:
    run = opened("first")
    run.finish()
    for name in ("notebook.ipynb", "failure.json"):
        (run.folder / name).write_text("{}", encoding="utf-8")
    again = opened("first")
    assert [path.name for path in again.folder.iterdir()] == ["results.json"]


@pytest.mark.parametrize("text", ["", "${NOT_SET_ANYWHERE}/x.csv", "no/such/file.csv"])
def test_an_input_that_cannot_be_read_is_one_clear_error(text: str) -> None:
    with pytest.raises(UserError):
        opened("first").input(text)


def test_checkpoints_survive_a_kill_and_are_keyed_by_parameters() -> None:
    run = opened("first")
    (run.checkpoints / "step.txt").write_text("7")
    assert (opened("first").checkpoints / "step.txt").exists()
    assert not (opened("first", seed=1).checkpoints / "step.txt").exists()
    run.finish()
    assert not (run.folder / "checkpoints").exists()


def test_a_folder_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    run = opened("first")
    with run.new_folder("model") as folder:
        (folder / "weights").write_text("old")
    with pytest.raises(RuntimeError), run.new_folder("model") as folder:
        (folder / "weights").write_text("new")
        raise RuntimeError
    assert (run.folder / "model" / "weights").read_text() == "old"
    assert [p.name for p in run.folder.iterdir() if p.name.startswith(".partial-")] == []


def test_say_prints_recorded_values_with_interval_and_escapes_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("IPython.display.display", lambda markdown: shown.append(markdown.data))
    opened("first")
    record("accuracy", 0.931, n=203, interval=(0.9, 0.95))
    record("best", "<script>alert(1)</script>")
    record("missing", float("nan"))
    say("{accuracy} | {accuracy:.0%} | {best} | {missing}")
    assert shown == [
        "0.931 (95 % interval 0.900 to 0.950, n = 203) | 93% | &lt;script&gt;alert(1)&lt;/script&gt; | not scored"
    ]
    say("{accuracy:share} | {missing:share} | {missing:.0%}")
    assert shown[1] == "93.1 % (95 % interval 90.0 to 95.0, n = 203) | not scored | not scored"
    with pytest.raises(UserError, match="'floor' was not recorded"):
        say("{floor}")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"), (1.0, "1"), (7292.0, "7,292"), (0.9314, "0.931"), (-0.0004, "-0.0004"), (4.8801, "4.88"),
        (20.256, "20.3"), (138.477, "138.5"), (1234.56, "1,235"), (9.9e9 + 0.5, "9.9e+09"), (float("nan"), "nan"),
    ],
)  # fmt: skip
def test_numbers_are_written_with_as_many_digits_as_people_read(value: float, written: str) -> None:
    assert rounded(value) == written


def test_displayed_tables_show_numbers_as_sentences_do() -> None:
    script = (
        "from IPython.core.interactiveshell import InteractiveShell; InteractiveShell.instance();"
        "from shared.runs._results import show_tables_like_sentences; show_tables_like_sentences();"
        "import pandas as pd; print(pd.DataFrame({'turns': [7292.0], 'share': [0.4835436], 'text': ['x' * 60]}))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.split()[-3:] == ["7,292", "0.484", "x" * 60]
