"""Layouts of preferences, and pairs that would teach something else."""

import json

import pandas as pd
import pytest

from shared.dpo import (
    Pair,
    check_pairs,
    pair_of,
    pairs_of_examples,
    pairs_of_table,
    pairs_of_verdicts,
    read_judged,
    split_pairs,
)
from shared.judge import Pair as JudgedPair
from shared.judge import verdict_table
from shared.runs import UserError

ASK = [{"role": "user", "content": "Hi"}]


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi", "chosen": "yes", "rejected": "no"},
        {"prompt": json.dumps(ASK), "chosen": "yes", "rejected": "no"},
        {"prompt": ASK, "chosen": say("yes"), "rejected": say("no")},
        {"chosen": ASK + say("yes"), "rejected": ASK + say("no")},
        {"input": {"messages": ASK}, "preferred_output": say("yes"), "non_preferred_output": say("no")},
    ],
    ids=["texts", "messages as JSON", "messages", "whole chats", "remote fine-tuning"],
)
def test_usual_layouts_give_the_same_pair(row):
    assert pair_of(row, "row 1") == Pair((("user", "Hi"),), "yes", "no")


def pairs(n: int, chosen: str = "yes indeed", rejected: str = "no") -> list[Pair]:
    both = [(chosen, rejected), (rejected, chosen)]
    return [Pair((("user", f"question {i}"),), *both[i % 2]) for i in range(n)]


def test_balanced_pairs_pass():
    train, test = split_pairs(pairs(40), test_share=0.3, seed=0)
    report = check_pairs(train, test, max_length_lean=0.9)
    assert report.n == 40 and report.longer_chosen == 0.5 and report.shared_prompts == 0


def test_a_prompt_is_never_on_both_sides():
    doubled = pairs(30) + pairs(30)
    train, test = split_pairs(doubled, test_share=0.3, seed=0)
    assert not {p.prompt for p in train} & {p.prompt for p in test}


@pytest.mark.parametrize(
    ("train", "test", "problem"),
    [
        ([Pair((("user", "q"),), "same", "same")], pairs(2), "same answer twice"),
        ([p for p in pairs(20) if p.chosen != "no"], [Pair((("user", "z"),), "a b c", "a")], "longer one"),
        ([p for p in pairs(20) if p.chosen == "no"], [Pair((("user", "z"),), "a", "a b c")], "shorter one"),
        (pairs(4), pairs(2), "also training prompts"),
        (pairs(4), [], "both need some"),
    ],
    ids=["identical", "longer only", "shorter only", "leak", "no test"],
)
def test_pairs_that_teach_something_else_are_refused(train, test, problem):
    with pytest.raises(UserError, match=problem):
        check_pairs(train, test, max_length_lean=0.9)


def test_a_table_without_its_columns_is_refused():
    with pytest.raises(UserError, match="rejected"):
        pairs_of_table(pd.DataFrame({"prompt": ["x"], "chosen": ["y"]}))


def test_judgements_need_a_label(tmp_path):
    path = tmp_path / "j.jsonl"
    path.write_text(json.dumps({"prompt": "Hi", "completion": "yes", "label": "good"}))
    with pytest.raises(UserError, match="label"):
        read_judged(path)


def examples_of(conversations: int, split: str = "train"):
    """Canonical rows whose answers have 3 to 7 words, two an answerable conversation."""

    def chat(number: int, turn: int) -> str:
        answer = " ".join(f"{split}{number}t{turn}" for _ in range(3 + (number + turn) % 5))
        turns = (("user", f"{split} case {number}"), ("assistant", answer))
        return json.dumps([{"role": role, "content": content} for role, content in turns])

    rows = [(f"{split}-{n}", chat(n, turn)) for n in range(conversations) for turn in (0, 1)]
    return pd.DataFrame(rows, columns=["conversation_id", "messages"]).assign(split=split)


def test_pairs_made_of_dialogues_set_an_answer_against_one_of_equal_length_from_another_chat():
    table = pd.concat([examples_of(20), examples_of(12, "test")], ignore_index=True)
    made = pairs_of_examples(table, limit=20, seed=0)
    assert [sum(p.split == s for p in made) for s in ("train", "test")] == [20, 20]
    owner = {row["content"]: number for number, m in enumerate(table["messages"]) for row in json.loads(m)[1:]}
    conversation = table["conversation_id"].tolist()
    for pair in made:
        assert conversation[owner[pair.chosen]] != conversation[owner[pair.rejected]]
        assert abs(len(pair.chosen.split()) - len(pair.rejected.split())) <= 1
    # 20 pairs of 20 training conversations: one each
    assert len({p.prompt for p in made if p.split == "train"}) == 20
    train, test = split_pairs(made, test_share=0.3, seed=0)
    assert check_pairs(train, test, max_length_lean=0.9).identical == 0


def test_a_greeting_that_opens_conversations_of_both_splits_is_a_training_prompt_only():
    table = pd.concat([examples_of(6), examples_of(6, "test")], ignore_index=True)
    # the first two conversations of each split begin with the same words
    greeted = table["messages"].str.replace(r"(train|test) case [01]\b", "Hello there", regex=True)
    made = pairs_of_examples(table.assign(messages=greeted), limit=100, seed=0)
    openings = {split: [p.prompt[0][1] for p in made if p.split == split] for split in ("train", "test")}
    # each conversation has two answers: 12 training pairs, and 12 - 2 x 2 test pairs
    assert (len(openings["train"]), len(openings["test"])) == (12, 8)
    assert "Hello there" in openings["train"]
    assert "Hello there" not in openings["test"]


def test_one_conversation_is_not_enough_to_make_pairs():
    with pytest.raises(UserError, match="no two conversations"):
        pairs_of_examples(examples_of(1), limit=5, seed=0)


def test_verdicts_of_the_judge_stage_become_pairs():
    """The real table of the stage `judge`: one pair for each decided comparison, ties and unscored left out."""

    def judged(name: str) -> JudgedPair:
        return JudgedPair(name, (("user", f"I feel low, {name}."),), "tuned", "base", f"good {name}", f"bad {name}", "")

    names = ["won", "lost", "tied", "unscored"]
    scores = [1.0, 0.0, 0.5, float("nan")]
    comparisons = pd.DataFrame(
        {
            "prompt_id": names,
            "answer": [f"good {n}" for n in names],
            "baseline_answer": [f"bad {n}" for n in names],
            "score": scores,
        }
    )
    made = pairs_of_verdicts(verdict_table([judged(n) for n in names], comparisons))
    assert [(p.chosen, p.rejected) for p in made] == [("good won", "bad won"), ("bad lost", "good lost")]
    assert made[0].messages == [{"role": "user", "content": "I feel low, won."}]
