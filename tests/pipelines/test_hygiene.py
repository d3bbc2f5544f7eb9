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


def test_a_path_given_on_the_command_line_is_hidden_in_the_page_and_kept_in_the_manifest(toy, command):
    (toy.root / "corpus.csv").write_text("a")
    toy.notebook("010_first", parameters='corpus: str = "x.csv"  # a file', work="run.input(corpus)")
    toy.study("stages: {first: {}}")
    code, text = command("run", "toy", "--set", f"first.corpus={toy.root}/corpus.csv")
    assert code == 0, text
    page = (toy.root / "reports" / "toy" / "010_first.html").read_text()
    assert str(toy.root) not in page and "&lt;home&gt;/corpus.csv" in page
    manifest = json.loads(toy.runs("toy", "first", "manifest.json").read_text())
    assert manifest["parameters"]["corpus"] == f"{toy.root}/corpus.csv"


def test_the_home_folder_of_the_user_is_hidden(toy):
    assert cleaned(f"{Path.home()}/thesis", private_texts({})) == "~/thesis"
