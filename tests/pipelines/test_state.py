"""Up to date is decided by content, and told in words."""

import json


def test_an_edit_of_comments_and_prose_renews_the_page_and_executes_nothing(done, command):
    path = done.root / "notebooks" / "010_first.py"
    path.write_text(path.read_text().replace("# ## Work", "# ## Toil").replace("run.write", "# a remark\nrun.write"))
    executed = json.loads(done.runs("v1", "first", "manifest.json").read_text())["finished"]
    _, text = command("status", "toy")
    assert "only its prose was edited" in text
    code, text = command("run", "toy")
    assert code == 0
    assert "new prose, page written again" in text
    page = (done.root / "reports" / "v1" / "010_first.html").read_text()
    assert "Toil" in page and "a remark" in page and "The answer is" in page
    assert json.loads(done.runs("v1", "first", "manifest.json").read_text())["finished"] == executed
    assert "up to date\n" in command("run", "toy")[1]


def test_an_edited_notebook_is_stale_and_what_reads_it_waits_for_its_outputs(done, command):
    path = done.root / "notebooks" / "010_first.py"
    path.write_text(path.read_text().replace("list(range(count))", "list(range(count + 1))"))
    _, text = command("status", "toy")
    assert "first          stale" in text and "the notebook's code was edited" in text
    assert "first will run first; this stage follows only if what it reads changes" in text


def test_a_deleted_output_is_noticed_and_made_again(done, command):
    done.runs("v1", "first", "numbers.json").unlink()
    _, text = command("status", "toy")
    assert "output numbers.json is missing" in text
    _, text = command("run", "toy")
    assert "output numbers.json is missing" in text
    assert "[2/2] second       up to date" in text  # the same numbers came out


def test_an_output_that_somebody_changed_is_noticed(done, command):
    done.runs("v1", "second", "sum.json").write_text("7\n")
    _, text = command("status", "toy")
    assert "output sum.json was changed after it was written" in text


def test_an_outside_file_counts_by_its_content(toy, command):
    (toy.root / "corpus.csv").write_text("a")
    toy.notebook("010_first", parameters='corpus: str = "corpus.csv"  # a file', work="run.input(corpus)")
    toy.study("stages: {first: {}}")
    command("run", "toy")
    (toy.root / "corpus.csv").write_text("a")  # touched, not changed
    assert "first          done" in command("status", "toy")[1]
    (toy.root / "corpus.csv").write_text("b")
    assert "input corpus.csv changed" in command("status", "toy")[1]


def test_a_stage_that_now_comes_from_another_upstream_is_stale(toy, command):
    toy.notebook("010_first", work="run.write_json('turns.json', 1)")
    toy.notebook("020_second", work="run.write_json('turns.json', 2)")
    toy.notebook("030_third", work="run.find('turns.json')")
    toy.study("stages: {first: {}, second: {after: [first]}, third: {after: [first]}}")
    command("run", "toy", "--jobs", "1")
    toy.study("stages: {first: {}, second: {after: [first]}, third: {after: [first, second]}}")
    _, text = command("status", "toy")
    assert 'parameter upstream: ["first"] → ["first", "second"]' in text
    assert "turns.json now comes from" in text


def test_a_file_that_was_looked_for_in_vain_makes_stale_when_it_appears(toy, command):
    toy.notebook(
        "010_first",
        parameters="truth: bool = False  # write it",
        work="run.write_json('a.json', 1)\nif truth: run.write_json('truth.json', 1)",
    )
    toy.notebook("020_second", work="found = run.has('truth.json')", answer="found")
    toy.study("stages: {first: {}, second: {after: [first]}}")
    command("run", "toy", "--jobs", "1")
    assert "second         done" in command("status", "toy")[1]
    code, text = command("run", "toy", "--jobs", "1", "--set", "first.truth=true")
    assert code == 0
    assert "second       started (truth.json was not there and now comes from runs/toy/first/truth.json" in text
    assert json.loads(toy.runs("toy", "second", "results.json").read_text())[0]["value"] == 1


def test_another_package_version_makes_stale(done, command, monkeypatch):
    from pipelines import _state

    real = _state.key_of
    monkeypatch.setattr(_state, "key_of", lambda step: {**real(step), "packages": {"numpy": "99"}})
    assert "→ 99" in command("status", "toy")[1]


def test_a_stage_that_was_executed_by_hand_says_so(done, command):
    path = done.runs("v1", "first", "manifest.json")
    manifest = json.loads(path.read_text())
    del manifest["facts"]["key"]
    path.write_text(json.dumps(manifest))
    assert "it was executed by hand" in command("status", "toy")[1]


def test_digests_are_remembered_but_never_trusted_over_content(toy):
    from pipelines._digests import Digests
    from shared.runs import digest_of

    path = toy.root / "table"
    path.write_text("old")
    first = Digests()
    assert first.of(path) == digest_of(path)
    first.save()
    path.write_text("new")  # the same size
    assert Digests().of(path) == digest_of(path)


def test_digests_of_folders_are_those_of_the_run_folder(toy):
    from pipelines._digests import Digests
    from shared.runs import digest_of

    folder = toy.root / "model"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "a").write_text("a")
    (folder / "b").write_text("b")
    assert Digests().of(folder) == digest_of(folder)
    assert Digests().of(folder / "nothing") is None


def test_a_stage_that_runs_on_another_machine_is_running_while_its_pulse_is_fresh(done, command):
    runner = done.runs("v1", ".runner")
    state = {"pid": 1, "host": "elsewhere", "cell": 3, "cells": 9, "heading": "Work", "time": 0}
    (runner / "first.running.json").write_text(json.dumps(state))
    assert "first          done" in command("status", "toy")[1]
    (runner / "pulse.json").write_text("{}")
    assert "cell 3 of 9: Work" in command("status", "toy")[1]


def test_lost_results_are_noticed(done, command):
    done.runs("v1", "first", "results.json").unlink()
    assert "results.json is missing" in command("status", "toy")[1]
