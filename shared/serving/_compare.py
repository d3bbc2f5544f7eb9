"""Quality and size of several models on the same labelled messages."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared.serving._gate import answered_right, mean_f1
from shared.stats import macro_f1_estimate, mean_estimate


def quality_table(
    probabilities: Mapping[str, np.ndarray],
    truth: Sequence[Sequence[str]],
    labels: Sequence[str],
    groups: Sequence[str],
    megabytes: Mapping[str, float],
    *,
    thresholds: np.ndarray | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """What each model is worth and how much room it takes.

    Args:
        probabilities: (messages, classes) of each model, by name.
        truth: the right labels of each message, one or more; an answer is right if it is among them.
        labels: class names in column order.
        groups: of the messages; intervals are over groups.
        megabytes: size of each model's files, 10^6 bytes.
        thresholds: (classes,), where a message may have several labels: those at least so probable are said.
        seed: of the bootstrap.

    Returns:
        Columns model, accuracy (of the likeliest label), low, high (95 %), macro_f1, megabytes. Macro-F1 is that of the
        only label; with thresholds the mean over the labels that occur of each one's own F1, as stage `nodes` has it.
    """
    names = np.array(labels, dtype=object)
    rows = []
    for model, scores in probabilities.items():
        answers = names[scores.argmax(1)]
        accuracy = mean_estimate(answered_right(answers, truth), groups, seed=seed)
        if thresholds is None:
            macro_f1 = macro_f1_estimate([own[0] for own in truth], answers, groups, seed=seed, replicates=200).value
        else:
            macro_f1 = mean_f1(scores >= thresholds, truth, labels)
        rows.append((model, accuracy.value, *accuracy.interval, macro_f1, megabytes[model]))
    return pd.DataFrame(rows, columns=["model", "accuracy", "low", "high", "macro_f1", "megabytes"])
