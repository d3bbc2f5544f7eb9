"""The quality gate: is a smaller export still the model that was tested?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shared.runs import UserError
from shared.stats import McNemar, exact_mcnemar


@dataclass(frozen=True)
class GateLimits:
    """What an export may lose.

    Attributes:
        p_value: the export is refused if it is right less often and McNemar's test gives less than this, in (0, 1).
        accuracy_drop: largest loss of accuracy, in [0, 1], whatever the test says; of macro-F1 too where a message may
            have several labels.
        class_drop: largest loss of one class's recall, in [0, 1], where it is more than one message.
        drift: largest change of a message's probability of a class, in [0, 1].
    """

    p_value: float = 0.05
    accuracy_drop: float = 0.01
    class_drop: float = 0.1
    drift: float = 0.3


class Gate(NamedTuple):
    """The verdict.

    Attributes:
        passed: whether the export may be served.
        reasons: why not; empty if passed.
        test: exact McNemar of reference (first) against export (second).
        accuracy_change: export minus reference.
        macro_f1_change: the same for macro-F1 over thresholds; NaN where a message has one label.
        agreement: share of messages with the same category from both.
        largest_drift: largest absolute change of a probability.
        classes: columns label, n, reference, export (recall), change, lost (messages), worst first.
    """

    passed: bool
    reasons: tuple[str, ...]
    test: McNemar
    accuracy_change: float
    macro_f1_change: float
    agreement: float
    largest_drift: float
    classes: pd.DataFrame


def quality_gate(
    reference: np.ndarray,
    export: np.ndarray,
    truth: Sequence[Sequence[str]],
    labels: Sequence[str],
    limits: GateLimits | None = None,
    *,
    thresholds: np.ndarray | None = None,
) -> Gate:
    """Compare an export with the model it was made from, on messages with known labels.

    Args:
        reference: (messages, classes) probabilities of the tested model.
        export: the same for the export, same messages.
        truth: the right labels of each message, one or more; an answer is right if it is among them.
        labels: class names in column order.
        limits: what may be lost.
        thresholds: (classes,), where a message may have several labels: those at least so probable are said.

    Returns:
        The verdict with its reasons. NaN in an export's probabilities is a reason by itself.

    Raises:
        UserError: there are no messages, or the arrays do not match.
    """
    limits = limits or GateLimits()
    if reference.shape != export.shape or len(truth) != len(reference) or not len(truth):
        raise UserError(
            f"The gate needs the same messages for both models: reference {reference.shape}, export {export.shape}, "
            f"{len(truth)} labels. Predict the labelled test messages with both."
        )
    names = np.array(labels, dtype=object)
    # NaN counts as the least likely class; the drift below refuses it by itself.
    first, second = names[reference.argmax(1)], names[np.nan_to_num(export, nan=-1.0).argmax(1)]
    first_right, second_right = answered_right(first, truth), answered_right(second, truth)
    test = exact_mcnemar(first_right, second_right)
    change = float(second_right.mean() - first_right.mean())
    f1_change = float("nan")
    if thresholds is not None:
        f1_change = mean_f1(export >= thresholds, truth, labels) - mean_f1(reference >= thresholds, truth, labels)
    drift = float(np.abs(export - reference).max())
    classes = _class_table(truth, first, second)
    reasons = _reasons(limits, test, change, f1_change, drift, classes)
    return Gate(not reasons, reasons, test, change, f1_change, float((first == second).mean()), drift, classes)


def mean_f1(said: np.ndarray, truth: Sequence[Sequence[str]], labels: Sequence[str]) -> float:
    """Macro-F1 of several labels a message.

    Args:
        said: (messages, classes) bool.
        truth: the right labels of each message.
        labels: class names in column order.

    Returns:
        Mean over the labels that occur in `truth` of each one's own F1, as stage `nodes` has it.
    """
    there = np.array([[label in right for label in labels] for right in truth], dtype=bool)
    hits, total = (said & there).sum(0), said.sum(0) + there.sum(0)
    return float((2 * hits / np.maximum(total, 1))[there.any(0)].mean())


def answered_right(answers: Sequence[str] | np.ndarray, truth: Sequence[Sequence[str]]) -> np.ndarray:
    """(messages,) bool: is the answer among the right labels of its message?"""
    return np.array([answer in right for answer, right in zip(answers, truth, strict=True)], dtype=bool)


def _class_table(truth: Sequence[Sequence[str]], first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    rows = [(name, a == name, b == name) for right, a, b in zip(truth, first, second, strict=True) for name in right]
    frame = pd.DataFrame(rows, columns=["label", "reference", "export"])
    table = frame.groupby("label").agg(
        n=("reference", "size"), reference=("reference", "mean"), export=("export", "mean")
    )
    table["change"] = table["export"] - table["reference"]
    table["lost"] = (-table["change"] * table["n"]).round().astype(int)
    return table.sort_values(["change", "n"], ascending=[True, False]).reset_index()


def _reasons(
    limits: GateLimits, test: McNemar, change: float, f1_change: float, drift: float, classes: pd.DataFrame
) -> tuple[str, ...]:
    checks: list[tuple[bool, str]] = [
        (change < 0 and test.p_value < limits.p_value, f"right less often, McNemar p = {test.p_value:.2g}"),
        (-change > limits.accuracy_drop, f"accuracy changes by {change:+.3f}"),
        (-f1_change > limits.accuracy_drop, f"macro-F1 changes by {f1_change:+.3f}"),
        (not drift <= limits.drift, f"a probability drifts by {drift:.2f}, limit {limits.drift:.2f}"),
    ]
    # One message of a rare class is a large share of it and no evidence.
    worst: list[Any] = classes[(-classes["change"] > limits.class_drop) & (classes["lost"] > 1)].to_dict("records")
    checks += [(True, f"recall of '{row['label']}' changes by {row['change']:+.2f} (n = {row['n']})") for row in worst]
    return tuple(reason for failed, reason in checks if failed)
