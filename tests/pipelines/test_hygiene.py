"""Secrets and local paths never reach an executed notebook."""

import json
from pathlib import Path

from pipelines._hygiene import cleaned, replacements


def test_values_of_named_variables_and_local_paths_become_placeholders(toy, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "swordfish-1234")
    table = replacements({"key_env": "OUR_KEY", "other": "OUR_KEY"})
    text = cleaned({"text": [f"{toy.root}/runs swordfish-1234", {"deep": "swordfish-1234!"}], "n": 1}, table)
    assert text == {"text": ["<home>/runs <value of OUR_KEY>", {"deep": "<value of OUR_KEY>!"}], "n": 1}


def test_an_unset_or_very_short_value_replaces_nothing(toy, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "a")
    assert cleaned("a banana", replacements({"key_env": "OUR_KEY", "b_env": "NOT_SET"})) == "a banana"


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


def test_the_home_folder_of_the_user_is_hidden(toy):
    assert cleaned(f"{Path.home()}/thesis", replacements({})) == "~/thesis"
