"""How good labels are: by turn, by conversation, and by word."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from shared.stats import Estimate, accuracy_estimate, mean_estimate


def turn_accuracy(truth: pd.Series, labelled: pd.Series, conversations: pd.Series, *, seed: int = 0) -> Estimate:
    """Share of turns with the right role, its interval over conversations.

    Args:
        truth: (turns,) role; missing = unscored.
        labelled: (turns,) role; missing = abstained, unscored and counted as such.
        conversations: (turns,) conversation ids.
        seed: of the bootstrap.
    """
    return accuracy_estimate(_objects(truth), _objects(labelled), conversations.to_numpy(object), seed=seed)


def conversation_accuracy(
    truth: pd.Series, labelled: pd.Series, conversations: pd.Series, *, seed: int = 0
) -> Estimate:
    """Share of conversations the right way round: more than half of their labelled turns have the right role.

    Args:
        truth: (turns,) role; missing = unscored.
        labelled: (turns,) role; missing = abstained. A conversation without one scored turn is unscored.
        conversations: (turns,) conversation ids.
        seed: of the bootstrap.
    """
    right = np.where(truth.isna() | labelled.isna(), np.nan, _objects(truth) == _objects(labelled))
    share = pd.Series(right).groupby(conversations.to_numpy(object)).mean()
    oriented = np.where(share.isna(), np.nan, share > 0.5)
    return accuracy_estimate(np.where(np.isnan(oriented), np.nan, 1.0), oriented, list(share.index), seed=seed)


def compare_labels(
    truth: pd.Series, labelled: Mapping[str, pd.Series], conversations: pd.Series, *, seed: int = 0
) -> pd.DataFrame:
    """Both accuracies of several methods on the same turns.

    Args:
        truth: (turns,) role; missing = unscored.
        labelled: by method, (turns,) roles.
        conversations: (turns,) conversation ids.
        seed: of the bootstrap.

    Returns:
        One row a method: method, turns, turns_low, turns_high, n_turns, whole, whole_low, whole_high, n_whole; `whole`
        is the share of conversations the right way round.
    """
    rows = []
    for method, roles in labelled.items():
        by_turn = turn_accuracy(truth, roles, conversations, seed=seed)
        whole = conversation_accuracy(truth, roles, conversations, seed=seed)
        rows.append((method, by_turn.value, *by_turn.interval, by_turn.n, whole.value, *whole.interval, whole.n))
    names = ["method", *(f"{kind}{part}" for kind in ("turns", "whole") for part in ("", "_low", "_high", "_n"))]
    return pd.DataFrame(rows, columns=names).rename(columns={"turns_n": "n_turns", "whole_n": "n_whole"})


def word_errors(truth: Sequence[Hashable], labelled: Sequence[Hashable | None]) -> np.ndarray:
    """Word-level diarisation errors: 1 where a word has the wrong speaker, (words,) float.

    Args:
        truth: (words,) who said each word.
        labelled: (words,) who is said to have said it; None counts as wrong, since the word has lost its speaker.

    Source: word diarisation error rate, Shafey et al. 2019; here the words themselves are the same on both sides.
    """
    return np.array([float(true != given) for true, given in zip(truth, labelled, strict=True)])


def word_error_rate(errors: np.ndarray, conversations: Sequence[str], *, seed: int = 0) -> Estimate:
    """Mean of `word_errors` with an interval over conversations, in [0, 1]; 0 is perfect."""
    return mean_estimate(errors, list(conversations), seed=seed)


def _objects(column: pd.Series) -> np.ndarray:
    """Strings as Python objects, None where missing."""
    return column.astype(object).where(column.notna(), None).to_numpy(object)
