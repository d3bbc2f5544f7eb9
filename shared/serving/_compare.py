"""Quality and size of several models on the same labelled messages."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared.serving._gate import answered_right
from shared.stats import macro_f1_estimate, mean_estimate


def quality_table(
    probabilities: Mapping[str, np.ndarray],
    truth: Sequence[Sequence[str]],
    labels: Sequence[str],
    groups: Sequence[str],
    megabytes: Mapping[str, float],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """What each model is worth and how much room it takes.

    Args:
        probabilities: (messages, classes) of each model, by name.
        truth: the right labels of each message, one or more; an answer is right if it is among them.
        labels: class names in column order.
        groups: of the messages; intervals are over groups.
        megabytes: size of each model's files, 10^6 bytes.
        seed: of the bootstrap.

    Returns:
        Columns model, accuracy, low, high (95 %), macro_f1 (of the likeliest label against the first right one or,
        if the answer is right, itself), megabytes.
    """
    names = np.array(labels, dtype=object)
    rows = []
    for model, scores in probabilities.items():
        answers = names[scores.argmax(1)]
        right = answered_right(answers, truth)
        expected = np.array(
            [a if ok else own[0] for a, ok, own in zip(answers, right, truth, strict=True)], dtype=object
        )
        accuracy = mean_estimate(right, groups, seed=seed)
        macro_f1 = macro_f1_estimate(expected, answers, groups, seed=seed, replicates=200).value
        rows.append((model, accuracy.value, *accuracy.interval, macro_f1, megabytes[model]))
    return pd.DataFrame(rows, columns=["model", "accuracy", "low", "high", "macro_f1", "megabytes"])
