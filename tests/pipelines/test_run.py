"""Running studies of toy notebooks from end to end."""

import json


def test_a_chain_runs_once_and_then_nothing_is_left_to_do(toy, command):
    toy.chain()
    code, text = command("run", "toy")
    assert code == 0, text
    assert json.loads(toy.runs("v1", "second", "sum.json").read_text()) == 6  # 0 + 1 + 2 + 3
    assert (toy.root / "reports" / "v1" / "020_second.html").exists()
    code, text = command("run", "toy")
    assert (code, text.count("up to date")) == (0, 3)


def test_a_stage_that_writes_the_same_again_does_not_run_what_is_downstream(done, command):
    code, text = command("run", "toy", "--force", "first")
    assert code == 0
    assert "[1/2] first        done" in text
    assert "[2/2] second       up to date" in text


def test_a_changed_parameter_runs_its_stage_and_what_reads_the_change(done, command):
    code, text = command("run", "toy", "--set", "first.count=5")
    assert code == 0
    assert "parameter count: 4 → 5" in text
    assert json.loads(done.runs("v1", "second", "sum.json").read_text()) == 10
    manifest = json.loads(done.runs("v1", "first", "manifest.json").read_text())
    assert manifest["parameters_from"] == {
        "run_version": "study", "upstream": "study", "seed": "default", "count": "command line",
    }  # fmt: skip


def test_an_error_in_a_cell_leaves_a_report_and_lets_independent_stages_run(toy, command):
    toy.notebook("010_breaks", work='print("so far so good")\n1 / 0')
    toy.notebook("020_waits", work="run.find('x')")
    toy.notebook("030_apart", work="pass")
    toy.study("stages: {breaks: {}, waits: {after: [breaks]}, apart: {}}")
    code, text = command("run", "toy", "--jobs", "1")
    assert code == 3
    assert "waits        not run: breaks failed" in text
    assert "apart        done" in text
    failure = json.loads(toy.runs("toy", "breaks", "failure.json").read_text())
    assert (failure["kind"], failure["heading"], failure["stage"]) == ("failed stage", "Work", "breaks")
    assert failure["source"] == 'print("so far so good")\n1 / 0'
    assert failure["last_output"] == "so far so good"
    assert "ZeroDivisionError" in failure["message"] and "ZeroDivisionError" in failure["traceback"]
    assert "so far so good" in (toy.root / "reports" / "toy" / "010_breaks.html").read_text()
    assert not toy.runs("toy", "breaks", "manifest.json").exists()


def test_a_mistake_of_the_user_is_told_without_a_traceback(toy, command):
    toy.notebook("010_first", work='run.input("nowhere.csv")')
    toy.study("stages: {first: {}}")
    code, text = command("run", "toy")
    assert code == 2
    assert "there is no file or folder 'nowhere.csv'" in text
    assert "Traceback" not in text
    assert json.loads(toy.runs("toy", "first", "failure.json").read_text())["traceback"] == ""


