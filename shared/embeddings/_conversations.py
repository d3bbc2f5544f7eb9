"""The corpus conversation by conversation, in the shapes that other tools read."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from shared.stats import Estimate, mean_estimate

NO_OUTCOME = "(none)"


def conversation_lines(conversations: pd.DataFrame, turns: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """One JSON value a conversation with its outcome and its turns in order.

    Args:
        conversations: columns conversation_id and outcome.
        turns: columns conversation_id, turn, speaker, speaker_confidence, text; a missing value becomes null.

    Yields:
        `{conversation_id, outcome, turns: [{turn, speaker, speaker_confidence, text}]}`, also for conversations
        without turns.
    """
    columns = ["turn", "speaker", "speaker_confidence", "text"]
    spoken = {str(name): group for name, group in turns.groupby("conversation_id", sort=False)}
    outcomes = conversations["outcome"].astype(object).where(conversations["outcome"].notna(), None)
    for name, outcome in zip(conversations["conversation_id"].astype(object), outcomes, strict=True):
        group = spoken.get(str(name), turns.iloc[:0])
        values = group[columns].astype(object).where(group[columns].notna(), None)
        yield {"conversation_id": name, "outcome": outcome, "turns": values.to_dict("records")}


def outcome_statistics(conversations: pd.DataFrame, turns: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """What conversations of each outcome look like.

    Args:
        conversations: columns conversation_id and outcome; a missing outcome is a group of its own, "(none)".
        turns: columns conversation_id and text.
        seed: of the bootstrap.

    Returns:
        One row an outcome, most frequent first: outcome, conversations, share, and mean with 95 % interval over
        conversations of turns, words a turn, and share of turns that say what an earlier conversation already said.
    """
    sizes = _conversation_sizes(conversations, turns)
    counts = sizes["outcome"].value_counts()
    rows = [_outcome_row(str(outcome), sizes[sizes["outcome"] == outcome], seed) for outcome in counts.index]
    return pd.DataFrame(rows).assign(share=lambda frame: frame["conversations"] / len(sizes))


def _conversation_sizes(conversations: pd.DataFrame, turns: pd.DataFrame) -> pd.DataFrame:
    """One row a conversation; a conversation without turns has no words a turn (NaN)."""
    words = turns["text"].astype(object).map(lambda text: len(text.split()))
    facts = pd.DataFrame(
        {
            "conversation_id": turns["conversation_id"].astype(object),
            "words": words.astype(float),
            "repeated": turns["text"].duplicated().astype(float),
        }
    )
    grouped = facts.groupby("conversation_id").agg(
        turns=("words", "size"), words=("words", "mean"), repeated=("repeated", "mean")
    )
    sizes = grouped.reindex(conversations["conversation_id"].astype(object))
    outcomes = conversations["outcome"].astype(object).fillna(NO_OUTCOME)
    return sizes.assign(turns=sizes["turns"].fillna(0.0), outcome=outcomes.to_numpy())


def _outcome_row(outcome: str, group: pd.DataFrame, seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"outcome": outcome, "conversations": len(group)}
    for name, column in (("turns", "turns"), ("words_a_turn", "words"), ("repeated_share", "repeated")):
        row |= _columns(name, mean_estimate(group[column].to_numpy(dtype=float), seed=seed))
    return row


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    low, high = np.asarray(estimate.interval, dtype=float)
    return {name: estimate.value, f"{name}_low": float(low), f"{name}_high": float(high)}
