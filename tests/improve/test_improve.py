"""Both methods, leakage, arms and exports."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared import improve, llm

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FEEDBACK = "No, that is wrong: eggs need about six minutes in boiling water."


def chat(number: int = 0, category: str = "UR2", feedback: str = FEEDBACK) -> dict[str, Any]:
    turns = [("user", f"How long do eggs boil? {number}"), ("assistant", "An hour."), ("user", feedback)]
    return {
        "conversation_id": f"c{number}",
        "messages": [{"role": role, "content": content} for role, content in turns],
        "category": category,
        "reference": "six minutes",
    }


def says(text: str) -> llm.FunctionChat:
    return llm.FunctionChat(lambda messages: text, f"says {text}")


def improved(text: str = "Six minutes.", method: improve.Method = "feedback", **options: Any) -> improve.Improved:
    return improve.improve_chats([chat()], says(text), method, now=NOW, **options)


def test_the_feedback_method_shows_the_model_everything() -> None:
    (asked,) = improve.improvement_requests([chat()], "feedback")
    shown = asked.as_messages()[-1]["content"]
    assert all(part in shown for part in ("How long do eggs boil?", "An hour.", FEEDBACK))
    assert asked.as_messages()[0]["content"] == improve.IMPROVEMENT_PROMPT


def test_the_alternative_method_shows_neither_answer_nor_feedback() -> None:
    (asked,) = improve.improvement_requests([chat()], "alternative")
    assert asked.as_messages() == [{"role": "user", "content": "How long do eggs boil? 0"}]


@pytest.mark.parametrize(
    ("method", "name"), [("feedback", "feedback_based"), ("alternative", "alternative_generation")]
)
def test_an_improved_row_has_the_declared_fields(method: improve.Method, name: str) -> None:
    (row,) = improved(method=method).rows
    assert row["messages"][-1] == {"role": "assistant", "content": "Six minutes."}
    assert len(row["messages"]) == 2
    assert (row["improved"], row["generation_method"]) == (True, name)
    assert row["original_assistant_response"] == "An hour."
    assert row["improvement_timestamp"] == "2026-01-02T03:04:05+00:00"


def test_positive_feedback_keeps_the_answer_and_asks_nothing() -> None:
    found = improve.improve_chats([chat(category="UR5")], says("x"), "feedback", now=NOW)
    (row,) = found.rows
    assert found.ledger.n == 0
    assert (row["improved"], row["generation_method"], row["messages"][-1]["content"]) == (False, None, "An hour.")


def test_other_categories_are_left_out_with_a_reason() -> None:
    found = improve.improve_chats([chat(category="UR1")], says("x"), "feedback", now=NOW)
    assert found.rows == []
    assert found.not_improved[0]["reason"] == "category 'UR1' is neither improved nor kept"


def test_an_empty_answer_makes_no_training_row() -> None:
    found = improved(text="  ")
    assert found.rows == []
    assert found.not_improved[0]["reason"].startswith("malformed")


def test_a_second_run_pays_nothing(tmp_path: Path) -> None:
    first = improved(cache=tmp_path)
    again = improved(cache=tmp_path)
    assert (first.ledger.n_sent, again.ledger.n_sent, again.ledger.n_cached) == (1, 0, 1)
    assert again.rows == first.rows


def test_both_methods_give_different_text_with_the_template_chat() -> None:
    backend = llm.open_chat("template")
    one, other = (
        improve.improve_chats([chat()], backend, method, now=NOW).rows[0]["messages"][-1]["content"]
        for method in ("feedback", "alternative")
    )
    assert one != other


def test_an_answer_that_quotes_the_later_words_is_flagged() -> None:
    (row,) = improved(text="Eggs need about six minutes in boiling water, not an hour.").rows
    assert row["feedback_leak"] == "eggs need about six minutes in boiling water"


def test_a_corrected_fact_alone_is_no_leak() -> None:
    assert improve.find_leak("Boil them for six minutes.", FEEDBACK, chat()["messages"][:1]) is None


def test_words_that_the_question_has_too_may_be_used() -> None:
    context = [{"role": "user", "content": "I need about six minutes in boiling water for one egg, right?"}]
    assert improve.find_leak("Yes, about six minutes in boiling water.", FEEDBACK, context) is None


@pytest.mark.parametrize("text", ["You're right, six minutes.", "I apologize. Six.", "Thanks for the correction!"])
def test_an_answer_that_refers_to_the_feedback_is_flagged(text: str) -> None:
    leak = improve.find_leak(text, "wrong", [])
    assert leak is not None and leak.kind == "refers to the feedback"


def arms_table(pick: Any) -> pd.DataFrame:
    chats = [chat(0), chat(1), chat(2, category="UR5")]
    ours = improve.improve_chats(chats, says("six minutes"), "feedback", now=NOW).rows
    theirs = improve.improve_chats(chats, says("an hour"), "alternative", now=NOW).rows
    return improve.arm_answers(ours, theirs, pick)


def arms(pick: Any) -> list[list[str]]:
    return arms_table(pick)[["conversation_id", "arm", "answer"]].values.tolist()


def vectors(texts: list[str]) -> np.ndarray:
    counts = np.array([[text.count("six"), text.count("hour")] for text in texts], dtype=float) + 1e-9
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_all_arms_answer_the_same_contexts_and_the_better_one_is_picked() -> None:
    found = arms(improve.pick_by_reference(vectors))
    assert [row[1] for row in found] == [*improve.ARMS] * 2
    assert found[:4] == [
        ["c0", "original", "An hour."],
        ["c0", "feedback", "six minutes"],
        ["c0", "alternative", "an hour"],
        ["c0", "best_of_both", "six minutes"],
    ]


def test_every_arm_becomes_training_data_on_the_same_contexts() -> None:
    found = improve.arm_exports(arms_table(improve.pick_by_reference(vectors)))
    assert list(found) == [*improve.ARMS]
    assert {len(kinds["sft"]) for kinds in found.values()} == {2}
    assert found["best_of_both"]["sft"][0]["messages"][-1] == {
        "role": "assistant",
        "content": "six minutes",
        "weight": 1,
    }
    # "an hour" differs from "An hour."; the original arm has nothing to prefer to itself
    assert {arm: len(kinds["dpo"]) for arm, kinds in found.items()} == {
        "original": 0, "feedback": 2, "alternative": 2, "best_of_both": 2,
    }  # fmt: skip
    labels = [(row["label"], row["label_source"]) for row in found["alternative"]["kto"]]
    assert labels == [(False, "user")] * 2 + [(True, "arm")] * 2
    assert [row["label"] for row in found["original"]["kto"]] == [False, False]


def test_an_answer_that_leaks_is_in_no_export_of_its_arm() -> None:
    table = arms_table(improve.pick_by_reference(vectors))
    table.loc[table["arm"] == "feedback", "feedback_leak"] = "quoted words"
    found = improve.arm_exports(table)["feedback"]
    assert (found["sft"], found["dpo"]) == ([], [])
    assert [row["label"] for row in found["kto"]] == [False, False]


def test_a_model_that_picks_by_position_picks_nothing() -> None:
    assert all(row[2] != "an hour" for row in arms(improve.pick_by_model(says("B"))) if row[1] == "best_of_both")


def test_a_model_that_knows_picks_the_alternative() -> None:
    def likes_hours(messages: list[llm.Message]) -> str:
        return "A" if "hour" in messages[-1]["content"].split("<answer A>")[1].split("</answer A>")[0] else "B"

    found = arms(improve.pick_by_model(llm.FunctionChat(likes_hours, "hours")))
    assert [row[2] for row in found if row[1] == "best_of_both"] == ["an hour", "an hour"]


def rows_for_export() -> list[dict[str, Any]]:
    kept = improve.improve_chats([chat(1, "UR5")], says("x"), "feedback", now=NOW).rows
    leaky = improve.improve_chats([chat(2)], says("You are right, six."), "feedback", now=NOW).rows
    return [*improved().rows, *kept, *leaky]


def test_sft_rows_train_the_last_answer_only_and_drop_leaks() -> None:
    rows = improve.sft_rows(rows_for_export())
    assert [row["conversation_id"] for row in rows] == ["c0", "c1"]
    assert [message["weight"] for message in rows[0]["messages"]] == [0, 1]
    assert len(improve.sft_rows(rows_for_export(), drop_leaks=False)) == 3


def test_dpo_pairs_prefer_the_improved_answer() -> None:
    (pair,) = improve.dpo_pairs(rows_for_export())
    assert pair["prompt"][-1]["role"] == "user"
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("Six minutes.", "An hour.")


def test_the_preference_table_holds_prompts_as_json() -> None:
    (row,) = improve.preference_table(improve.dpo_pairs(rows_for_export())).to_dict("records")
    assert json.loads(row["prompt"])[-1]["role"] == "user"
    assert (row["chosen"], row["rejected"]) == ("Six minutes.", "An hour.")


def test_kto_labels_are_the_users_own_judgements() -> None:
    found = improve.kto_labels(rows_for_export())
    assert [row["label"] for row in found] == [False, True, False]
    assert all(row["completion"][0]["content"] == "An hour." for row in found)


def test_rows_are_split_once() -> None:
    parts = improve.split_rows([{"k": k} for k in range(20)], valid_share=0.2)
    assert [len(parts[name]) for name in ("train", "valid", "test")] == [16, 2, 2]
    assert [row["k"] for part in parts.values() for row in part] == list(range(20))
