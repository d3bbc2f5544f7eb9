"""What a fine-tuned encoder has to beat: the commonest label, TF-IDF with a linear model, the nearest class centre.

A floor answers through the same methods as a `TextClassifier`, so that the same code scores both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shared.models._calibrate import apply_thresholds, tune_thresholds
from shared.models._settings import Kind
from shared.models._texts import LabelledTexts, label_names, targets
from shared.runs import UserError


@dataclass(frozen=True)
class Floor:
    """A simple classifier.

    Attributes:
        name: which floor it is.
        labels: class names in column order.
        kind: "single" or "multi".
        score: texts to probabilities, (texts, classes) in [0, 1].
        thresholds: (classes,) for "multi"; 0.5 each until tuned.
    """

    name: str
    labels: tuple[str, ...]
    kind: Kind
    score: Callable[[Sequence[str]], np.ndarray]
    thresholds: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def probabilities(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> np.ndarray:
        """(texts, classes) float32 in [0, 1]; a second segment is read as if it followed the first."""
        joined = list(texts) if pairs is None else _joined(texts, pairs)
        return np.asarray(self.score(joined), dtype=np.float32).reshape(len(joined), len(self.labels))

    def predict(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Any]:
        """The label of each text ("single"), or the list of labels over their thresholds ("multi")."""
        probabilities = self.probabilities(texts, pairs)
        if self.kind == "single":
            return [self.labels[i] for i in probabilities.argmax(1)]
        return [
            [self.labels[i] for i in np.flatnonzero(row)] for row in apply_thresholds(probabilities, self.thresholds)
        ]

    def calibrated(self, validation: LabelledTexts) -> "Floor":
        """The same floor with the thresholds of "multi" tuned on validation data; "single" has nothing to tune."""
        if self.kind == "single":
            return self
        scores = self.probabilities(validation.texts, validation.pairs)
        thresholds = tune_thresholds(scores, targets(validation, self.labels, self.kind))
        return Floor(self.name, self.labels, self.kind, self.score, thresholds)


def majority_floor(train: LabelledTexts, *, kind: Kind = "single", labels: tuple[str, ...] | None = None) -> Floor:
    """Every text gets the class shares of the training texts, so the commonest class is always predicted.

    Args:
        train: labelled texts.
        kind: "single" or "multi".
        labels: class names in column order; by default those of `train`, sorted.
    """
    names, target = _prepared(train, kind, labels)
    shares = target.mean(0)
    return _floor("majority", names, kind, lambda texts: np.tile(shares, (len(texts), 1)))


def tfidf_floor(
    train: LabelledTexts, *, kind: Kind = "single", labels: tuple[str, ...] | None = None, characters: bool = False
) -> Floor:
    """TF-IDF of word 1- and 2-grams with logistic regression, one for each label where there are many.

    Args:
        train: labelled texts.
        kind: "single" or "multi".
        labels: class names in column order; by default those of `train`, sorted.
        characters: add character 2- to 5-grams inside words; stronger on short messages, a few times slower.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    names, target = _prepared(train, kind, labels)
    regression = LogisticRegression(C=10, max_iter=2000)
    model = make_pipeline(_vectorizer(characters), OneVsRestClassifier(regression) if kind == "multi" else regression)
    texts = train.texts if train.pairs is None else _joined(train.texts, train.pairs)
    used = np.asarray(target.any(axis=0))  # a class without a training text cannot be fitted: it keeps probability 0
    model.fit(list(texts), target[:, used] if kind == "multi" else target[:, used].argmax(1))
    return _floor("tfidf", names, kind, lambda given: _with_unused(model.predict_proba(given), used))


def nearest_centroid_floor(
    train: LabelledTexts, *, model: str = "builtin", kind: Kind = "single", labels: tuple[str, ...] | None = None
) -> Floor:
    """Sentence vectors of the untouched encoder; the class whose mean vector is nearest in cosine.

    Args:
        train: labelled texts.
        model: the encoder, see `resolve_model`.
        kind: "single" or "multi".
        labels: class names in column order; by default those of `train`, sorted.
    """
    from shared.models._encode import encode

    names, target = _prepared(train, kind, labels)
    centres = target.T @ encode(list(train.texts), model)
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    return _floor(
        "nearest centroid", names, kind, lambda texts: _from_cosines(encode(list(texts), model) @ centres.T, kind)
    )


def _prepared(train: LabelledTexts, kind: Kind, labels: tuple[str, ...] | None) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names and one-hot (or many-hot) targets, (texts, classes) float."""
    if kind == "values":
        raise UserError("Floors predict classes; for numbers compare with the mean of the training values.")
    names = labels or label_names(train, kind)
    target = targets(train, names, kind)
    return names, np.eye(len(names))[target] if kind == "single" else target.astype(float)


def _floor(name: str, names: tuple[str, ...], kind: Kind, score: Callable[[Sequence[str]], np.ndarray]) -> Floor:
    return Floor(name, names, kind, score, np.full(len(names), 0.5) if kind == "multi" else np.zeros(0))


def _vectorizer(characters: bool) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    return (
        make_union(words, TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True))
        if characters
        else words
    )


def _with_unused(scores: np.ndarray, used: np.ndarray) -> np.ndarray:
    result = np.zeros((len(scores), len(used)))
    result[:, used] = scores
    return result


def _from_cosines(cosines: np.ndarray, kind: Kind, sharpness: float = 20.0) -> np.ndarray:
    """Probabilities that keep the order of the cosines: a softmax, or each shifted to [0, 1] for many labels."""
    if kind == "multi":
        return (cosines + 1) / 2
    scaled = np.exp(sharpness * (cosines - cosines.max(1, keepdims=True, initial=-1.0)))
    return np.asarray(scaled / scaled.sum(1, keepdims=True))


def _joined(texts: Sequence[str], pairs: Sequence[str]) -> list[str]:
    return [f"{first} {second}" for first, second in zip(texts, pairs, strict=True)]
