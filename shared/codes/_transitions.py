"""What follows what."""

import numpy as np
import pandas as pd

from shared.stats import wilson_interval

_COLUMNS = ["code", "next", "turns", "share", "low", "high", "base", "lift"]


def transitions(codes: np.ndarray, conversations: np.ndarray, *, minimum: int = 5) -> pd.DataFrame:
    """How often each code is followed by each other code in the same conversation.

    Args:
        codes: (turns,) ids; turns in order, conversations in one piece.
        conversations: (turns,) ids.
        minimum: times that a pair must occur; rarer ones are left out of the table.

    Returns:
        Columns code, next, turns (how often the pair occurs), share (of what follows `code`) with 95 % interval (low,
        high), base (share of `next` among all that follow) and lift = share / base; strongest lift first. The
        interval is Wilson's, with as many trials as independent ones would give the variance between conversations.
    """
    follows = conversations[1:] == conversations[:-1]
    pairs = pd.DataFrame({"code": codes[:-1], "next": codes[1:], "conversation": conversations[:-1]})[follows]
    if pairs.empty:
        return pd.DataFrame(columns=_COLUMNS)
    found = _counted(pairs)
    found = found[found["turns"] >= minimum].reset_index(drop=True)
    found["base"] = found["next"].map(pairs["next"].value_counts(normalize=True))
    found["lift"] = found["share"] / found["base"]
    bounds = [_interval(row) for row in found.itertuples()]
    found[["low", "high"]] = np.array(bounds, dtype=float).reshape(len(found), 2)
    return found.sort_values(["lift", "code", "next"], ascending=[False, True, True], ignore_index=True)[_COLUMNS]


def _counted(pairs: pd.DataFrame) -> pd.DataFrame:
    """Each pair's count and share, and the sums over conversations that its variance needs."""
    hits = pairs.groupby(["conversation", "code", "next"], sort=True).size().rename("hits").reset_index()
    trials = pairs.groupby(["conversation", "code"], sort=True).size().rename("trials").reset_index()
    hits = hits.merge(trials, on=["conversation", "code"])
    hits = hits.assign(hits2=hits["hits"] ** 2, cross=hits["hits"] * hits["trials"])
    found = hits.groupby(["code", "next"]).agg(turns=("hits", "sum"), hits2=("hits2", "sum"), cross=("cross", "sum"))
    trials = trials.assign(trials2=trials["trials"] ** 2)
    totals = trials.groupby("code").agg(trials=("trials", "sum"), trials2=("trials2", "sum"), held=("trials", "size"))
    found = found.reset_index().merge(totals.reset_index(), on="code")
    return found.assign(share=found["turns"] / found["trials"])


def _interval(row: object) -> tuple[float, float]:
    """Wilson bounds of a ratio of sums over conversations."""
    share, trials, held = row.share, row.trials, row.held  # type: ignore[attr-defined]
    squares = row.hits2 - 2 * share * row.cross + share**2 * row.trials2  # type: ignore[attr-defined]
    variance = squares / trials**2 * held / max(held - 1, 1)
    effective = min(trials, share * (1 - share) / variance) if variance > 0 else held
    low, high = wilson_interval(share * effective, effective)
    return low, high
