"""Texts that say nearly the same, found without comparing meaning: shared characters are enough for near-duplicates."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_BLOCK = 512  # rows compared at a time: memory grows with the corpus, not with its square


class SimilarPairs(NamedTuple):
    """Pairs of near-duplicates: positions (first < second) and their similarity in (0, 1], each of shape (pairs,)."""

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray


def similar_pairs(texts: Sequence[str], similarity: float = 0.9) -> SimilarPairs:
    """Every pair of texts whose character n-grams are nearly the same.

    Args:
        texts: any number; case and punctuation do not count, and a text without a letter or digit has no pair.
        similarity: cosine of TF-IDF vectors of character 3- to 5-grams (inside words) from which a pair counts.

    Returns:
        Pairs ordered by first and second.
    """
    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer

    plain = pd.Series(list(texts), dtype=str).str.lower().str.replace(r"[^\w\s]", "", regex=True)
    if not plain.str.contains(r"\w", regex=True).any():
        return SimilarPairs(np.empty(0, int), np.empty(0, int), np.empty(0))
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit_transform(plain)
    blocks = [_block(vectors, start, similarity) for start in range(0, vectors.shape[0], _BLOCK)]
    return SimilarPairs(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


def _block(vectors: "np.ndarray", start: int, similarity: float) -> SimilarPairs:
    products = (vectors[start : start + _BLOCK] @ vectors.T).tocoo()
    first, second = products.row + start, products.col
    near = (products.data >= similarity) & (first < second)
    order = np.lexsort((second[near], first[near]))
    return SimilarPairs(first[near][order], second[near][order], products.data[near][order])
