"""Which side says such words? TF-IDF of words and word pairs with a logistic regression, kept as plain numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_TOKEN = r"[A-Za-z0-9']+|[?!.$]"  # punctuation counts: the side that asks is often the agent


@dataclass(frozen=True)
class WordRoles:
    """Log-odds agent : donor from the words of one turn.

    Attributes:
        terms: (terms,) words and pairs of words.
        rarity: (terms,) inverse document frequencies on training turns.
        weights: (terms,) of the logistic regression.
        bias: log-odds of a turn without a known word.
    """

    terms: list[str]
    rarity: np.ndarray
    weights: np.ndarray
    bias: float

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """(turns,) log-odds agent : donor."""
        if not len(texts):
            return np.empty(0)
        counter = _counter(vocabulary=self.terms)
        counter.idf_ = self.rarity
        return np.asarray(counter.transform(texts) @ self.weights + self.bias)

    def as_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs."""
        columns = {"rarity": self.rarity.tolist(), "weights": self.weights.tolist()}
        return {"terms": self.terms, "bias": self.bias, **columns}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "WordRoles":
        """What `as_json` gave, again."""
        return cls(saved["terms"], np.array(saved["rarity"]), np.array(saved["weights"]), saved["bias"])


def fit_word_roles(texts: Sequence[str], agent: Sequence[bool]) -> WordRoles:
    """Learn from turns whose speakers are known.

    Args:
        texts: (turns,), torn as those that will be labelled.
        agent: (turns,) whether the agent said it; both must occur.
    """
    from sklearn.linear_model import LogisticRegression

    counter = _counter(min_df=2)
    table = counter.fit_transform(texts)
    fitted = LogisticRegression(max_iter=500).fit(table, np.asarray(agent))
    terms = counter.get_feature_names_out().tolist()
    return WordRoles(terms, counter.idf_, fitted.coef_[0], float(fitted.intercept_[0]))


def _counter(**options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_TOKEN, **options)
