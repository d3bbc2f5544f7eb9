"""Turn vectors with the turns before them, and which conversations the codebook may learn from."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.runs import UserError


class Windows(NamedTuple):
    """Vectors of all turns and, for every turn, where its own and its predecessors' vectors are.

    Attributes:
        vectors: (turns, dimensions) float32.
        places: (turns, 1 + context) int64; column 0 is the turn itself, column k the turn k before it in the same
            conversation, -1 = the conversation had not begun.
    """

    vectors: np.ndarray
    places: np.ndarray

    def take(self, rows: np.ndarray) -> "Windows":
        """The windows of some turns; vectors stay whole, because predecessors may lie outside."""
        return Windows(self.vectors, self.places[rows])


def stack_vectors(frame: pd.DataFrame) -> np.ndarray:
    """The column `vector` of `turn_vectors` as one array, shape (turns, dimensions), float32.

    Raises:
        UserError: there are no turns.
    """
    if frame.empty:
        raise UserError("turn_vectors is empty: there are no turns to learn a codebook from.")
    return np.stack(frame["vector"].to_list()).astype(np.float32)


def windows(vectors: np.ndarray, conversations: np.ndarray, context: int) -> Windows:
    """Each turn with the `context` turns before it.

    Args:
        vectors: (turns, dimensions), turns in order and conversations in one piece.
        conversations: (turns,) ids.
        context: number of previous turns; 0 = none.
    """
    own = np.arange(len(vectors))
    columns: list[np.ndarray] = [own]
    for back in range(1, context + 1):
        before = np.roll(own, back)
        same = (own >= back) & (conversations[before] == conversations)
        columns.append(np.where(same, before, -1))
    return Windows(np.ascontiguousarray(vectors, dtype=np.float32), np.stack(columns, axis=1))


def held_out_conversations(conversations: pd.DataFrame, *, fraction: float = 0.2, seed: int = 0) -> set[str]:
    """Ids that no codebook, vocabulary or scaler may learn from.

    Args:
        conversations: columns conversation_id and split. Where any split is given, everything but "train" is held
            out; otherwise a seeded random fraction, at least one conversation.
        fraction: in (0, 1), used without a given split.
        seed: which conversations, used without a given split.

    Raises:
        UserError: nothing would be left on one of the two sides.
    """
    ids = conversations["conversation_id"].astype(object).to_numpy()
    split = conversations["split"].astype(object)
    if split.notna().any():
        held_out = set(ids[(split != "train").to_numpy()])
    else:
        shuffled = np.random.default_rng(seed).permutation(np.sort(ids))
        held_out = set(shuffled[: max(1, round(fraction * len(ids)))])
    if not held_out or len(held_out) == len(set(ids)):
        raise UserError(
            f"{len(held_out)} of {len(set(ids))} conversations are held out; both sides need at least one. "
            "Give more conversations, or a `split` column with 'train' and 'test'."
        )
    return held_out
