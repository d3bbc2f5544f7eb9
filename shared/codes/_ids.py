"""Names of codes that survive a re-export.

A codebook's own numbers are an accident of its training. The same codebook gets the same ids again, because they are
ordered by how often train turns have the code; another codebook over the same turns takes the ids of an earlier
export where both mean the same turns.
"""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from shared.runs import UserError


def ids_by_frequency(codes: np.ndarray, train: np.ndarray, size: int) -> np.ndarray:
    """The id of each of the codebook's own numbers: 0 = the most frequent in train turns.

    Args:
        codes: (turns,) the codebook's own numbers.
        train: (turns,) bool, turns that the codebook was trained on; new turns never change an id.
        size: codes in the codebook.

    Returns:
        (size,) a permutation; ties and unused codes in the order of the codebook's own numbers.
    """
    counts = np.bincount(codes[train], minlength=size)
    ids = np.empty(size, dtype=np.int64)
    ids[np.argsort(-counts, kind="stable")] = np.arange(size)
    return ids


def ids_like_before(turns: pd.DataFrame, codes: np.ndarray, size: int, previous: pd.DataFrame) -> np.ndarray:
    """The id of each of the codebook's own numbers, taken from an earlier export where both cover the same turns.

    Args:
        turns: columns conversation_id and turn, in the order of `codes`.
        codes: (turns,) the codebook's own numbers.
        size: codes in the codebook.
        previous: an earlier `codes` table: conversation_id, turn, code.

    Returns:
        (size,) distinct ids. The one-to-one match shares the most turns; a code that shares none gets an id that was
        never used before.

    Raises:
        UserError: the earlier export has no turn in common.
    """
    own = pd.DataFrame({"conversation_id": turns["conversation_id"], "turn": turns["turn"], "own": codes})
    both = own.merge(previous[["conversation_id", "turn", "code"]], on=["conversation_id", "turn"])
    if both.empty:
        raise UserError(
            "The previous export has no turn in common with this run, so ids cannot be matched. "
            "Name an export of the same corpus, or leave `previous` empty to order ids by frequency."
        )
    shared_turns = np.zeros((size, int(previous["code"].max()) + 1), dtype=np.int64)
    np.add.at(shared_turns, (both["own"].to_numpy(), both["code"].to_numpy()), 1)
    rows, columns = linear_sum_assignment(-shared_turns)
    ids = np.full(size, -1, dtype=np.int64)
    matched = shared_turns[rows, columns] > 0
    ids[rows[matched]] = columns[matched]
    fresh = np.flatnonzero(ids < 0)
    ids[fresh] = shared_turns.shape[1] + np.arange(len(fresh))
    return ids
