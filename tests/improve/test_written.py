"""Files of conversations that were improved before, and the notebook that fine-tunes on one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared import improve
from shared.runs import UserError

QUESTION = {"role": "user", "content": "How long do eggs boil?"}
FEEDBACK = {"role": "user", "content": "No, that is far too long."}


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


# What an earlier tool wrote: no ids, no feedback field, and the user's praise behind an answer that was kept.
REPLACED = {
    "messages": [QUESTION, said("Six minutes.")],
    "improved": True,
    "generation_method": "feedback_based",
    "original_assistant_response": "An hour.",
    "improvement_timestamp": "2025-01-01T00:00:00",
}
KEPT: dict[str, Any] = {
    "messages": [QUESTION, said("Seven minutes."), {"role": "user", "content": "Thanks!"}],
    "improved": False,
}


def written(folder: Path, *rows: Any, name: str = "mine.json") -> Path:
    path = folder / name
    text = json.dumps(list(rows)) if path.suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["mine.json", "mine.jsonl"])
def test_a_file_of_improved_conversations_gives_what_improving_would_have_given(tmp_path: Path, name: str) -> None:
    found = improve.written_answers(improve.read_rows(written(tmp_path, REPLACED, KEPT, name=name)))
    assert list(found) == ["feedback"]
    first, second = found["feedback"].rows
    assert (first["conversation_id"], first["original_assistant_response"]) == ("row-1", "An hour.")
    # A kept conversation ends with its answer, whatever the user said behind it.
    assert (second["messages"], second["original_assistant_response"]) == (KEPT["messages"][:2], "Seven minutes.")
    assert [row["weight"] for row in improve.sft_rows([second])[0]["messages"]] == [0, 1]
    assert [label["label"] for label in improve.kto_labels([first, second])] == [False, True]
    assert improve.dpo_pairs([first, second])[0]["rejected"][0]["content"] == "An hour."


def test_a_file_of_both_methods_keeps_them_apart_and_shares_what_was_kept(tmp_path: Path) -> None:
    other = REPLACED | {"generation_method": "alternative_generation"}
    found = improve.written_answers(improve.read_rows(written(tmp_path, REPLACED, other, KEPT)))
    assert {name: len(result.rows) for name, result in found.items()} == {"feedback": 2, "alternative": 2}


def test_chats_that_are_still_to_be_improved_are_no_written_answers(tmp_path: Path) -> None:
    chat = {"messages": [QUESTION, said("An hour."), FEEDBACK], "category": "UR2"}
    rows = improve.read_rows(written(tmp_path, chat))
    assert improve.written_answers(rows) == {}
    assert improve.criticised_answers(rows) == ["An hour."]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"chat": []}], "row 1: `messages` is missing. Found: chat"),
        ([REPLACED, {"messages": []}], "Only 1 of 2 rows"),
        ([REPLACED | {"generation_method": "magic"}], "found magic"),
        ([{k: v for k, v in REPLACED.items() if k != "original_assistant_response"}], "original_assistant_response"),
    ],
)
def test_a_file_that_is_neither_is_refused_with_what_was_found(tmp_path: Path, rows: list[Any], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        improve.written_answers(improve.read_rows(written(tmp_path, *rows)))


def test_the_notebook_fine_tunes_on_a_file_that_was_improved_before(
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    together_service: Any,
    run_notebook: Callable[..., None],
) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "secret-123")
    silent = {"messages": [QUESTION], "improved": False}
    given = {
        "run_version": "t", "input": str(written(tmp_path, REPLACED, KEPT, silent)), "remote": "together",
        "remote_url": together_service.base_url, "suffix": "eggs", "epochs": 2, "batch_size": 8, "check_interval": 0.01,
    }  # fmt: skip
    run_notebook("520_improve", given)

    uploaded = [json.loads(line) for line in together_service.uploaded.decode().splitlines()]
    assert [[m["weight"] for m in row["messages"]] for row in uploaded] == [[0, 1], [0, 1]]
    assert [row["messages"][-1]["content"] for row in uploaded] == ["Six minutes.", "Seven minutes."]
    assert (together_service.job["suffix"], together_service.job["n_epochs"]) == ("eggs", 2)
    (path,) = (home / "runs" / "t" / "improve" / "models").glob("mine_finetune_*.json")
    kept = json.loads(path.read_text())
    assert (kept["status"], kept["output_model"]) == ("completed", "stub-tuned")
    assert kept["statistics"] == {
        "conversations": 2, "without_assistant_answer": 1, "messages": 4, "trained_messages": 2,
        "trained_characters": len("Six minutes.") + len("Seven minutes."),
    }  # fmt: skip
    assert kept["parameters"] | {"epochs": 2, "suffix": "eggs", "input": "mine", "lora": True} == kept["parameters"]
    # Nothing was asked of a model, and the key stands nowhere.
    found = {row["name"]: row["value"] for row in json.loads((path.parents[1] / "results.json").read_text())}
    assert (found["backend"], found["n_improved"], found["n_chats"]) == ("mine.json", 1, 3)
    assert "secret-123" not in (tmp_path / "out.ipynb").read_text() + path.read_text()
