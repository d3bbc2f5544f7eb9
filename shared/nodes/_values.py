"""Nodes that read numbers from a message, such as valence and arousal: floors, scores, predictions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from shared.models import LabelledTexts, targets
from shared.nodes._evaluate import value_scores
from shared.stats import mean_estimate

VALUES_SCHEMA = pa.schema([
    pa.field("message", pa.string(), nullable=False),
    pa.field("group", pa.string(), nullable=False),
    pa.field("model", pa.string(), nullable=False),
    pa.field("number", pa.string(), nullable=False),  # which one: V, A, ...
    pa.field("truth", pa.float64()),  # null = unscored
    pa.field("predicted", pa.float64(), nullable=False),
])  # fmt: skip


def value_floors(train: LabelledTexts, names: Sequence[str], texts: Sequence[str]) -> dict[str, np.ndarray]:
    """What an encoder has to beat where it predicts numbers.

    Args:
        train: labelled texts; a missing number is left out of its column.
        names: the numbers, in column order.
        texts: to predict.

    Returns:
        (texts, names) of "mean" (the training mean, whatever the text says) and "TF-IDF" (words and pairs of words
        with ridge regression).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = targets(train, names, "values")
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    counted, asked = words.fit_transform(train.texts), words.transform(texts)
    linear = [_ridge(counted, known[:, place], asked) for place in range(len(names))]
    return {"mean": np.tile(np.nanmean(known, axis=0), (len(texts), 1)), "TF-IDF": np.stack(linear, axis=1)}


def _ridge(counted: object, known: np.ndarray, asked: object) -> np.ndarray:
    from sklearn.linear_model import Ridge

    there = ~np.isnan(known)
    return np.asarray(Ridge(alpha=1.0).fit(counted[there], known[there]).predict(asked))  # type: ignore[index]


def values_table(predicted: Mapping[str, np.ndarray], names: Sequence[str], rows: pd.DataFrame) -> pd.DataFrame:
    """Predictions and truth, a row a message, model and number.

    Args:
        predicted: (rows, names) of each model, by its name.
        names: the numbers, in column order.
        rows: message, label (dict of float), group.

    Returns:
        Columns of `VALUES_SCHEMA`.
    """
    parts = [
        pd.DataFrame({
            "message": rows["message"], "group": rows["group"], "model": model, "number": name,
            "truth": [label.get(name, np.nan) for label in rows["label"]], "predicted": values[:, place],
        })
        for model, values in predicted.items() for place, name in enumerate(names)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def value_score_table(values: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Correlation and mean absolute error of every model and number.

    Args:
        values: from `values_table`.
        seed: of the intervals, which are over groups.

    Returns:
        Columns number, model, n, correlation (Pearson; NaN for a model that says the same of every message),
        low, high (95 %), error (mean absolute, in the number's unit).
    """
    rows = []
    for (number, model), part in values.groupby(["number", "model"], sort=False):
        truth, guess = part[["truth"]].reset_index(drop=True), part[["predicted"]].to_numpy()
        found = value_scores(truth, guess, part["group"].tolist(), seed=seed)["truth"]
        # Correlation forgives a wrong scale; the error does not, and it is all that the constant floor has.
        error = mean_estimate((part["truth"] - part["predicted"]).abs().to_numpy())
        rows.append((number, model, found.n, found.value, *found.interval, error.value))
    columns = ["number", "model", "n", "correlation", "low", "high", "error"]
    return pd.DataFrame(rows, columns=columns).sort_values(["number", "correlation"], ignore_index=True)
