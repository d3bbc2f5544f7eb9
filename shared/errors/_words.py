"""What an answer hangs on, for the examples that people look at: leave one word out, watch the probability.

Where the model itself does not read texts (a sequence of turns, a head of a language model), a linear model that was
taught the model's answers stands in for it, and how often it agrees is told beside its words.
"""

import html
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shared.models import LabelledTexts, tfidf_floor
from shared.runs import progress
from shared.stats import Estimate, accuracy_estimate

Probabilities = Callable[[Sequence[str]], np.ndarray]
_FOLDS = 5
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1a2230}p{margin:.2em 0 1.2em}"
    "b{font-weight:600}span{border-radius:3px;padding:0 1px}"
)


class WordEffects(NamedTuple):
    """Effect of each word on the probability of the predicted class.

    Attributes:
        words: of the text; in a long text pieces of several words.
        effects: shape (words,): probability with the word minus without it; positive = the word speaks for it.
        flips: whether leaving one of them out changes the predicted class.
    """

    words: list[str]
    effects: np.ndarray
    flips: bool


class StandIn(NamedTuple):
    """A linear model of a model's answers.

    Attributes:
        probabilities: texts to shape (texts, classes).
        labels: classes in column order.
        agreement: share of items that it answers as the model does, each item by a stand-in that was not taught it.
    """

    probabilities: Probabilities
    labels: tuple[str, ...]
    agreement: Estimate


def word_effects(
    probabilities: Probabilities, text: str, *, target: int | None = None, pieces: int = 24
) -> WordEffects:
    """Leave each word out once; a long text is left out piece by piece, so that all of it is covered.

    Args:
        probabilities: texts to shape (texts, classes).
        text: the example; an empty one has no words.
        target: the class whose probability is watched; None = the predicted one.
        pieces: a text of more words is cut into so many pieces of neighbouring words.
    """
    words = text.split()
    parts = [list(part) for part in np.array_split(np.asarray(words, dtype=object), min(len(words), pieces) or 1)]
    kept = [" ".join(word for part in parts[:i] + parts[i + 1 :] for word in part) for i in range(len(parts))]
    without = kept if words else []
    scores = np.asarray(probabilities([text, *without]), dtype=float)
    predicted = int(scores[0].argmax())
    watched = predicted if target is None else target
    flips = bool((scores[1:].argmax(axis=1) != predicted).any())
    named = [" ".join(part) for part in parts] if words else []
    return WordEffects(named, scores[0, watched] - scores[1:, watched], flips)


def explain_errors(
    probabilities: Probabilities, texts: Sequence[str], *, passes: int, pieces: int = 24
) -> list[WordEffects]:
    """`word_effects` of texts from the first on, until the passes are spent.

    Args:
        probabilities: texts to shape (texts, classes).
        texts: the errors, the most important first.
        passes: texts that the model may read in all; a text of w words takes w + 1, a long one pieces + 1.
        pieces: see `word_effects`.

    Returns:
        One entry an error that was looked at, in the order of `texts`; fewer than texts if the passes run out.
    """
    cost = np.cumsum([min(len(text.split()), pieces) + 1 for text in texts])
    affordable = int(np.searchsorted(cost, passes, side="right"))
    looked = progress(texts[:affordable], "errors explained", total=affordable)
    return [word_effects(probabilities, text, pieces=pieces) for text in looked]


def stand_in(
    texts: Sequence[str], predicted: Sequence[str], clusters: Sequence[str], *, seed: int = 0
) -> StandIn | None:
    """Teach a TF-IDF model with logistic regression to answer as a model did.

    Args:
        texts: what the model was asked.
        predicted: what it answered.
        clusters: the independent unit; a cluster is answered by a stand-in that was not taught any of it.
        seed: of the folds and the interval.

    Returns:
        None where there is nothing to learn: no text, one answer only, or fewer clusters than folds.
    """
    said, units = np.asarray(predicted, dtype=object), np.asarray(clusters, dtype=object)
    names, codes = np.unique(units.astype(str), return_inverse=True)
    if not any(text.strip() for text in texts) or len(set(said)) < 2 or len(names) < _FOLDS:
        return None
    # Whole clusters stay in a fold: agreement on another turn of a known conversation would flatter the stand-in.
    folds = np.random.default_rng(seed).permutation(len(names))[codes] % _FOLDS
    answers = np.full(len(said), None, dtype=object)
    for fold in range(_FOLDS):
        taught = np.flatnonzero(folds != fold)
        asked = np.flatnonzero(folds == fold)
        answers[asked] = _answers([texts[i] for i in taught], said[taught], [texts[i] for i in asked])
    model = tfidf_floor(LabelledTexts(list(texts), list(said)))
    return StandIn(model.probabilities, model.labels, accuracy_estimate(said, answers, units, seed=seed))


def _answers(texts: list[str], said: np.ndarray, asked: list[str]) -> list[str]:
    if len(set(said)) < 2:
        return [str(said[0])] * len(asked)
    return tfidf_floor(LabelledTexts(texts, list(said))).predict(asked)


def marked_page(examples: pd.DataFrame, effects: Sequence[WordEffects]) -> str:
    """A page with the examples' words coloured by what they do for the predicted class.

    Args:
        examples: truth, predicted, confidence, one row an example.
        effects: of the examples, in their order.

    Returns:
        Complete HTML without scripts; texts are escaped. Orange speaks for the prediction, blue against it; the
        deepest colour is the strongest word of its example.
    """
    parts = [_example(row, one) for row, one in zip(examples.to_dict("records"), effects, strict=True)]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><style>{_STYLE}</style>'
    return f"{head}<body>{''.join(parts)}</body></html>"


def _example(row: Mapping[Hashable, Any], one: WordEffects) -> str:
    strongest = float(np.abs(one.effects).max(initial=0)) or 1.0
    marked = " ".join(_word(word, effect / strongest) for word, effect in zip(one.words, one.effects, strict=True))
    title = f"{html.escape(str(row['truth']))}, taken for {html.escape(str(row['predicted']))}"
    return f"<b>{title}</b> (confidence {row['confidence']:.2f})<p>{marked}</p>"


def _word(word: str, share: float) -> str:
    colour = "213,94,0" if share > 0 else "0,114,178"
    return f'<span style="background:rgba({colour},{0.6 * abs(share):.2f})">{html.escape(word)}</span>'
