"""From words of conversations to words, turns and speakers of a corpus, and how well planted cues are found."""

from collections.abc import Collection, Sequence

import pandas as pd

from shared.attention._explain import Explanation


def occurrence_table(explanations: Sequence[Explanation], labels: Sequence[str]) -> pd.DataFrame:
    """Every word of every conversation with its scores.

    Returns:
        conversation_id, predicted, turn, speaker, word, and a column a method.
    """
    return pd.concat([_occurrences(one, labels) for one in explanations], ignore_index=True)


def _occurrences(one: Explanation, labels: Sequence[str]) -> pd.DataFrame:
    facts = {"turn": one.tokens.turns, "speaker": one.tokens.speakers, "word": one.tokens.words}
    frame = pd.DataFrame({**facts, **one.scores})
    frame.insert(0, "conversation_id", one.tokens.conversation_id)
    frame.insert(1, "predicted", labels[one.target])
    return frame


def word_table(occurrences: pd.DataFrame, methods: Sequence[str], *, least: int) -> pd.DataFrame:
    """Mean score of each word in conversations with each predicted class.

    Args:
        occurrences: what `occurrence_table` gave.
        methods: columns of scores.
        least: a word must occur in so many conversations of the class; rarer ones are too noisy to rank.

    Returns:
        predicted, word, occurrences, conversations, and the mean of each method; by class, the most attended first.
    """
    grouped = occurrences.groupby(["predicted", "word"], sort=False)
    counts = grouped.agg(occurrences=("word", "size"), conversations=("conversation_id", "nunique"))
    table = counts.join(grouped[list(methods)].mean()).reset_index()
    table = table[table["conversations"] >= least]
    order = ["predicted", methods[0], "word"]
    return table.sort_values(order, ascending=[True, False, True], ignore_index=True)


def ranked_words(occurrences: pd.DataFrame, method: str, *, least: int) -> list[str]:
    """Distinct words of the corpus, those with the largest mean absolute score first.

    A word that drives one outcome speaks against the others, so what counts is the size of its score, not the sign.

    Args:
        occurrences: what `occurrence_table` gave.
        method: column of scores.
        least: a word must occur in so many conversations.
    """
    grouped = occurrences.assign(size=occurrences[method].abs()).groupby("word")
    means = grouped["size"].mean()[grouped["conversation_id"].nunique() >= least]
    return list(means.sort_values(ascending=False, kind="stable").index)


def precision_at_k(ranked: Sequence[str], cues: Collection[str], k: int) -> float:
    """Share of the first k words that are cues; NaN if there are no words.

    Args:
        ranked: words, the most important first.
        cues: words that truly matter.
        k: how many are looked at; if fewer are ranked, those.
    """
    top = ranked[:k]
    return sum(word in cues for word in top) / len(top) if top else float("nan")


def cue_hits(occurrences: pd.DataFrame, method: str, cues: pd.Series) -> pd.Series:
    """Precision within each conversation: of its n words with the largest absolute scores, how many are its n cues.

    Args:
        occurrences: what `occurrence_table` gave.
        method: column of scores.
        cues: bool, index of `occurrences`: this occurrence is a planted cue.

    Returns:
        By conversation_id, in [0, 1]; NaN where a conversation holds no cue.
    """
    frame = occurrences.assign(cue=cues, **{method: occurrences[method].abs()})
    return frame.groupby("conversation_id", sort=False)[[method, "cue"]].apply(_hits, method=method)


def _hits(words: pd.DataFrame, method: str) -> float:
    count = int(words["cue"].sum())
    return float(words.nlargest(count, method)["cue"].mean()) if count else float("nan")


def shares_by(occurrences: pd.DataFrame, method: str, column: str) -> pd.DataFrame:
    """Share of a conversation's absolute scores on each speaker (or turn), and of its words.

    Args:
        occurrences: what `occurrence_table` gave.
        method: column of scores.
        column: "speaker", "turn" or another column of `occurrences`.

    Returns:
        conversation_id, the column, score_share and word_share, both in [0, 1].
    """
    frame = occurrences.assign(score_share=occurrences[method].abs(), word_share=1.0)
    sums = frame.groupby(["conversation_id", column], sort=False)[["score_share", "word_share"]].sum()
    return (sums / sums.groupby("conversation_id").transform("sum")).reset_index()


def thirds(occurrences: pd.DataFrame) -> pd.Series:
    """Where in its conversation each word stands: "opening", "middle" or "end", by turns."""
    last = occurrences.groupby("conversation_id")["turn"].transform("max").clip(lower=1)
    place = (occurrences["turn"] / (last + 1) * 3).astype(int).clip(upper=2)
    return place.map({0: "opening", 1: "middle", 2: "end"})
