"""What a code's turns say that other turns do not."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer


def distinguishing_terms(
    texts: Sequence[str], codes: np.ndarray, ids: Sequence[int], *, terms: int = 6, minimum: int = 3
) -> dict[int, list[str]]:
    """The words and word pairs that mark each code, strongest first.

    Args:
        texts: (turns,) train turns only.
        codes: (turns,) their codes.
        ids: codes to describe; one without turns gets no terms.
        terms: how many a code.
        minimum: turns that a term must occur in, in the corpus.

    Returns:
        Terms by code; fewer than `terms`, down to none, where a code's turns hold no frequent word.

    Source: class-based TF-IDF (Grootendorst 2022): a term's share of the code's words times
    log(1 + words a code / occurrences of the term).
    """
    counted = CountVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w[\w']*\b", min_df=1, dtype=np.int64)
    try:
        occurrences = counted.fit_transform(texts)
    except ValueError:  # no text holds a word
        return {code: [] for code in ids}
    frequent = np.flatnonzero(np.asarray((occurrences > 0).sum(axis=0)).ravel() >= minimum)
    names = counted.get_feature_names_out()[frequent]
    weights = _weights(_by_code(occurrences[:, frequent], codes, ids))
    return {code: _strongest(line, names, terms) for code, line in zip(ids, weights, strict=True)}


def _by_code(occurrences: csr_matrix, codes: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    member = csr_matrix((np.ones(len(codes), np.int64), (codes, np.arange(len(codes)))), (max(ids) + 1, len(codes)))
    return (member @ occurrences)[list(ids)].toarray()


def _weights(counts: np.ndarray) -> np.ndarray:
    words = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(words, 1)
    return shares * np.log1p(words.mean() / np.maximum(counts.sum(axis=0), 1))


def _strongest(weights: np.ndarray, names: np.ndarray, terms: int) -> list[str]:
    """The strongest terms, without a word that a chosen pair already holds, or the reverse."""
    chosen: list[str] = []
    for i in np.argsort(-weights, kind="stable")[: 10 * terms]:
        words = set(names[i].split())
        if weights[i] > 0 and not any(words <= set(c.split()) or set(c.split()) <= words for c in chosen):
            chosen.append(str(names[i]))
    return chosen[:terms]


def label_codes(terms: dict[int, list[str]], *, words: int = 2) -> tuple[dict[int, str], float]:
    """A readable name for each code, and how many would be ambiguous without help.

    Args:
        terms: terms by code, strongest first.
        words: terms in a name.

    Returns:
        Names by code, all different (an ambiguous one ends with its id); and the share of codes whose name was
        theirs alone before that, in [0, 1], NaN without codes.
    """
    plain = {code: ", ".join(found[:words]) for code, found in terms.items()}
    often = Counter(plain.values())
    alone = {code for code, name in plain.items() if name and often[name] == 1}
    labels = {code: name if code in alone else f"{name or 'no words'} #{code}" for code, name in plain.items()}
    return labels, len(alone) / len(plain) if plain else float("nan")
