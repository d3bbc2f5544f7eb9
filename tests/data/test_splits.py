import pandas as pd
import pytest

from shared.data import CONVERSATIONS_SCHEMA, assign_splits
from shared.runs import UserError


def conversations(n: int, donors: int = 0) -> pd.DataFrame:
    columns = {"conversation_id": [f"c{i}" for i in range(n)]}
    if donors:
        columns["donor_id"] = [f"d{i % donors}" for i in range(n)]
    return pd.DataFrame(columns, columns=CONVERSATIONS_SCHEMA.names)


def test_shares_are_kept():
    counts = assign_splits(conversations(100)).value_counts()
    assert counts.to_dict() == {"train": 70, "test": 20, "validation": 10}


def test_conversations_of_a_donor_stay_together():
    table = conversations(90, donors=30)
    split = assign_splits(table, by="donor")
    assert split.groupby(table["donor_id"]).nunique().max() == 1


def test_unknown_donors_stand_alone():
    assert assign_splits(conversations(100), by="donor").value_counts()["test"] == 20


def test_the_seed_decides():
    assert assign_splits(conversations(50), seed=1).equals(assign_splits(conversations(50), seed=1))
    assert not assign_splits(conversations(50), seed=1).equals(assign_splits(conversations(50), seed=2))


def test_given_splits_stay_and_half_given_ones_are_refused():
    table = conversations(2).assign(split=["train", "test"])
    assert assign_splits(table).tolist() == ["train", "test"]
    with pytest.raises(UserError, match="1 conversations have no split"):
        assign_splits(table.assign(split=["train", None]))


def test_shares_must_leave_something_to_train():
    with pytest.raises(UserError, match="leave a share for training"):
        assign_splits(conversations(10), test=0.8, validation=0.2)
