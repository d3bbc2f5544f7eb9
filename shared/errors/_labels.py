"""Errors of the data rather than of the model: wrong labels, contradictions, test items that train has seen."""

import numpy as np
import pandas as pd
from scipy.special import softmax

from shared.models import fit_temperature
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
    given = _given(rows, labels)
    likelier = _likelier(values, given)
    wrong = (likelier >= 0) & (likelier != given) & (given >= 0)
    found = rows.loc[wrong, ["item", "text", "truth"]].assign(
        likelier=[labels[c] for c in likelier[wrong]],
        margin=values[wrong, likelier[wrong]] - values[wrong, given[wrong]],
    )
    return found.sort_values("margin", ascending=False, ignore_index=True)


def label_errors_by_chance(rows: pd.DataFrame, probabilities: pd.DataFrame, labels: tuple[str, ...]) -> float:
    """How many items `likely_label_errors` would list if every label were right and every probability true.

    A weak model contradicts many right labels with more than its usual confidence. Where it says 0.7, three of ten
    labels differ although nothing is wrong with them; only what lies above that number speaks for wrong labels.

    Args:
        rows: as in `likely_label_errors`.
        probabilities: shape (rows, classes).
        labels: class names in column order.
    """
    values, given = probabilities.to_numpy(float), _given(rows, labels)
    likelier = _likelier(values, given)
    listed = np.flatnonzero((likelier >= 0) & (given >= 0))
    return float((1 - values[listed, likelier[listed]]).sum())


def as_sure_as_right(rows: pd.DataFrame, probabilities: pd.DataFrame, labels: tuple[str, ...]) -> pd.DataFrame:
    """The probabilities with one temperature that makes the model as sure as it is right on these items.

    A model that is too sure contradicts right labels as boldly as wrong ones. Fitted on the analysed items, the
    temperature also takes evenly spread label noise for overconfidence: what is left is a lower bound of the noise.

    Args:
        rows: as in `likely_label_errors`.
        probabilities: shape (rows, classes).
        labels: class names in column order.

    Returns:
        The same shape and columns; unchanged if no item carries one of the labels.

    Source: temperature scaling (Guo et al. 2017).
    """
    given = _given(rows, labels)
    known = np.flatnonzero(given >= 0)
    if not len(known):
        return probabilities
    logits = np.log(np.clip(probabilities.to_numpy(float), 1e-12, 1.0))
    scaled = logits / fit_temperature(logits[known], given[known])
    return pd.DataFrame(softmax(scaled, axis=1), columns=probabilities.columns)


def _given(rows: pd.DataFrame, labels: tuple[str, ...]) -> np.ndarray:
    return np.array([labels.index(t) if t in labels else -1 for t in rows["truth"]])


def _likelier(values: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The likeliest class among those that reach their own bar, shape (rows,); -1 where none does."""
    # A class's own mean confidence as its bar: a model that is timid about a class is not held to another's boldness.
    bars = np.array([
        values[given == c, c].mean() if (given == c).any() else np.inf for c in range(values.shape[1])
    ])  # fmt: skip
    reached = np.where(values >= bars, values, -np.inf)
    return np.where(np.isfinite(reached.max(axis=1)), reached.argmax(axis=1), -1)


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
