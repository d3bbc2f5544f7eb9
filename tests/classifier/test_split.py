import numpy as np
import pandas as pd
import pytest

from shared.classifier import given_splits, named_outcomes, split_groups, text_groups
from shared.runs import UserError

SHARES = {"validation_share": 0.2, "test_share": 0.2, "seed": 0}


def test_each_outcome_is_cut_in_its_share():
    outcomes = ["yes"] * 20 + ["no"] * 80
    splits = split_groups(outcomes, [str(i) for i in range(100)], **SHARES)
    # 20 % of 20 and of 80
    assert [(splits[:20] == name).sum() for name in ("train", "validation", "test")] == [12, 4, 4]
    assert [(splits[20:] == name).sum() for name in ("train", "validation", "test")] == [48, 16, 16]


def test_a_group_is_never_cut():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 30, 200).astype(str)
    outcomes = rng.choice(["yes", "no"], 200)
    frame = pd.DataFrame({"group": groups, "split": split_groups(outcomes, groups, **SHARES)})
    assert (frame.groupby("group")["split"].nunique() == 1).all()


def test_the_smallest_class_still_reaches_every_split():
    splits = split_groups(["rare"] * 3 + ["common"] * 30, [str(i) for i in range(33)], **SHARES)
    assert set(splits[:3]) == {"train", "validation", "test"}


def test_a_class_of_two_groups_is_refused():
    with pytest.raises(UserError, match="'rare' occurs in 2"):
        split_groups(["rare"] * 2 + ["common"] * 30, [str(i) for i in range(32)], **SHARES)


def test_the_same_seed_cuts_the_same_way_and_another_does_not():
    names = [str(i) for i in range(60)]
    cut = [split_groups(["a", "b"] * 30, names, **{**SHARES, "seed": seed}).tolist() for seed in (1, 1, 2)]
    assert cut[0] == cut[1] != cut[2]


def test_shares_that_leave_no_training_data_are_refused():
    with pytest.raises(UserError, match="leave nothing"):
        split_groups(["a", "b"], ["1", "2"], validation_share=0.5, test_share=0.5, seed=0)


def test_identical_transcripts_are_one_group():
    assert text_groups(["hi", "hi", "ho"])[0] == text_groups(["hi"])[0] != text_groups(["ho"])[0]


def test_outcomes_are_merged_and_missing_ones_stay_missing():
    named = named_outcomes(pd.Series(["donated", "callback", "refused", None]), {"callback": "refused"}, least=1)
    assert named.tolist()[:3] == ["donated", "refused", "refused"]
    assert named.isna().tolist() == [False, False, False, True]


def test_a_class_that_is_too_small_is_named():
    with pytest.raises(UserError, match=r"callback \(1\)"):
        named_outcomes(pd.Series(["donated"] * 5 + ["callback"]), {}, least=2)


def test_merging_a_class_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="maybe does not occur"):
        named_outcomes(pd.Series(["donated", "refused"]), {"maybe": "refused"}, least=1)


def test_the_corpus_own_splits_are_taken_only_if_every_conversation_has_one():
    assert given_splits(pd.Series(["train", None])) is None
    assert given_splits(pd.Series(["train", "validation", "test"])).tolist() == ["train", "validation", "test"]
    with pytest.raises(UserError, match="dev"):
        given_splits(pd.Series(["train", "dev"]))
