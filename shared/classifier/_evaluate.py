"""What the classifier is worth: predictions of every seed and of the floors, thresholds, and what abstaining buys."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from shared.models import tune_thresholds
from shared.stats import Estimate, accuracy_estimate, macro_f1_estimate

PROBABILITY = "p_"  # prefix of the columns that hold a class's probability
_GRID = np.round(np.arange(0.1, 0.91, 0.1), 1)


class Predictor(Protocol):
    """Whatever gives calibrated probabilities: a fine-tuned classifier or a floor."""

    @property
    def labels(self) -> Sequence[str]:
        """Class names in column order."""

    def probabilities(self, texts: Sequence[str], /) -> np.ndarray:
        """(texts, classes), rows sum to 1."""


class Scores(NamedTuple):
    """Accuracy and macro-F1 with intervals over conversations."""

    accuracy: Estimate
    macro_f1: Estimate


def predictions_table(predictor: Predictor, texts: pd.DataFrame, **facts: Any) -> pd.DataFrame:
    """Predictions of one model, a row a conversation.

    Args:
        predictor: see `Predictor`.
        texts: conversation_id, split, outcome, text.
        facts: constant columns such as model="encoder", seed=0.

    Returns:
        The facts, conversation_id, split, outcome, predicted, confidence in [0, 1], and `p_<class>` for each class.
    """
    probabilities = np.asarray(predictor.probabilities(texts["text"].tolist()), dtype=float)
    labels = np.array(predictor.labels, dtype=object)
    frame = texts[["conversation_id", "split", "outcome"]].reset_index(drop=True).assign(**facts)
    frame["predicted"] = labels[probabilities.argmax(1)]
    frame["confidence"] = probabilities.max(1)
    columns = pd.DataFrame(probabilities, columns=[f"{PROBABILITY}{label}" for label in labels])
    return pd.concat([frame, columns], axis=1)


def predictions_schema(labels: Sequence[str]) -> pa.Schema:
    """The schema of `predictions.parquet`."""
    texts = ["conversation_id", "split", "outcome", "model"]
    numbers = ["confidence", *(f"{PROBABILITY}{label}" for label in labels)]
    return pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in texts),
            pa.field("seed", pa.int32(), nullable=False),
            pa.field("predicted", pa.string(), nullable=False),
            *(pa.field(name, pa.float64(), nullable=False) for name in numbers),
        ]
    )


def scores(predictions: pd.DataFrame, *, seed: int = 0) -> Scores:
    """Accuracy and macro-F1 over all rows, several seeds of a conversation counting as one cluster.

    Args:
        predictions: outcome, predicted, conversation_id; one or several seeds stacked.
        seed: seed of the bootstrap.

    Returns:
        Scores whose `n` counts conversations, not rows.
    """
    columns = predictions["outcome"], predictions["predicted"], predictions["conversation_id"]
    count = predictions["conversation_id"].nunique()
    found = (f(*(c.to_numpy(dtype=object) for c in columns), seed=seed) for f in (accuracy_estimate, macro_f1_estimate))
    return Scores(*(estimate._replace(n=count) for estimate in found))


def share_right(predictions: pd.DataFrame) -> pd.Series:
    """How often each conversation was predicted right over the seeds, in [0, 1], by conversation_id."""
    right = predictions["outcome"].eq(predictions["predicted"]).astype(float)
    return right.groupby(predictions["conversation_id"]).mean()


def threshold_table(validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Precision, recall and F1 of each class at a grid of thresholds, and at the best one of the validation set.

    Args:
        validation: predictions that choose the threshold with the best F1.
        test: predictions that every row of the result is measured on.
        labels: class names.

    Returns:
        outcome, threshold, chosen (the validation set's choice), flagged (share of conversations), precision,
        recall, f1; NaN where nothing is flagged or nothing is there to find.
    """
    rows = []
    for label in labels:
        column = f"{PROBABILITY}{label}"
        truth = validation["outcome"].eq(label).to_numpy()[:, None].astype(float)
        best = float(tune_thresholds(validation[column].to_numpy()[:, None], truth)[0])
        for threshold, chosen in [*((t, False) for t in _GRID), (best, True)]:
            found = _detection(test["outcome"].eq(label), test[column] >= threshold)
            rows.append({"outcome": label, "threshold": float(threshold), "chosen": chosen, **found})
    return pd.DataFrame(rows).sort_values(["outcome", "threshold"], ignore_index=True)


def _detection(truth: pd.Series, flagged: pd.Series) -> dict[str, float]:
    hits, found, there = float((truth & flagged).sum()), float(flagged.sum()), float(truth.sum())
    return {
        "flagged": float(flagged.mean()),
        "precision": _share(hits, found),
        "recall": _share(hits, there),
        "f1": _share(2 * hits, found + there),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def abstention_table(predictions: pd.DataFrame, *, steps: int = 10) -> pd.DataFrame:
    """What is gained by answering only where the model is sure.

    Args:
        predictions: confidence, predicted, outcome.
        steps: rows of the table.

    Returns:
        coverage (share answered, the surest first), least_confidence among them, accuracy with low and high.
    """
    ranked = predictions.sort_values("confidence", ascending=False, kind="stable")
    rows = []
    for coverage in np.linspace(1 / steps, 1, steps):
        answered = ranked.head(max(1, round(coverage * len(ranked))))
        accuracy = scores(answered).accuracy
        rows.append((coverage, float(answered["confidence"].min()), accuracy.value, *accuracy.interval))
    return pd.DataFrame(rows, columns=["coverage", "least_confidence", "accuracy", "low", "high"])


def confusion_counts(predictions: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """(classes, classes) counts, rows true and columns predicted."""
    table = pd.crosstab(predictions["outcome"], predictions["predicted"])
    return table.reindex(index=list(labels), columns=list(labels), fill_value=0).to_numpy()
