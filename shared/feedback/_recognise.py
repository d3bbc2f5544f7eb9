"""A local recogniser of feedback: sentence vectors and a linear model, a span from the text, the right to abstain."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from shared.stats import Estimate, accuracy_estimate, macro_f1_estimate

NONE = "none"  # the final turn carries on with the conversation and says nothing about the answer
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
Encode = Callable[[list[str]], np.ndarray]


class Recognised(NamedTuple):
    """What the recogniser says about one chat.

    Attributes:
        category: "UR1" to "UR5" or "none"; "" = it abstains.
        confidence: probability of the most likely category, in (0, 1].
        span: the sentence of the final turn that speaks most for the category; "" if it abstains or sees none.
    """

    category: str
    confidence: float
    span: str


class Recogniser(NamedTuple):
    """A fitted recogniser.

    Attributes:
        encode: texts to vectors of length 1, shape (texts, dimensions).
        classes: categories in the order of the probabilities.
        weights: shape (classes, features).
        biases: shape (classes,).
        threshold: below this confidence it abstains.
    """

    encode: Encode
    classes: list[str]
    weights: np.ndarray
    biases: np.ndarray
    threshold: float


class Quality(NamedTuple):
    """The recogniser on chats it has not seen, beside the most frequent category.

    Attributes:
        accuracy: share right where it did not abstain; `n_unscored` counts abstentions.
        macro_f1: over the categories, where it did not abstain.
        coverage: share of chats on which it did not abstain.
        floor_accuracy: share of the most frequent category of the training chats, on the same chats.
    """

    accuracy: Estimate
    macro_f1: Estimate
    coverage: float
    floor_accuracy: Estimate


def fit_recogniser(
    rows: Sequence[dict[str, Any]], encode: Encode, *, precision: float = 0.9, seed: int = 0
) -> Recogniser:
    """Learn categories from labelled chats.

    Args:
        rows: chats with `messages` and `category` ("UR1" to "UR5", or "none").
        encode: texts to vectors of length 1.
        precision: the threshold is the lowest at which answers to training chats, each predicted by a model that did
            not see it (5 folds), are right at least this often; 1.01 if that never happens (it always abstains).
        seed: seed of the folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    features = _features(rows, encode)
    labels = np.array([row["category"] for row in rows])
    model = LogisticRegression(C=10.0, max_iter=2000, class_weight="balanced")
    folds = StratifiedKFold(_folds(labels), shuffle=True, random_state=seed)
    # The threshold comes from answers to unseen chats: on its own training chats a model is sure of nearly everything.
    unseen = cross_val_predict(model, features, labels, cv=folds, method="predict_proba")
    model.fit(features, labels)
    classes = [str(name) for name in model.classes_]
    right = np.array(classes)[unseen.argmax(axis=1)] == labels
    weights, biases = _for_each_class(model.coef_, model.intercept_)
    return Recogniser(encode, classes, weights, biases, _threshold(unseen.max(axis=1), right, precision))


def _folds(labels: np.ndarray) -> int:
    return int(max(2, min(5, np.unique(labels, return_counts=True)[1].min())))


