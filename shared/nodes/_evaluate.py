"""What a node is worth: scores with intervals over groups, per label, when it may say "I do not know"."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from shared.stats import Estimate, accuracy_estimate, bootstrap_estimate, macro_f1_estimate

PREDICTIONS_SCHEMA = pa.schema([
    pa.field("message", pa.string(), nullable=False),
    pa.field("group", pa.string(), nullable=False),
    pa.field("split", pa.string(), nullable=False),
    pa.field("model", pa.string(), nullable=False),
    pa.field("seed", pa.int32(), nullable=False),
    pa.field("label", pa.string(), nullable=False),  # several labels are joined by commas
    pa.field("predicted", pa.string(), nullable=False),
    pa.field("confidence", pa.float64(), nullable=False),
])  # fmt: skip


class NodeScores(NamedTuple):
    """Accuracy (all labels right) and macro-F1 over the labels that occur, with intervals over groups."""

    accuracy: Estimate
    macro_f1: Estimate


def predictions_table(model: Any, rows: pd.DataFrame, *, name: str, split: str, seed: int = 0) -> pd.DataFrame:
    """Predictions of a classifier or a floor, a row a message.

    Args:
        model: anything with `probabilities`, `predict`, `labels` and `kind`.
        rows: message, label, group.
        name: of the model, for comparison.
        split: side of the rows.
        seed: of the training.

    Returns:
        Columns of `PREDICTIONS_SCHEMA`; the confidence is the probability of the likeliest label.
    """
    texts = rows["message"].tolist()
    predicted = model.predict(texts)
    return pd.DataFrame({
        "message": texts, "group": rows["group"].to_numpy(), "split": split, "model": name, "seed": seed,
        "label": [_joined(label) for label in rows["label"]], "predicted": [_joined(label) for label in predicted],
        "confidence": np.asarray(model.probabilities(texts), dtype=float).max(1),
    })  # fmt: skip


def _joined(label: Any) -> str:
    return ",".join(sorted(label)) if isinstance(label, list) else str(label)


def node_scores(predictions: pd.DataFrame, *, kind: str = "single", seed: int = 0) -> NodeScores:
    """Accuracy and macro-F1 of stacked predictions (several seeds of a message are one cluster with its group).

    For "multi", macro-F1 is the mean of the labels' own F1 and accuracy asks for exactly the right set.
    """
    groups = predictions["group"].to_numpy(dtype=object)
    truth, predicted = (predictions[c].to_numpy(dtype=object) for c in ("label", "predicted"))
    accuracy = accuracy_estimate(truth, predicted, groups, seed=seed)
    if kind == "single":
        return NodeScores(accuracy, macro_f1_estimate(truth, predicted, groups, seed=seed))
    names = sorted({name for row in truth for name in row.split(",") if name})
    columns = _many_hot(truth, names), _many_hot(predicted, names)
    macro = bootstrap_estimate(_mean_f1, *columns, clusters=groups, replicates=300, seed=seed)
    return NodeScores(accuracy, macro)


def _many_hot(rows: Iterable[str], names: Sequence[str]) -> np.ndarray:
    sets = [set(row.split(",")) for row in rows]
    return np.array([[name in found for name in names] for found in sets], dtype=bool)


def _mean_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    right = (truth & predicted).sum(0)
    total = truth.sum(0) + predicted.sum(0)
    return float(np.divide(2 * right, total, out=np.zeros(len(total)), where=total > 0).mean())


def label_f1_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Columns label, n, precision, recall, f1, hardest first; NaN where nothing is predicted or nothing is there."""
    truth, predicted = (predictions[c].to_numpy(dtype=object) for c in ("label", "predicted"))
    names = sorted({name for row in truth for name in row.split(",") if name})
    there, said = _many_hot(truth, names), _many_hot(predicted, names)
    right = (there & said).sum(0).astype(float)
    precision, recall = _ratio(right, said.sum(0)), _ratio(right, there.sum(0))
    f1 = _ratio(2 * right, said.sum(0) + there.sum(0))
    table = pd.DataFrame({"label": names, "n": there.sum(0), "precision": precision, "recall": recall, "f1": f1})
    return table.sort_values("f1", ignore_index=True)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=np.asarray(whole) > 0)


def coverage_curve(predictions: pd.DataFrame, *, out_of_scope: Sequence[float] = ()) -> pd.DataFrame:
    """What refusing unsure messages buys.

    Args:
        predictions: label, predicted, confidence.
        out_of_scope: confidences on messages that belong to no label; a share of them is accepted at each threshold.

    Returns:
        Columns threshold, coverage (share answered), accuracy (of the answered; NaN if none), accepted_out_of_scope
        (NaN without such messages), from answering everything to answering nothing.
    """
    confidence = predictions["confidence"].to_numpy()
    right = (predictions["label"] == predictions["predicted"]).to_numpy()
    strange = np.asarray(out_of_scope, dtype=float)
    rows = []
    for threshold in np.round(np.linspace(0, 1, 41), 3):
        kept = confidence >= threshold
        rows.append({
            "threshold": threshold, "coverage": kept.mean(), "accuracy": right[kept].mean() if kept.any() else np.nan,
            "accepted_out_of_scope": (strange >= threshold).mean() if len(strange) else np.nan,
        })  # fmt: skip
    return pd.DataFrame(rows)


def value_scores(
    truth: pd.DataFrame, predicted: np.ndarray, groups: Sequence[str], *, seed: int = 0
) -> dict[str, Estimate]:
    """Pearson correlation of each predicted number with its truth, by name, with an interval over groups.

    Args:
        truth: a column a number; NaN = unscored.
        predicted: shape (rows, numbers) in the same order.
        groups: of the rows.
        seed: of the bootstrap.
    """
    scores = {}
    for place, name in enumerate(truth.columns):
        known = truth[name].notna().to_numpy()
        pair = truth.loc[known, name].to_numpy(float), predicted[known, place]
        clusters = np.asarray(groups, dtype=object)[known]
        scores[str(name)] = bootstrap_estimate(_pearson, *pair, clusters=clusters, replicates=500, seed=seed)
    return scores


def _pearson(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first, second)[0, 1]) if first.std() > 0 and second.std() > 0 else float("nan")
