"""Cross-validation in which all conversations of an author are in one fold."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shared.runs import UserError, progress
from shared.sequence._batches import ConversationDataset
from shared.sequence._epochs import predict_probabilities
from shared.sequence._fit import Training, fit_sequence_classifier
from shared.stats import Estimate, bootstrap_estimate


def author_folds(labels: np.ndarray, authors: np.ndarray, folds: int, *, seed: int = 0) -> np.ndarray:
    """A fold for every conversation: authors stay whole, labels are spread evenly.

    Args:
        labels: shape (conversations,), 0 or 1.
        authors: shape (conversations,).
        folds: number of folds, at least 2.
        seed: of the shuffling.

    Returns:
        Shape (conversations,), ints in [0, folds).

    Raises:
        UserError: fewer authors of a class than folds.
    """
    for label in (0, 1):
        count = len(set(authors[labels == label]))
        if count < folds:
            raise UserError(f"{folds} folds need as many authors of each class; label {label} has {count}. Use fewer.")
    # Groups before strata: a fold with uneven labels costs precision, an author in two folds costs the truth.
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    placed = np.empty(len(labels), dtype=int)
    for fold, (_, inside) in enumerate(splitter.split(labels, labels, authors)):
        placed[inside] = fold
    return placed


def out_of_fold(
    dataset: ConversationDataset, folds: np.ndarray, training: Training, *, device: torch.device | str = "cpu"
) -> np.ndarray:
    """Probability of every conversation by a model that was fitted on the other folds.

    Args:
        dataset: labelled conversations.
        folds: shape (conversations,), from `author_folds`.
        training: how; all of `num_epochs` epochs are run, because a fold that stops training early would be known.
        device: where to compute.

    Returns:
        Shape (conversations,), in [0, 1].
    """
    probabilities = np.empty(len(dataset))
    for fold in progress(np.unique(folds), "folds"):
        inside = folds == fold
        model, _ = fit_sequence_classifier(dataset.subset(~inside), None, training, device=device, quiet=True)
        probabilities[inside] = predict_probabilities(model, dataset.subset(inside), device=device)
    return probabilities


def tfidf_out_of_fold(texts: Sequence[str], labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """The floor: TF-IDF of words and word pairs with logistic regression, fitted on the other folds.

    Args:
        texts: shape (conversations,), all turns of each conversation.
        labels: shape (conversations,), 0 or 1.
        folds: shape (conversations,), from `author_folds`.

    Returns:
        Probability of the positive class, shape (conversations,), in [0, 1].
    """
    column = np.asarray(texts, dtype=object)
    probabilities = np.empty(len(column))
    for fold in np.unique(folds):
        inside = folds == fold
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        floor = make_pipeline(words, LogisticRegression(max_iter=1000))
        floor.fit(column[~inside], labels[~inside])
        probabilities[inside] = floor.predict_proba(column[inside])[:, 1]
    return probabilities


def average_turn_out_of_fold(dataset: ConversationDataset, folds: np.ndarray) -> np.ndarray:
    """The floor without text: logistic regression on each conversation's average turn, fitted on the other folds.

    What the sequence classifier adds to this is what the order of turns and single telling turns have to say.

    Args:
        dataset: labelled conversations.
        folds: shape (conversations,), from `author_folds`.

    Returns:
        Probability of the positive class, shape (conversations,), in [0, 1].
    """
    averages = np.stack([features.numpy().mean(axis=0) for features, _ in dataset])
    labels, probabilities = dataset.labels.numpy(), np.empty(len(dataset))
    for fold in np.unique(folds):
        inside = folds == fold
        floor = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        floor.fit(averages[~inside], labels[~inside])
        probabilities[inside] = floor.predict_proba(averages[inside])[:, 1]
    return probabilities


def auc_difference(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, authors: np.ndarray, *, seed: int = 0
) -> Estimate:
    """ROC AUC of the first scores minus that of the second on the same conversations.

    Args:
        labels: shape (conversations,), 0 or 1.
        first: shape (conversations,), higher means positive.
        second: shape (conversations,), of the other method.
        authors: shape (conversations,), clusters of the bootstrap: both methods are drawn together.
        seed: of the bootstrap.

    Returns:
        Estimate in [-1, 1]; an interval without 0 is a difference that chance does not explain.
    """
    return bootstrap_estimate(_auc_gap, labels, first, second, clusters=authors, replicates=500, seed=seed)


def _auc_gap(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    # AUC from the ranks of the positives (Mann-Whitney): a tenth of the time of a ROC curve, and drawn 500 times.
    positive = labels == 1
    pairs = positive.sum() * (~positive).sum()
    ranks = [rankdata(scores)[positive].sum() for scores in (first, second)]
    return float((ranks[0] - ranks[1]) / pairs) if pairs else float("nan")


def prediction_table(
    dataset: ConversationDataset,
    folds: np.ndarray,
    answers: Mapping[str, np.ndarray],
    names: tuple[str, str] = ("negative", "positive"),
) -> pd.DataFrame:
    """Answers of several models in the layout that error analysis reads.

    Args:
        dataset: labelled conversations.
        folds: shape (conversations,), the fold in which each was judged.
        answers: by model, probability of the positive class, shape (conversations,), in [0, 1]; each by a model that
            did not know the conversation's author.
        names: of the negative and the positive class.

    Returns:
        One row a model and conversation: `conversation_id`, `author_id`, `fold`, `split` ("test"), `model`, `label`,
        `predicted` (the likelier class), `confidence` in [0.5, 1], and `p_<name>` of both classes.
    """
    truth = np.array(names)[dataset.labels.numpy().astype(int)]
    return pd.concat(
        [
            pd.DataFrame({
                "conversation_id": dataset.conversation_ids, "author_id": dataset.authors, "fold": folds,
                "split": "test", "model": model, "label": truth,
                "predicted": np.array(names)[(positive >= 0.5).astype(int)],
                "confidence": np.maximum(positive, 1 - positive),
                f"p_{names[0]}": 1 - positive, f"p_{names[1]}": positive,
            })
            for model, positive in answers.items()
        ],
        ignore_index=True,
    )  # fmt: skip
