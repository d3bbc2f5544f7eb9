"""Which conversations train, which choose, which judge: assigned once, by groups that must not be torn apart."""

from typing import Literal

import numpy as np
import pandas as pd

from shared.runs import UserError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_SLACK = 1e-9  # 0.2 + 0.1 is a little more than 0.3


def assign_splits(
    conversations: pd.DataFrame,
    *,
    test: float = 0.2,
    validation: float = 0.1,
    by: Literal["conversation", "donor"] = "conversation",
    seed: int = 0,
) -> pd.Series:
    """Train, validation or test for every conversation.

    Args:
        conversations: canonical table. If every row has a `split` already, that is kept.
        test: share of conversations in (0, 1), reached as closely as whole groups allow.
        validation: share of conversations in (0, 1).
        by: `donor` keeps all conversations of a donor in one split; one without a known donor stands alone.
        seed: of the shuffle; the same seed and table give the same splits.

    Returns:
        Strings aligned with `conversations`.

    Raises:
        UserError: the shares leave nothing for training, or some but not all rows have a split.
    """
    given = conversations["split"]
    if given.notna().all() and len(given):
        return given
    if given.notna().any():
        raise UserError(
            f"{int(given.isna().sum())} conversations have no split and others do. Give all of them, or none."
        )
    if not 0 < test + validation < 1:
        raise UserError(f"test {test} and validation {validation} must leave a share for training.")
    groups = _groups(conversations, by)
    order = np.random.default_rng(seed).permutation(groups.max() + 1) if len(groups) else np.empty(0, int)
    before = np.cumsum(np.bincount(groups)[order]) - np.bincount(groups)[order]
    names = np.select(
        [before < (test - _SLACK) * len(groups), before < (test + validation - _SLACK) * len(groups)],
        [TEST, VALIDATION],
        TRAIN,
    )
    split = np.empty(len(order), dtype=object)
    split[order] = names
    return pd.Series(split[groups], index=conversations.index, dtype="str")


def _groups(conversations: pd.DataFrame, by: str) -> np.ndarray:
    """A number a group, shape (conversations,)."""
    ids = conversations["conversation_id"]
    keys = ids if by == "conversation" else conversations["donor_id"].fillna("conversation " + ids)
    return pd.factorize(keys)[0]
