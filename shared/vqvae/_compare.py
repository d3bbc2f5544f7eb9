"""What a codebook has to beat at the same number of bits a turn: k-means, and a quantiser without codebook."""

from dataclasses import replace
from itertools import combinations_with_replacement
from math import prod

import numpy as np
from sklearn.cluster import KMeans

from shared.vqvae._model import TurnCodebook
from shared.vqvae._settings import CodebookSettings
from shared.vqvae._windows import Windows


def kmeans_codes(
    turns: Windows, train: np.ndarray, settings: CodebookSettings, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of k-means on the same weighted, scaled windows.

    Args:
        turns: all turns.
        train: rows that k-means may learn from.
        settings: its `codes`, `context` and `context_weight` are used.
        seed: of the start.

    Returns:
        codes (turns,) int64 and error (turns,) float32, the scale of `TurnCodebook.assign`.
    """
    scaler = TurnCodebook(turns.vectors.shape[1], settings)
    scaler.standardise(turns.take(train))
    inputs = scaler.inputs(turns)
    weighted = (inputs * scaler.weights().sqrt()).flatten(1).numpy()
    fitted = KMeans(min(settings.codes, len(train)), n_init=1, random_state=seed).fit(weighted[train])
    codes = fitted.predict(weighted).astype(np.int64)
    centres = fitted.cluster_centers_[:, : turns.vectors.shape[1]]  # the turn itself has weight 1
    return codes, ((centres[codes] - inputs[:, 0].numpy()) ** 2).mean(axis=1)


def fsq_levels(codes: int) -> tuple[int, ...]:
    """Levels of a finite scalar quantiser whose product is nearest to `codes`, with few numbers of 3 to 8 levels.

    Args:
        codes: at least 2.

    Returns:
        Two to five levels, smallest first; more levels a number rather than more numbers where both fit.
    """
    options = [levels for count in range(2, 6) for levels in combinations_with_replacement(range(3, 9), count)]
    return min(options, key=lambda levels: (abs(prod(levels) - codes), len(levels)))


def fsq_settings(settings: CodebookSettings) -> CodebookSettings:
    """The same encoder and decoder around a finite scalar quantiser of equal bits.

    Source: Mentzer et al. 2024 (FSQ).
    """
    levels = fsq_levels(settings.codes)
    return replace(settings, fsq_levels=levels, codes=prod(levels))