def test_a_killed_kernel_has_an_exit_code_and_a_likely_cause_of_its_own(toy, command):
    toy.notebook("010_first", work="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    toy.study("stages: {first: {}}")
    code, _text = command("run", "toy")
    assert code == 4
    failure = json.loads(toy.runs("toy", "first", "failure.json").read_text())
    assert "SIGKILL" in failure["message"]
    assert "out of memory" in failure["likely_cause"]


def test_a_notebook_that_forgets_to_finish_is_a_failed_stage(toy, command):
    path = toy.notebook("010_first", work="pass")
    path.write_text(path.read_text().replace("run.finish()", "run"))
    toy.study("stages: {first: {}}")
    code, text = command("run", "toy")
    assert code == 3
    assert "without run.finish()" in text


def test_reading_a_stage_that_the_study_does_not_name_is_refused(toy, command):
    toy.chain()
    toy.study("stages: {first: {}, second: {}}")
    code, text = command("run", "toy", "--jobs", "1")
    assert code == 2
    assert "Add `after: [first]` to stages.second" in text


def test_nothing_starts_when_parameters_are_wrong_and_all_problems_are_told_at_once(toy, command):
    toy.chain()
    code, text = command(
        "run", "toy", "--set", "first.cuont=1", "--set", "first.count=many", "--set", "second.factor=11"
    )
    assert code == 2
    assert "'cuont' is not a parameter. Did you mean 'count'?" in text
    assert "'count' is 'many' (str), expected int" in text
    assert "expected a value in [0, 10]" in text
    assert not toy.runs().exists()


def test_an_unset_variable_in_a_path_is_told_before_any_compute(toy, command, monkeypatch):
    monkeypatch.delenv("COLLOQUY_DATA", raising=False)
    toy.notebook("010_first", work="pass", parameters='corpus: str = "${COLLOQUY_DATA}/x.csv"  # a file')
    toy.study("stages: {first: {}}")
    code, text = command("run", "toy")
    assert code == 2
    assert text.count("COLLOQUY_DATA is not set") == 1
    assert not toy.runs().exists()


def test_a_customary_task_name_runs_its_stage_and_what_is_upstream_only(toy, command):
    toy.notebook("010_first", work="run.write_json('a.json', 1)")
    toy.notebook("130_classifier", work="run.find('a.json')")
    toy.notebook("140_attention", work="run.find('a.json')")
    study = toy.study("stages: {first: {}, classifier: {after: [first]}, attention: {after: [classifier]}}")
    code, text = command("run", str(study), "--task", "classifier_train", "--run-version", "v0.1")
    assert code == 0, text
    assert toy.runs("v0.1", "classifier", "manifest.json").exists()
    assert not toy.runs("v0.1", "attention").exists()


def test_a_grid_runs_every_combination_once_and_compares_them(toy, command):
    import pandas as pd

    toy.chain()
    toy.notebook("030_third", work="run.find('sum.json')", answer="json.loads(run.find('sum.json').read_text())")
    toy.study(
        """
        run_version: g
        stages: {first: {}, second: {after: [first]}, third: {after: [second]}}
        grid: {second.factor: [1, 2]}
        """
    )
    code, text = command("run", "toy", "--jobs", "1")
    assert code == 0, text
    assert text.count("done in") == 5  # first once, second and third for each factor
    table = pd.read_parquet(toy.runs("g", "grid", "comparison.parquet"))
    assert table["third:answer"].tolist() == [3.0, 6.0]  # (0 + 1 + 2) * factor
    assert table["second.factor"].tolist() == [1, 2]
    assert table["status"].tolist() == ["done", "done"]
    assert all((toy.root / "reports" / "g" / link).exists() for link in table["link"])


def test_stages_that_do_not_read_each_other_run_at_the_same_time_on_dask(toy, command):
    # Each waits until the other has started, so that one after the other would never end.
    wait = """
    import time
    from pathlib import Path
    run.write_json("here.json", 1)
    other = Path(run.folder).parent / "{}" / "here.json"
    deadline = time.time() + 60
    while not other.exists() and time.time() < deadline:
        time.sleep(0.05)
    assert other.exists()
    """
    toy.notebook("010_left", work=wait.format("right"))
    toy.notebook("020_right", work=wait.format("left"))
    toy.study("stages: {left: {}, right: {}}")
    code, text = command("run", "toy", "--jobs", "2")
    assert code == 0, text


def test_one_job_at_a_time_says_that_a_stage_started_when_it_did(toy, command):
    # two stages that do not wait for each other: the second must not count as running while the first one does
    toy.notebook("010_one", work="pass")
    toy.notebook("020_two", work="pass")
    toy.study("stages: {one: {}, two: {}}")
    _code, text = command("run", "toy", "--jobs", "1")
    places = [text.index(words) for words in ("one          started", "one          done", "two          started")]
    assert places == sorted(places)
