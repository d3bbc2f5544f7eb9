"""Drift: does today's traffic still look like the traffic that the encoder was accepted on?"""

from typing import NamedTuple

import numpy as np
import pandas as pd


class Drift(NamedTuple):
    """One measure of drift: its value, the limit above which it alarms, and whether it does."""

    measure: str
    value: float
    limit: float
    alarm: bool


def population_stability(reference: np.ndarray, current: np.ndarray) -> float:
    """Population stability index between two samples of categories.

    Args:
        reference: shape (n,), category names.
        current: shape (m,), category names.

    Returns:
        Sum over categories of (p - q) ln(p / q) in [0, inf): under 0.1 stable, above 0.2 shifted; half an observation
        is added to every category so that an unseen one is finite. NaN if a sample is empty.

    Source: Siddiqi, Credit Risk Scorecards (2006); the symmetrised Kullback-Leibler divergence of Jeffreys (1946).
    """
    if len(reference) == 0 or len(current) == 0:
        return float("nan")
    names = np.union1d(reference, current)
    p, q = (_shares(sample, names) for sample in (reference, current))
    return float(((p - q) * np.log(p / q)).sum())


def _shares(sample: np.ndarray, names: np.ndarray) -> np.ndarray:
    counts = np.array([(sample == name).sum() for name in names]) + 0.5
    return counts / counts.sum()


class EmbeddingDistance(NamedTuple):
    """Squared maximum mean discrepancy and the share of random splits that are at least as far apart."""

    value: float
    p_value: float


def embedding_distance(
    reference: np.ndarray, current: np.ndarray, *, permutations: int = 200, seed: int = 0
) -> EmbeddingDistance:
    """Whether two sets of message vectors come from the same distribution.

    Args:
        reference: shape (n, d).
        current: shape (m, d).
        permutations: random splits for the p-value.
        seed: of the splits.

    Returns:
        Unbiased squared MMD with a Gaussian kernel of median bandwidth, and its permutation p-value in (0, 1]
        (the observed split counts as one). NaN if a sample has fewer than 2 vectors.

    Source: Gretton et al., A Kernel Two-Sample Test (JMLR 2012).
    """
    n = len(reference)
    if n < 2 or len(current) < 2:
        return EmbeddingDistance(float("nan"), float("nan"))
    kernel = _gaussian_kernel(np.concatenate([reference, current]).astype(np.float64))
    observed = _mmd(kernel, np.arange(len(kernel)), n)
    random = np.random.default_rng(seed)
    shuffled = np.array([_mmd(kernel, random.permutation(len(kernel)), n) for _ in range(permutations)])
    return EmbeddingDistance(observed, float((1 + (shuffled >= observed).sum()) / (1 + permutations)))


def _gaussian_kernel(vectors: np.ndarray) -> np.ndarray:
    squared = (vectors**2).sum(1)
    distances = np.maximum(squared[:, None] + squared[None, :] - 2 * vectors @ vectors.T, 0)
    median = np.median(distances[np.triu_indices(len(vectors), 1)])
    return np.asarray(np.exp(-distances / (median if median > 0 else 1.0)))


def _mmd(kernel: np.ndarray, order: np.ndarray, n: int) -> float:
    first, second = order[:n], order[n:]
    within = [_off_diagonal_mean(kernel[np.ix_(part, part)]) for part in (first, second)]
    return float(sum(within) - 2 * kernel[np.ix_(first, second)].mean())


def _off_diagonal_mean(block: np.ndarray) -> float:
    size = len(block)
    return float((block.sum() - np.trace(block)) / (size * (size - 1)))


def drift_report(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    vectors: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    stability_limit: float = 0.2,
    p_limit: float = 0.01,
    seed: int = 0,
) -> list[Drift]:
    """Three looks at drift: categories, confidences, and (with vectors) the messages themselves.

    Args:
        reference: decisions of the accepted period.
        current: decisions of the period in question.
        vectors: (reference, current) message vectors of shapes (n, d) and (m, d); None leaves that look out.
        stability_limit: alarm above this population stability index.
        p_limit: alarm if the vectors' permutation p-value is below this.
        seed: of the permutations.

    Returns:
        One `Drift` a look. Confidences are compared in tenths of the reference's quantiles.
    """
    # Edges from the reference alone, so that the same confidence falls into the same bin in every period; quantiles
    # that coincide (many confidences near 1) become one bin.
    edges = np.unique(np.quantile(reference["encoder_confidence"], np.linspace(0.1, 0.9, 9)))
    categories = population_stability(*(f["encoder_category"].to_numpy() for f in (reference, current)))
    binned = [np.digitize(f["encoder_confidence"], edges) for f in (reference, current)]
    confidences = population_stability(*binned)
    found = [
        Drift("categories (PSI)", categories, stability_limit, categories > stability_limit),
        Drift("confidences (PSI)", confidences, stability_limit, confidences > stability_limit),
    ]
    if vectors is not None:
        distance = embedding_distance(*vectors, seed=seed)
        found.append(Drift("messages (MMD, p-value)", distance.p_value, p_limit, distance.p_value < p_limit))
    return found
