"""Outcomes and splits: which conversations are learned from, which decide, and which are only scored."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared.runs import UserError

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def named_outcomes(outcomes: pd.Series, merged: Mapping[str, str], *, least: int) -> pd.Series:
    """Outcomes as class names, renamed and merged as the user says.

    Args:
        outcomes: one a conversation; missing = the conversation has no outcome and cannot be scored.
        merged: from a name in the data to the class it becomes; others keep their name.
        least: conversations that every class needs.

    Returns:
        Same index, str; missing stays missing.

    Raises:
        UserError: a name in `merged` does not occur, fewer than two classes remain, or a class is too small.
    """
    unknown = sorted(set(merged) - set(outcomes.dropna()))
    if unknown:
        known = ", ".join(sorted(map(str, outcomes.dropna().unique())))
        raise UserError(f"outcomes: {', '.join(unknown)} does not occur in the data. Found: {known}.")
    named = outcomes.map(lambda name: merged.get(name, name), na_action="ignore")
    counts = named.value_counts()
    small = [f"{name} ({count})" for name, count in counts.items() if count < least]
    if len(counts) < 2 or small:
        found = ", ".join(f"{name} ({count})" for name, count in counts.items()) or "none"
        raise UserError(
            f"A classifier needs two outcomes with at least {least} conversations each. Found: {found}. Merge small "
            'ones with the parameter `outcomes`, for instance {"callback": "other"}, or lower `least_per_outcome`.'
        )
    return named


def split_groups(outcomes: Sequence[str], groups: Sequence[str], *, validation_share: float, test_share: float,
                 seed: int) -> np.ndarray:  # fmt: skip
    """Cut conversations into train, validation and test, never through a group, each outcome in its share.

    Args:
        outcomes: class of each conversation.
        groups: what must stay together (the conversation, its author, identical transcripts).
        validation_share: share of the conversations in (0, 1).
        test_share: share of the conversations in (0, 1); both together below 1.
        seed: decides which.

    Returns:
        (conversations,) of "train", "validation", "test".

    Raises:
        UserError: shares out of range, or an outcome that occurs in fewer than three groups.
    """
    if min(validation_share, test_share) <= 0 or validation_share + test_share >= 1:
        raise UserError(
            f"validation_share = {validation_share} and test_share = {test_share} leave nothing to learn from, or "
            "nothing to score. Give shares above 0 that add up to less than 1."
        )
    frame = pd.DataFrame({"group": list(groups), "outcome": list(outcomes)})
    table = frame.groupby("group", sort=True).agg(outcome=("outcome", lambda o: o.mode()[0]), size=("outcome", "size"))
    place: dict[str, str] = {}
    for number, (outcome, members) in enumerate(table.groupby("outcome", sort=True)):
        if len(members) < 3:
            raise UserError(f"Outcome '{outcome}' occurs in {len(members)} group(s) only; three splits need three.")
        rng = np.random.default_rng((seed, number))
        place |= _cut(members["size"].iloc[rng.permutation(len(members))], validation_share, test_share)
    return frame["group"].map(place).to_numpy(dtype=object)


def _cut(sizes: pd.Series, validation_share: float, test_share: float) -> dict[str, str]:
    """Groups in order: test until its share is full, then validation, then train; each gets at least one."""
    ends = sizes.cumsum() / sizes.sum()
    middles = (ends - sizes / sizes.sum() / 2).to_numpy()
    names = np.where(middles < test_share, TEST, np.where(middles < test_share + validation_share, VALIDATION, TRAIN))
    names[0], names[-1] = TEST, TRAIN
    if VALIDATION not in names:
        names[1] = VALIDATION
    return dict(zip(sizes.index, names, strict=True))


def text_groups(texts: Sequence[str]) -> list[str]:
    """A name for each distinct transcript: identical ones must not be learned in one split and scored in another."""
    return [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]


def given_splits(splits: pd.Series) -> np.ndarray | None:
    """The corpus's own splits where every conversation has one, else None.

    Raises:
        UserError: the corpus names splits but not train, validation and test.
    """
    if splits.isna().any():
        return None
    found = set(splits)
    if found != {TRAIN, VALIDATION, TEST}:
        raise UserError(
            f"The corpus names the splits {', '.join(sorted(map(str, found)))}; needed are train, validation and test. "
            "Rename them in the file, or set `own_splits: false` to cut anew."
        )
    return splits.to_numpy(dtype=object)
