"""Validator, refusal heuristic, and resuming an export by row."""

import json

import pytest

from shared.exports import is_refusal, read_prompts, require_room, side_by_side_page, summarise, validate
from shared.exports._answers import Decoding, _stored
from shared.runs import UserError


def row(prompt_id: str, model: str, response: str = "Well.") -> dict:
    return {
        "prompt_id": prompt_id,
        "prompt": [{"role": "user", "content": f"question {prompt_id}"}],
        "model": model,
        "response": response,
        "meta": {"set": "redteam"},
        "decoding": {"temperature": 0.0},
    }


ROWS = [row(p, m) for m in ("base", "sft") for p in ("a", "b")]


def test_complete_rows_of_both_models_pass():
    assert validate(ROWS, ["base", "sft"]) == 2


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (ROWS[:-1], "answered by only one"),
        ([*ROWS[:-1], ROWS[-1] | {"decoding": {"temperature": 1.0}}], "decoding of"),
        ([*ROWS[:-1], ROWS[-1] | {"prompt": [{"role": "user", "content": "another"}]}], "prompt of"),
        ([*ROWS[:-1], {k: v for k, v in ROWS[-1].items() if k != "meta"}], "meta missing"),
        ([*ROWS, ROWS[-1]], "twice"),
    ],
    ids=["missing answer", "other decoding", "other prompt", "missing field", "double"],
)
def test_exports_that_cannot_be_compared_are_refused(rows, problem):
    with pytest.raises(UserError, match=problem):
        validate(rows, ["base", "sft"])


def test_sympathy_is_no_refusal():
    assert is_refusal("I can’t help with that.")
    assert not is_refusal("I can't imagine how hard that must be.")


def test_a_row_that_was_cut_short_by_a_kill_is_answered_again(tmp_path):
    store = tmp_path / "answers.jsonl"
    store.write_text(json.dumps(ROWS[0]) + "\n" + json.dumps(ROWS[1])[:40])
    assert list(_stored(store)) == [("redteam", "a", "base")]
    assert store.read_text() == json.dumps(ROWS[0]) + "\n"


def test_a_prompt_longer_than_the_model_is_refused_by_name(tmp_path):
    class Tiny:
        longest = 16

        @staticmethod
        def tokenizer(chats, add_special_tokens):
            return {"input_ids": [[0] * len(chat) for chat in chats]}

    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps({"prompt_id": "long", "prompt": "x" * 30}))
    with pytest.raises(UserError, match="'long'"):
        require_room(Tiny(), read_prompts(path, "own"), ["x" * 30], Decoding(max_new_tokens=4))


def test_the_page_shows_answers_as_text():
    page = side_by_side_page([row("a", "base", "<script>alert(1)</script>")], ["base"], title="t")
    assert "<script>" not in page


def test_the_summary_counts_refusals_with_an_interval():
    [entry] = summarise([row("a", "base", "I can't help with that."), row("b", "base")], ["base"])
    assert (entry["refusals"], entry["answers"]) == (0.5, 2)
    assert entry["refusals_low"] < 0.5 < entry["refusals_high"]
