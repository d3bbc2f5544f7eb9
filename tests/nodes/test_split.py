import numpy as np
import pandas as pd
import pytest

from shared.nodes import check_sides, near_duplicate_groups, split_rows
from shared.runs import UserError


def test_messages_that_say_nearly_the_same_share_a_group() -> None:
    messages = ["Where is my card?", "where is my card", "I want to close my account", "What is the exchange rate?"]
    groups = near_duplicate_groups(messages, ["1", "2", "3", "3"])
    assert groups[0] == groups[1]
    assert groups[2] == groups[3] != groups[0]  # they were one group from the start


def test_no_group_and_no_near_duplicate_stands_on_two_sides() -> None:
    topics = ["card", "refund", "password", "limit", "rate", "transfer", "cash", "address"]
    messages = [f"{start} my {topic}{end}" for topic in topics for start in ("about", "help with") for end in ("", "!")]
    groups = [str(i // 2) for i in range(len(messages))]
    split = split_rows(messages, ["a", "b"] * (len(messages) // 2), groups, validation=0.25, test=0.25)
    joined = near_duplicate_groups(messages, groups)
    for group in np.unique(joined):
        assert len(set(split.sides[joined == group])) == 1
    assert set(split.sides) == {"train", "validation", "test"}


def test_the_same_seed_gives_the_same_split() -> None:
    messages = [f"message number {i} on topic {i * 7}" for i in range(40)]
    first, second = (split_rows(messages, ["a"] * 40, [str(i) for i in range(40)], seed=3) for _ in range(2))
    assert first.sides.tolist() == second.sides.tolist()


def test_a_side_without_messages_is_refused_with_the_counts() -> None:
    some, none = pd.DataFrame({"message": ["hi"]}), pd.DataFrame({"message": []})
    with pytest.raises(UserError, match=r"No message for validation and test \(train 1, validation 0, test 0\)"):
        check_sides({"train": some, "validation": none, "test": none})
    check_sides({"train": some, "validation": some, "test": some})
