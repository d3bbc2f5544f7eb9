"""Features of turns from what earlier stages know: vectors, codes, length, speaker and time between turns."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.runs import UserError

SPEAKERS = ("agent", "donor")


class Analysed(NamedTuple):
    """Turns with their features, ready for `write_dataset`.

    Attributes:
        turns: `conversation_id` and `turn`, sorted, row by row with `features`.
        features: shape (turns, width), float32, no NaN: what is missing is 0 beside a feature that says so.
        names: shape (width,).
    """

    turns: pd.DataFrame
    features: np.ndarray
    names: list[str]


def analyse_conversations(
    turns: pd.DataFrame, *, vectors: pd.DataFrame | np.ndarray | None = None, codes: pd.DataFrame | None = None
) -> Analysed:
    """Turn the `turns` table into features by turn.

    Args:
        turns: `conversation_id`, `turn`, `text`; and, if there, `speaker` (agent, donor or missing) and `seconds`
            (time of the turn since the conversation began; NaN = unknown).
        vectors: `conversation_id`, `turn`, `vector` (lists of one length) of stage `embeddings`; or an array of shape
            (turns, dimensions) in the order of `turns`; None: no vectors.
        codes: `conversation_id`, `turn`, `code` (int, at least 0) of stage `codes`; None: no codes.

    Returns:
        Features named `vector_###`, `code_###`, `log_words`, `speaker_agent`, `speaker_donor`, `log_gap` (seconds
        since the turn before) and `gap_known`.

    Raises:
        UserError: `vectors` has another number of rows than `turns`, or turns have no usable vector (with the first).
    """
    aligned = _aligned(vectors, turns) if isinstance(vectors, pd.DataFrame) else vectors
    if aligned is not None:
        _check_vectors(aligned, turns)
    blocks = [_vectors(aligned, len(turns)), _codes(codes, turns), _manner(turns)]
    features = np.hstack([block.to_numpy(dtype=np.float32) for block in blocks])
    # Positions, not labels: the index of a filtered table has gaps.
    order = np.lexsort([turns["turn"].to_numpy(), pd.factorize(turns["conversation_id"], sort=True)[0]])
    names = [name for block in blocks for name in block.columns]
    return Analysed(turns[["conversation_id", "turn"]].iloc[order].reset_index(drop=True), features[order], names)


def _aligned(vectors: pd.DataFrame, turns: pd.DataFrame) -> np.ndarray:
    """One vector a row of `turns`; NaN where there is none."""
    rows = vectors.set_index(["conversation_id", "turn"]).index.get_indexer(
        pd.MultiIndex.from_frame(turns[["conversation_id", "turn"]])
    )
    values = np.stack(vectors["vector"].to_list()).astype(np.float32)
    return np.where(rows[:, None] >= 0, values[rows], np.float32("nan"))


def _check_vectors(vectors: np.ndarray, turns: pd.DataFrame) -> None:
    if len(vectors) != len(turns):
        raise UserError(
            f"There are {len(vectors):,} vectors for {len(turns):,} turns. Run `embeddings` on these turns."
        )
    unusable = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(unusable):
        first = turns.iloc[unusable[0]]
        raise UserError(
            f"{len(unusable):,} of {len(turns):,} turns have no vector or one with NaN or infinite values, first turn "
            f"{first['turn']} of '{first['conversation_id']}'. Run `embeddings` again, or leave these turns out."
        )


def _vectors(vectors: np.ndarray | None, rows: int) -> pd.DataFrame:
    values = np.zeros((rows, 0), np.float32) if vectors is None else vectors
    return pd.DataFrame(values, columns=[f"vector_{i:03d}" for i in range(values.shape[1])])


def _codes(codes: pd.DataFrame | None, turns: pd.DataFrame) -> pd.DataFrame:
    """A column for each code that occurs; a turn without a code has zeros in all of them."""
    if codes is None:
        return pd.DataFrame(index=range(len(turns)))
    keys = ["conversation_id", "turn"]
    joined = turns[keys].merge(codes[[*keys, "code"]], on=keys, how="left")["code"]
    return pd.DataFrame({f"code_{int(code):03d}": joined == code for code in np.sort(joined.dropna().unique())})


def _manner(turns: pd.DataFrame) -> pd.DataFrame:
    """Length, speaker and gap, row by row with `turns`."""
    speaker = turns["speaker"].to_numpy() if "speaker" in turns else np.full(len(turns), None)
    words = turns["text"].fillna("").map(lambda text: len(text.split())).to_numpy(dtype=float)
    gap = _gaps(turns)
    manner = {"log_words": np.log1p(words)}
    manner |= {f"speaker_{name}": np.asarray(speaker == name, dtype=float) for name in SPEAKERS}
    manner |= {"log_gap": np.log1p(np.nan_to_num(gap)), "gap_known": (~np.isnan(gap)).astype(float)}
    return pd.DataFrame(manner)


def _gaps(turns: pd.DataFrame) -> np.ndarray:
    """Seconds since the turn before of the same conversation, at least 0; NaN at the first turn and without times."""
    if "seconds" not in turns:
        return np.full(len(turns), np.nan)
    ordered = turns.sort_values(["conversation_id", "turn"])
    gap = ordered.groupby("conversation_id")["seconds"].diff().clip(lower=0)
    return gap.reindex(turns.index).to_numpy(dtype=float, na_value=np.nan)
