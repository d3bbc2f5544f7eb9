"""Does the next turn go on where the last one stopped? Punctuation, case and word order tell, before any meaning does.

A turn torn in two by a recogniser or an impatient thumb ends without a full stop and goes on in lower case with a
word that fits the last one. `Continuation` counts, on training turns, which words follow each other inside a turn,
which ones open a turn and which ones close it, and weighs that with a logistic regression.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

FEATURES = (
    "unfinished", "lower_case", "unfinished_and_lower_case", "after_question", "after_comma", "capital",
    "word_follows", "word_closes", "word_opens", "words_before", "words_here", "habit_unfinished", "habit_lower_case",
)  # fmt: skip
_TOKEN = re.compile(r"[a-z0-9']+|[.,!?]")
_PRIOR = 5.0  # pseudo-counts that draw a rare word's followers to the frequencies of all words


@dataclass(frozen=True)
class WordOrder:
    """Counts over training turns: followers of each word, openers and closers of turns."""

    words: Counter[str]
    pairs: Counter[str]
    openers: Counter[str]
    closers: Counter[str]
    turns: int


def count_word_order(texts: Sequence[str]) -> WordOrder:
    """Count over whole turns.

    Args:
        texts: (turns,) training turns, not torn.
    """
    counts = WordOrder(Counter(), Counter(), Counter(), Counter(), len(texts))
    for text in texts:
        tokens = _tokens(text)
        counts.words.update(tokens)
        counts.pairs.update(f"{a} {b}" for a, b in pairwise(tokens))
        counts.openers[tokens[0]] += 1
        counts.closers[tokens[-1]] += 1
    return counts


def continuation_features(texts: Sequence[str], counts: WordOrder, same: Sequence[bool] | None = None) -> np.ndarray:
    """What the surface says about each transition.

    Args:
        texts: (turns,) of one conversation, in order.
        counts: from training turns.
        same: (turns - 1,) whether the speaker stayed, if these turns were counted themselves: each transition's own
            contribution is then taken out of the counts, or training would look easier than it is.

    Returns:
        (turns - 1, len(FEATURES)), no NaN.
    """
    finished = [text[-1:] in ".?!…" for text in texts]
    lower = [text[:1].islower() for text in texts]
    habits = [1 - float(np.mean(finished)), float(np.mean(lower))] if texts else []
    own = [None] * (len(texts) - 1) if same is None else list(same)
    rows = [
        [
            *_surface(before, here, finished[place], lower[place + 1]),
            *_word_order(before, here, counts, own[place]),
            np.log1p(len(before.split())), np.log1p(len(here.split())), *habits,
        ]
        for place, (before, here) in enumerate(pairwise(texts))
    ]  # fmt: skip
    return np.array(rows, dtype=float).reshape(-1, len(FEATURES))


def _surface(before: str, here: str, finished: bool, lower: bool) -> list[float]:
    return [
        not finished, lower, not finished and lower, before.endswith("?"), before.endswith(","), here[:1].isupper(),
    ]  # fmt: skip


def _word_order(before: str, here: str, counts: WordOrder, own: bool | None) -> list[float]:
    """Log-odds that the word follows rather than opens, that the last word closes, and how usual an opener it is."""
    last, first = _tokens(before)[-1], _tokens(here)[0]
    inside, outside = float(own is True), float(own is False)
    share = (counts.words[first] + 0.1) / (counts.words.total() + 1)
    follows = counts.pairs[f"{last} {first}"] - inside + _PRIOR * share
    going_on = counts.words[last] - counts.closers[last] - inside
    closes = max(counts.closers[last] - outside, 0) + 0.5
    opens = max(counts.openers[first] - outside, 0) + _PRIOR * share
    follows = max(follows, _PRIOR * share) / (max(going_on, 0) + _PRIOR)
    opens = opens / (counts.turns + _PRIOR)
    return [np.log(follows / opens), np.log(closes / (max(going_on, 0) + 0.5)), np.log(opens)]


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower()) or [""]


@dataclass(frozen=True)
class Continuation:
    """Log-odds that the speaker stays, from `continuation_features`.

    Attributes:
        counts: word order on training turns.
        weights: (len(FEATURES),), for features as they are.
        bias: log-odds where all features are 0.
    """

    counts: WordOrder
    weights: np.ndarray
    bias: float

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """(turns - 1,) log-odds that the speaker stays, for the turns of one conversation."""
        return continuation_features(texts, self.counts) @ self.weights + self.bias

    def as_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs."""
        counts = {name: dict(getattr(self.counts, name)) for name in ("words", "pairs", "openers", "closers")}
        weights = dict(zip(FEATURES, self.weights.tolist(), strict=True))
        return {"weights": weights, "bias": self.bias, "turns": self.counts.turns, **counts}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Continuation":
        """What `as_json` gave, again."""
        words, pairs, openers, closers = (Counter(saved[name]) for name in ("words", "pairs", "openers", "closers"))
        weights = np.array([saved["weights"][name] for name in FEATURES])
        return cls(WordOrder(words, pairs, openers, closers, saved["turns"]), weights, saved["bias"])


def fit_continuation(
    whole: Sequence[str], torn: Sequence[Sequence[str]], same: Sequence[Sequence[bool]]
) -> Continuation:
    """Learn when a speaker goes on.

    Args:
        whole: the training turns before they were disturbed, for counting.
        torn: (conversations,) the same conversations with openings dropped and turns torn, as at test.
        same: (conversations,) of (turns - 1,) whether the speaker stayed. If that is always so, or never, there is
            nothing to learn but how usual it is.
    """
    from sklearn.linear_model import LogisticRegression

    counts = count_word_order(whole)
    features = np.concatenate([continuation_features(t, counts, s) for t, s in zip(torn, same, strict=True)])
    target = np.concatenate([np.asarray(s, dtype=int) for s in same])
    if len(np.unique(target)) < 2:
        usual = float(np.log((target.sum() + 0.5) / (len(target) - target.sum() + 0.5)))
        return Continuation(counts, np.zeros(len(FEATURES)), usual)
    centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    fitted = LogisticRegression(max_iter=1000).fit((features - centre) / scale, target)
    weights = fitted.coef_[0] / scale
    return Continuation(counts, weights, float(fitted.intercept_[0] - centre @ weights))