def _for_each_class(weights: np.ndarray, biases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two classes share one row in scikit-learn; here each class has its own."""
    if len(biases) > 1:
        return weights, biases
    return np.vstack([-weights / 2, weights / 2]), np.concatenate([-biases / 2, biases / 2])


def _threshold(confidence: np.ndarray, right: np.ndarray, precision: float) -> float:
    order = np.argsort(-confidence)
    sure = confidence[order]
    separates = np.append(np.diff(sure) < 0, True)  # equal confidences are answered together
    reached = separates & (np.cumsum(right[order]) / np.arange(1, len(order) + 1) >= precision)
    return float(sure[np.flatnonzero(reached)[-1]]) if reached.any() else 1.01


def _features(rows: Sequence[dict[str, Any]], encode: Encode, turns: Sequence[str] | None = None) -> np.ndarray:
    """Vector of the final turn, its similarity to the turns before it, and its length; shape (rows, features)."""
    final = list(turns) if turns is not None else [row["messages"][-1]["content"] for row in rows]
    last = encode(final)
    answer = encode([row["messages"][-2]["content"] for row in rows])
    question = encode([row["messages"][-3]["content"] for row in rows])
    lengths = np.log1p([[len(text.split())] for text in final])
    near = np.column_stack([(last * question).sum(axis=1), (last * answer).sum(axis=1)])
    # Scaled so that the regularisation weighs the three kinds alike: the vector decides, similarity and length help.
    return np.hstack([2 * last, 2 * near, lengths / 2])


def _probabilities(recogniser: Recogniser, features: np.ndarray) -> np.ndarray:
    scores = features @ recogniser.weights.T + recogniser.biases
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def recognise(recogniser: Recogniser, rows: Sequence[dict[str, Any]]) -> list[Recognised]:
    """Category, confidence and span of each chat's final turn; abstains below the threshold."""
    if not rows:
        return []
    chances = _probabilities(recogniser, _features(rows, recogniser.encode))
    spans = _spans(recogniser, rows, chances.argmax(axis=1))
    return [_decision(recogniser, chance, span) for chance, span in zip(chances, spans, strict=True)]


def recognised_rows(rows: Sequence[dict[str, Any]], found: Sequence[Recognised]) -> list[dict[str, Any]]:
    """Rows with a category for chats that had none; labels are never overwritten.

    Args:
        rows: chats with `category`, `source`, `span`.
        found: what the recogniser says about each of them.

    Returns:
        The rows with `source` "label", "recognised" or "" (it abstained or saw no feedback), and `confidence` (NaN
        where the category is not the recogniser's).
    """
    return [row | _addition(row, one) for row, one in zip(rows, found, strict=True)]


def _addition(row: dict[str, Any], found: Recognised) -> dict[str, Any]:
    if row["category"] or found.category in ("", NONE):
        return {"confidence": float("nan")}
    return {"category": found.category, "source": "recognised", "span": found.span, "confidence": found.confidence}


def _decision(recogniser: Recogniser, chances: np.ndarray, span: str) -> Recognised:
    best = int(chances.argmax())
    category, confidence = recogniser.classes[best], float(chances[best])
    if confidence < recogniser.threshold:
        return Recognised("", confidence, "")
    return Recognised(category, confidence, "" if category == NONE else span)


def _spans(recogniser: Recogniser, rows: Sequence[dict[str, Any]], best: np.ndarray) -> list[str]:
    """The sentence of each final turn with the highest probability of the chosen category; always part of the text."""
    sentences = [sentences_of(row["messages"][-1]["content"]) for row in rows]
    owners = [k for k, parts in enumerate(sentences) for _ in parts]
    flat = [part for parts in sentences for part in parts]
    features = _features([rows[k] for k in owners], recogniser.encode, flat)
    scores = _probabilities(recogniser, features)[np.arange(len(flat)), best[owners]]
    chosen: dict[int, int] = {}
    for place, owner in enumerate(owners):
        if owner not in chosen or scores[place] > scores[chosen[owner]]:
            chosen[owner] = place
    return [flat[chosen[k]] for k in range(len(rows))]


def sentences_of(text: str) -> list[str]:
    """Sentences as they stand in the text, without outer white space; the whole text if it has no sentence."""
    parts = [found.group().strip() for found in _SENTENCE.finditer(text)]
    return [part for part in parts if part] or [text]


def quality_of(recogniser: Recogniser, train: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]]) -> Quality:
    """Accuracy, macro-F1 and coverage on labelled chats that were not used for fitting."""
    truth = [row["category"] for row in test]
    found = [one.category or None for one in recognise(recogniser, test)]
    names, counts = np.unique([row["category"] for row in train], return_counts=True)
    floor = str(names[counts.argmax()])
    return Quality(
        accuracy_estimate(truth, found),
        macro_f1_estimate(truth, found),
        float(np.mean([guess is not None for guess in found])),
        accuracy_estimate(truth, [floor] * len(truth)),
    )
