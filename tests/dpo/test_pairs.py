"""Layouts of preferences, and pairs that would teach something else."""

import json

import pytest

from shared.dpo import Pair, check_pairs, pair_of, pairs_of_table, read_judged, split_pairs
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
    import pandas as pd

    with pytest.raises(UserError, match="rejected"):
        pairs_of_table(pd.DataFrame({"prompt": ["x"], "chosen": ["y"]}))


def test_judgements_need_a_label(tmp_path):
    path = tmp_path / "j.jsonl"
    path.write_text(json.dumps({"prompt": "Hi", "completion": "yes", "label": "good"}))
    with pytest.raises(UserError, match="label"):
        read_judged(path)
