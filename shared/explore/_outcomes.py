"""What goes with the outcome: length, and words."""

import numpy as np
import pandas as pd

from shared.stats import mean_estimate

_GROUPS = 4


def outcome_by_length(conversations: pd.DataFrame, turns: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Share of the commonest outcome in quarters of conversation length.

    Returns:
        Columns outcome, group (such as "10 to 14 turns"), share, low, high (95 % interval over conversations), n;
        empty if no outcome is known or all conversations are equally long.
    """
    known = conversations.dropna(subset=["outcome"])
    columns = ["outcome", "group", "share", "low", "high", "n"]
    lengths = known["conversation_id"].map(turns.groupby("conversation_id").size())
    if known.empty or lengths.nunique() < 2:
        return pd.DataFrame(columns=columns)
    commonest = known["outcome"].value_counts().index[0]
    quarters = pd.qcut(lengths, _GROUPS, labels=False, duplicates="drop")
    rows = [
        _quarter(commonest, known["outcome"][quarters == q], lengths[quarters == q], seed)
        for q in sorted(set(quarters))
    ]
    return pd.DataFrame(rows, columns=columns)


def _quarter(commonest: str, outcomes: pd.Series, lengths: pd.Series, seed: int) -> tuple[object, ...]:
    share = mean_estimate((outcomes == commonest).to_numpy(float), seed=seed)
    name = f"{int(lengths.min())} to {int(lengths.max())} turns"
    return (commonest, name, share.value, share.interval.low, share.interval.high, share.n)


def distinguishing_words(
    conversations: pd.DataFrame, turns: pd.DataFrame, *, top: int = 8, prior: float = 0.1
) -> pd.DataFrame:
    """Words that stand out in conversations of each outcome.

    Args:
        conversations: with `outcome`.
        turns: their turns.
        top: words an outcome.
        prior: weight of the whole corpus as a prior, in pseudo-counts for each of its words.

    Returns:
        One column an outcome: its words, most distinguishing first, with the z-score of the log-odds. A word counts
        once a conversation, so that one talkative caller does not make a finding.

    Source: log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008).
    """
    from sklearn.feature_extraction.text import CountVectorizer

    known = conversations.dropna(subset=["outcome"])
    texts = turns.groupby("conversation_id")["text"].agg(" ".join).reindex(known["conversation_id"]).fillna("")
    if known["outcome"].nunique() < 2:
        return pd.DataFrame()
    counter = CountVectorizer(binary=True, min_df=2)
    counts = counter.fit_transform(texts)
    names = counter.get_feature_names_out()
    columns = {}
    for outcome in sorted(known["outcome"].unique()):
        inside = (known["outcome"] == outcome).to_numpy()
        scores = _log_odds(np.asarray(counts[inside].sum(0)).ravel(), np.asarray(counts[~inside].sum(0)).ravel(), prior)
        best = np.argsort(-scores)[:top]
        columns[outcome] = [f"{names[i]} ({scores[i]:.1f})" for i in best]
    return pd.DataFrame({name: pd.Series(column) for name, column in columns.items()})


def _log_odds(inside: np.ndarray, outside: np.ndarray, prior: float) -> np.ndarray:
    """z-scores of the difference of log-odds, shape (words,)."""
    background = prior * (inside + outside)
    odds = [
        np.log((c + background) / (c.sum() + background.sum() - c - background)) for c in (inside, outside)
    ]  # fmt: skip
    variance = 1 / (inside + background) + 1 / (outside + background)
    return np.asarray((odds[0] - odds[1]) / np.sqrt(variance))
