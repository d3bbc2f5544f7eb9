"""One card a code: how often, who says it, when, what it sounds like."""

from typing import Any

import numpy as np
import pandas as pd


def exemplars(texts: np.ndarray, codes: np.ndarray, distance: np.ndarray, *, each: int = 4) -> dict[int, list[str]]:
    """The different texts nearest to each code.

    Args:
        texts: (turns,) strings.
        codes: (turns,) ids.
        distance: (turns,) to the turn's code, at least 0.
        each: texts a code; fewer where fewer differ.

    Returns:
        Texts by code, nearest first; texts that differ only in case and spaces count as one.
    """
    found: dict[int, dict[str, str]] = {}
    for i in np.lexsort((np.arange(len(texts)), distance)):
        mine = found.setdefault(int(codes[i]), {})
        key = " ".join(texts[i].casefold().split())
        if len(mine) < each and key:
            mine.setdefault(key, str(texts[i]))
    return {code: list(mine.values()) for code, mine in found.items()}


def code_cards(turns: pd.DataFrame, ids: np.ndarray, codes: np.ndarray) -> pd.DataFrame:
    """Frequency, speakers and positions of each code.

    Args:
        turns: columns conversation_id, turn, speaker in order; a missing speaker is left out of the speaker shares.
        ids: codes to describe, also ones without turns.
        codes: (turns,) ids.

    Returns:
        One row a code, indexed by it: turns, conversations, share (of all turns), one column `said_by_<speaker>`
        each (share of the code's turns with a known speaker; NaN if none is known), position (mean place in the
        conversation, 0 = first turn, 1 = last) and opening, middle, closing (share of the code's turns in each third).
    """
    place = relative_position(turns["conversation_id"].astype(object).to_numpy())
    facts = pd.DataFrame({"code": codes, "conversation": turns["conversation_id"].astype(object).to_numpy()})
    facts = facts.assign(position=place, opening=place < 1 / 3, closing=place >= 2 / 3)
    facts = facts.assign(middle=~(facts["opening"] | facts["closing"]))
    cards = facts.groupby("code").agg(
        turns=("position", "size"),
        conversations=("conversation", "nunique"),
        position=("position", "mean"),
        **{third: (third, "mean") for third in ("opening", "middle", "closing")},
    )
    cards = cards.join(_speaker_shares(turns["speaker"].astype(object).to_numpy(), codes)).reindex(ids)
    cards[["turns", "conversations"]] = cards[["turns", "conversations"]].fillna(0).astype(int)
    return cards.assign(share=cards["turns"] / max(len(codes), 1))


def relative_position(conversations: np.ndarray) -> np.ndarray:
    """Place of each turn in its conversation, (turns,) in [0, 1]; the only turn of a conversation is at 0."""
    frame = pd.DataFrame({"conversation": conversations})
    grouped = frame.groupby("conversation", sort=False)["conversation"]
    last = grouped.transform("size").to_numpy() - 1
    return frame.groupby("conversation", sort=False).cumcount().to_numpy() / np.maximum(last, 1)


def _speaker_shares(speakers: np.ndarray, codes: np.ndarray) -> pd.DataFrame:
    known = ~pd.isna(speakers)
    shares: Any = pd.crosstab(codes[known], speakers[known], normalize="index")
    shares.columns = [f"said_by_{name}" for name in shares.columns]
    return shares.rename_axis("code")
