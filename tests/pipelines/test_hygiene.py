"""Secrets and local paths never reach an executed notebook."""

import json
from pathlib import Path

from pipelines._hygiene import cleaned, private_texts


def test_values_of_named_variables_and_local_paths_become_placeholders(toy, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "swordfish-1234")
    table = private_texts({"key_env": "OUR_KEY", "other": "OUR_KEY"})
    text = cleaned({"text": [f"{toy.root}/runs swordfish-1234", {"deep": "swordfish-1234!"}], "n": 1}, table)
    assert text == {"text": ["<home>/runs <value of OUR_KEY>", {"deep": "<value of OUR_KEY>!"}], "n": 1}


def test_an_unset_or_very_short_value_replaces_nothing(toy, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "a")
    assert cleaned("a banana", private_texts({"key_env": "OUR_KEY", "b_env": "NOT_SET"})) == "a banana"


def test_an_executed_notebook_holds_neither_secrets_nor_paths(toy, command, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "swordfish-1234")
    toy.notebook(
        "010_first", parameters='key_env: str = "OUR_KEY"  # an environment variable',
        work='import os\nprint(os.environ[key_env], run.folder)\nos.environ[key_env]',
    )  # fmt: skip
    toy.notebook("020_breaks", parameters='key_env: str = "OUR_KEY"  # an environment variable',
                 work="import os\nraise ValueError(os.environ[key_env])")  # fmt: skip
    toy.study("stages: {first: {}, breaks: {}}")
    command("run", "toy", "--jobs", "1")
    kept = [toy.runs("toy", "first", "notebook.ipynb"), toy.runs("toy", "breaks", "notebook.partial.ipynb")]
    kept += [toy.runs("toy", "breaks", "failure.json"), *(toy.root / "reports").rglob("*.html")]
    for path in kept:
        text = path.read_text()
        assert "swordfish" not in text, path
        assert str(toy.root) not in text, path
    code = json.loads(kept[0].read_text())
    assert "<value of OUR_KEY>" in json.dumps(code)


def test_only_whole_paths_are_hidden(toy, monkeypatch):
    monkeypatch.setenv("HOME", "/root")
    private = private_texts({})
    assert cleaned("the square/root of /roots and /root-2", private) == "the square/root of /roots and /root-2"
    assert cleaned("'/root/x', /root", private) == "'~/x', ~"


def test_a_path_given_on_the_command_line_is_hidden_in_page_and_manifest_and_the_stage_stays_up_to_date(toy, command):
    (toy.root / "corpus.csv").write_text("a")
    toy.notebook("010_first", parameters='corpus: str = "x.csv"  # a file', work="run.input(corpus)")
    toy.study("stages: {first: {}}")
    code, text = command("run", "toy", "--set", f"first.corpus={toy.root}/corpus.csv")
    assert code == 0, text
    page = (toy.root / "reports" / "toy" / "010_first.html").read_text()
    assert str(toy.root) not in page and "&lt;home&gt;/corpus.csv" in page
    manifest = json.loads(toy.runs("toy", "first", "manifest.json").read_text())
    assert manifest["parameters"]["corpus"] == manifest["inputs"][0]["path"] == "<home>/corpus.csv"
    again = ["run", "toy", "--set", f"first.corpus={toy.root}/corpus.csv"]
    assert "Everything is up to date." in command(*again)[1]
    (toy.root / "corpus.csv").write_text("b")
    assert "input <home>/corpus.csv changed" in command("status", *again[1:])[1]


def test_a_folder_outside_of_all_known_ones_and_the_name_of_the_user_are_hidden(monkeypatch):
    monkeypatch.setenv("LOGNAME", "jdoe42")
    private = private_texts({"corpus": "/srv/jdoe42/calls.csv", "other": "/srv/else/calls.csv"})
    shown = cleaned(
        {"a": "read /srv/jdoe42/calls.csv", "b": "/srv/else/calls.csv", "c": "by jdoe42, not jdoe421"}, private
    )
    assert shown["c"] == "by <user>, not jdoe421"
    assert "jdoe42" not in shown["a"] and shown["a"].endswith("/calls.csv")
    assert shown["a"].removeprefix("read ") != shown["b"], "two folders stay two"


def test_an_account_that_every_machine_has_is_no_name(monkeypatch):
    monkeypatch.setenv("LOGNAME", "root")
    assert cleaned("the root of it all", private_texts({})) == "the root of it all"


def test_the_home_folder_of_the_user_is_hidden(toy):
    assert cleaned(f"{Path.home()}/thesis", private_texts({})) == "~/thesis"
