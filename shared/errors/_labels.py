"""Errors of the data rather than of the model: wrong labels, contradictions, test items that train has seen."""

import numpy as np
import pandas as pd

from shared.text import similar_pairs


def likely_label_errors(rows: pd.DataFrame, probabilities: pd.DataFrame, labels: tuple[str, ...]) -> pd.DataFrame:
    """Items whose given label the model contradicts with more confidence than it usually has.

    Args:
        rows: truth, text, item; predictions on items that the model was not trained on.
        probabilities: shape (rows, classes).
        labels: class names in column order.

    Returns:
        Columns item, text, truth, likelier, margin (likelier's probability minus the given label's), largest first.

    Source: confident learning (Northcutt, Jiang and Chuang 2021): a label counts as likely wrong if another class
    reaches the mean probability that this class has on items which carry it.
    """
    values = probabilities.to_numpy(float)
    given = np.array([labels.index(t) if t in labels else -1 for t in rows["truth"]])
    # A class's own mean confidence as its bar: a model that is timid about a class is not held to another's boldness.
    thresholds = np.array([values[given == c, c].mean() if (given == c).any() else np.inf for c in range(len(labels))])
    reached = np.where(values >= thresholds, values, -np.inf)
    likelier = reached.argmax(1)
    wrong = np.isfinite(reached.max(1)) & (likelier != given) & (given >= 0)
    found = rows.loc[wrong, ["item", "text", "truth"]].assign(
        likelier=[labels[c] for c in likelier[wrong]],
        margin=values[wrong, likelier[wrong]] - values[wrong, given[wrong]],
    )
    return found.sort_values("margin", ascending=False, ignore_index=True)


def near_duplicates(rows: pd.DataFrame, *, similarity: float = 0.9) -> pd.DataFrame:
    """Pairs of items that say nearly the same.

    Args:
        rows: item, text, truth, split.
        similarity: cosine of character 3- to 5-gram TF-IDF vectors in (0, 1].

    Returns:
        Columns first, second, first_truth, second_truth, first_split, second_split, similarity; `first` comes earlier.
    """
    columns = ["first", "second", "first_truth", "second_truth", "first_split", "second_split", "similarity", "text"]
    found = zip(*similar_pairs(rows["text"].tolist(), similarity), strict=True)
    return pd.DataFrame([_pair(rows, int(i), int(j), float(s)) for i, j, s in found], columns=columns)


def _pair(rows: pd.DataFrame, i: int, j: int, similarity: float) -> tuple[object, ...]:
    a, b = rows.iloc[i], rows.iloc[j]
    return (a["item"], b["item"], a["truth"], b["truth"], a["split"], b["split"], similarity, a["text"])


def overlap(test: pd.Series, train: pd.Series) -> float:
    """Share of test texts that also stand in train, letter by letter but for case and space; NaN without test texts."""
    seen = set(train.str.lower().str.split().str.join(" "))
    return float(test.str.lower().str.split().str.join(" ").isin(seen).mean())
