"""What each conversation and each author is labelled with, and which split they are in."""

from typing import Literal

import numpy as np
import pandas as pd

from shared.data import assign_splits
from shared.runs import UserError

Side = Literal["donor", "agent"]


def label_conversations(
    conversations: pd.DataFrame,
    positive: str,
    *,
    side: Side = "donor",
    traits: pd.DataFrame | None = None,
    trait: str = "",
    fewest: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """Rows for `conversations.parquet` from the canonical table.

    Args:
        conversations: canonical table with `conversation_id`, `outcome`, `split`, `donor_id`, `agent_id`.
        positive: the outcome that is label 1; every other known outcome is 0, a missing one stays unlabelled.
        side: whose profile is asked for.
        traits: one row an author: `author_id` and the column `trait` (0, 1 or missing); None: an author is positive
            if at least half of the author's labelled conversations are.
        trait: name of the column.
        fewest: authors with fewer conversations stay without author label.
        seed: of the splits, which are by author unless the table has them.

    Returns:
        `conversation_id`, `author_id`, `split`, `label`, `author_label`, in the order of `conversations`.

    Raises:
        UserError: no conversation has the outcome, or `traits` lacks a column.
    """
    outcome = conversations["outcome"]
    if not (outcome == positive).any():
        seen = ", ".join(sorted(map(str, outcome.dropna().unique()))) or "none at all"
        raise UserError(f"No conversation ends with outcome '{positive}'. Outcomes found: {seen}. Set `positive`.")
    author = conversations[f"{side}_id"]
    label = (outcome == positive).astype(float).where(outcome.notna())
    wanted = label.groupby(author).mean().ge(0.5).astype(float) if traits is None else _trait_of(traits, trait)
    enough = author.map(author.value_counts()) >= fewest
    table = {
        "conversation_id": conversations["conversation_id"],
        "author_id": author,
        "split": assign_splits(conversations.assign(donor_id=author), test=0.2, validation=0.2, by="donor", seed=seed),
        "label": label,
        "author_label": author.map(wanted).astype(float).where(enough),
    }
    return pd.DataFrame(table).astype({"label": "Int8", "author_label": "Int8"})


def _trait_of(traits: pd.DataFrame, trait: str) -> pd.Series:
    missing = [name for name in ("author_id", trait) if name not in traits]
    if missing:
        raise UserError(
            f"The table of traits has no column '{missing[0]}'. Found: {', '.join(map(str, traits.columns))}."
        )
    return traits.set_index("author_id")[trait].astype(float)


def conversation_texts(turns: pd.DataFrame, conversation_ids: np.ndarray) -> list[str]:
    """All turns of each conversation as one text, for floors that read words; empty without turns."""
    spoken = turns.sort_values(["conversation_id", "turn"]).groupby("conversation_id")["text"].agg(" ".join)
    return spoken.reindex(conversation_ids).fillna("").tolist()
