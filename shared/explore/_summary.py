"""Counts of a corpus: size, gaps, turn-taking, vocabulary."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from shared.data import Rejected

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_GROWTH_POINTS = 50
_STILL_GROWING = 0.1  # share of the vocabulary that the last fifth of the turns adds


def corpus_summary(conversations: pd.DataFrame, turns: pd.DataFrame) -> pd.DataFrame:
    """The figures that every report on a corpus begins with.

    Returns:
        Columns name, value, unit, n: conversations, turns, turns a conversation, words a turn, authors, share of
        duplicate turns (same text after lower-casing).
    """
    words = turns["text"].str.count(r"\S+")
    duplicates = turns["text"].str.lower().duplicated().mean()
    rows = [
        ("n_conversations", len(conversations), "conversations", None),
        ("n_turns", len(turns), "turns", None),
        ("turns_per_conversation", len(turns) / max(len(conversations), 1), "turns", len(conversations)),
        ("words_per_turn", words.mean(), "words", len(turns)),
        ("longest_turn", words.max(), "words", len(turns)),
        ("n_authors", turns["author_id"].nunique(), "authors", None),
        ("duplicate_turns", duplicates, "", len(turns)),
    ]
    return pd.DataFrame(rows, columns=["name", "value", "unit", "n"]).astype({"n": "Int64"}).replace({pd.NA: None})


def missing_table(conversations: pd.DataFrame, turns: pd.DataFrame) -> pd.DataFrame:
    """Columns table, column, missing (share of rows without a value, in [0, 1]); complete columns are left out."""
    rows = [
        {"table": name, "column": column, "missing": frame[column].isna().mean()}
        for name, frame in (("conversations", conversations), ("turns", turns))
        for column in frame.columns
    ]
    table = pd.DataFrame(rows)
    return table[table["missing"] > 0].sort_values("missing", ascending=False, ignore_index=True)


def rejection_reasons(rejected: Sequence[Rejected]) -> pd.DataFrame:
    """Columns reason, rows, first_line: why rows were rejected, commonest first; empty if none was."""
    frame = pd.DataFrame(list(rejected), columns=Rejected._fields)
    reasons = frame.groupby("reason", sort=False).agg(rows=("rows", "sum"), first_line=("line", "min"))
    return reasons.sort_values("rows", ascending=False).reset_index()


class TurnTaking(NamedTuple):
    """How sides take turns.

    Attributes:
        known: share of turns whose speaker is known, in [0, 1].
        alternation: share of neighbouring turns with known speakers at which the side changes; NaN without any.
        n: such neighbours.
        shares: share of turns by speaker.
    """

    known: float
    alternation: float
    n: int
    shares: pd.Series


def turn_taking(turns: pd.DataFrame) -> TurnTaking:
    """Turn-taking within conversations.

    Args:
        turns: the canonical table, in order of conversation and turn.
    """
    before = turns.groupby("conversation_id")["speaker"].shift()
    both = turns["speaker"].notna() & before.notna()
    changes = (turns["speaker"] != before)[both]
    shares = turns["speaker"].value_counts(normalize=True)
    return TurnTaking(float(turns["speaker"].notna().mean()), float(changes.mean()), int(both.sum()), shares)


def vocabulary_growth(turns: pd.DataFrame) -> pd.DataFrame:
    """Columns turns, words: how many different words the first so many turns hold.

    `attrs["growing"]` says whether the last fifth of the turns still adds a tenth of the vocabulary.
    """
    seen: Counter[str] = Counter()
    step = max(len(turns) // _GROWTH_POINTS, 1)
    points = []
    for place, text in enumerate(turns["text"], start=1):
        seen.update(_WORD.findall(text.lower()))
        if place % step == 0 or place == len(turns):
            points.append((place, len(seen)))
    growth = pd.DataFrame(points, columns=["turns", "words"]).drop_duplicates("turns")
    late = growth.loc[growth["turns"] <= 0.8 * len(turns), "words"].max()
    growth.attrs["growing"] = bool(late < (1 - _STILL_GROWING) * len(seen))
    return growth
