"""What the heads and the answers are worth on held-out conversations, beside floors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from shared.runs import progress
from shared.sft._examples import Collator, messages_of
from shared.sft._lm_loss import IGNORED
from shared.sft._reading import count_batches, read_in_batches
from shared.stats import (
    Estimate,
    accuracy_estimate,
    bootstrap_estimate,
    holm,
    macro_f1_estimate,
    mean_estimate,
    paired_difference,
)

_RATINGS = ("valence", "arousal")
_FLOOR_TURNS = 3  # turns that the TF-IDF floor reads
# Per-example measures of an ablation, and whether more is better.
MEASURES = {"emotion_right": True, "strategy_right": True, "rating_error": False, "answer_loss": False}


class Predictions(NamedTuple):
    """What the heads say about each example.

    Attributes:
        emotion: (rows, emotions), probabilities.
        strategy: (rows, strategies), probabilities.
        valence_arousal: (rows, 2), in [-1, 1].
    """

    emotion: np.ndarray
    strategy: np.ndarray
    valence_arousal: np.ndarray


class Score(NamedTuple):
    """One metric of one task with its interval over conversations."""

    task: str
    metric: str
    system: str
    value: float
    low: float
    high: float
    n: int


def predict_heads(model: Any, table: pd.DataFrame, *, padding: int, tokens: int = 8192) -> Predictions:
    """Read the heads at the last prompt token; the answers' tokens are not even given to the model.

    Args:
        model: from `train` or `load_tuned`.
        table: rows of the canonical table.
        padding: id of the padding token.
        tokens: of a batch, see `read_in_batches`.
    """
    parts: dict[str, list[Any]] = {task: [] for task in Predictions._fields}
    order: list[int] = []
    lengths = table["prompt_length"].to_numpy()
    for positions, batch in read_in_batches(
        model, table, lengths, Collator(padding, with_answers=False), tokens=tokens
    ):
        heads = model(**{name: batch[name] for name in ("input_ids", "attention_mask", "prompt_length")}).heads
        order += positions.tolist()
        parts["emotion"].append(functional.softmax(heads["emotion"].float(), dim=-1).cpu().numpy())
        parts["strategy"].append(functional.softmax(heads["strategy"].float(), dim=-1).cpu().numpy())
        parts["valence_arousal"].append(heads["valence_arousal"].float().cpu().numpy())
    back = np.argsort(order, kind="stable")
    return Predictions(*(np.concatenate(parts[task])[back] for task in Predictions._fields))


def answer_losses(
    model: Any, table: pd.DataFrame, *, padding: int, tokens: int = 2048, quiet: bool = False
) -> np.ndarray:
    """Mean negative log-likelihood of each answer in nats a token; NaN for examples without an answer.

    Args:
        model: from `train` or `load_tuned`.
        table: rows of the canonical table.
        padding: id of the padding token.
        tokens: of a batch, see `read_in_batches`; fewer than for the heads, because the vocabulary is large.
        quiet: show no progress.
    """
    losses = np.full(len(table), np.nan)
    with_answer = np.flatnonzero([bool((np.asarray(labels) != IGNORED).any()) for labels in table["labels"]])
    answered = table.iloc[with_answer]
    lengths = answered["input_ids"].map(len).to_numpy()
    batches = read_in_batches(model, answered, lengths, Collator(padding), tokens=tokens)
    shown = batches if quiet else progress(batches, "batches of answers", total=count_batches(lengths, tokens))
    for positions, batch in shown:
        losses[with_answer[positions]] = _row_losses(model, batch)
    return losses


def _row_losses(model: Any, batch: dict[str, torch.Tensor]) -> np.ndarray:
    targets = functional.pad(batch["labels"], (0, 1), value=IGNORED)[:, 1:]
    keep = targets != IGNORED
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "use_cache": False}
    logits = model(**inputs, logits_to_keep=keep).logits
    tokens = functional.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), targets[keep], reduction="none")
    sums = torch.zeros(len(targets), device=tokens.device)
    sums.index_add_(0, keep.nonzero()[:, 0], tokens)
    return (sums / keep.sum(dim=1)).cpu().numpy()


def head_metrics(model: Any, table: pd.DataFrame, *, padding: int) -> dict[str, float]:
    """Point values of every head's metrics, for the curve during training."""
    scores = score_heads(predict_heads(model, table, padding=padding), table, "heads", replicates=2)
    return {f"{s.task}_{s.metric}": s.value for s in scores}


def score_heads(
    predictions: Predictions, table: pd.DataFrame, system: str, *, replicates: int = 1000, seed: int = 0
) -> list[Score]:
    """Accuracy and macro-F1 of emotion and strategy, correlation of valence and arousal, on labelled rows.

    Args:
        predictions: one row an example.
        table: rows of the canonical table, the same rows.
        system: name of what predicted.
        replicates: of the bootstrap over conversations.
        seed: of the bootstrap.
    """
    clusters = table["conversation_id"].to_numpy()
    scores = []
    for task in ("emotion", "strategy"):
        truth = table[f"{task}_label"].to_numpy()
        labelled = truth >= 0
        if labelled.any():
            guess = getattr(predictions, task).argmax(axis=1)
            given = (truth[labelled], guess[labelled], clusters[labelled])
            estimates = {"accuracy": accuracy_estimate, "macro_f1": macro_f1_estimate}
            for metric, estimate in estimates.items():
                scores.append(_score(task, metric, system, estimate(*given, replicates=replicates, seed=seed)))
    return scores + _rating_scores(predictions, table, system, replicates, seed)


def _rating_scores(
    predictions: Predictions, table: pd.DataFrame, system: str, replicates: int, seed: int
) -> list[Score]:
    truth = np.stack([np.asarray(pair, dtype=float) for pair in table["valence_arousal"]])
    labelled = ~np.isnan(truth).any(axis=1)
    clusters = table["conversation_id"].to_numpy()[labelled]
    scores = []
    for column, name in enumerate(_RATINGS if labelled.any() else ()):
        guess = predictions.valence_arousal[labelled, column].astype(float)
        estimate = bootstrap_estimate(
            correlation, truth[labelled, column], guess, clusters=clusters, replicates=replicates, seed=seed
        )
        scores.append(_score(name, "correlation", system, estimate))
    return scores


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's r; 0 if one side is constant, because a constant says nothing."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _score(task: str, metric: str, system: str, estimate: Estimate) -> Score:
    return Score(task, metric, system, estimate.value, estimate.interval.low, estimate.interval.high, estimate.n)


def majority_predictions(train: pd.DataFrame, table: pd.DataFrame) -> Predictions:
    """The training split's most frequent label and mean rating, for everyone."""
    ratings = np.stack([np.asarray(pair, dtype=float) for pair in train["valence_arousal"]])
    known = ratings[~np.isnan(ratings).any(axis=1)]
    mean = known.mean(axis=0) if len(known) else np.zeros(2)
    emotion, strategy = (_shares(train[f"{task}_label"], len(table)) for task in ("emotion", "strategy"))
    return Predictions(emotion, strategy, np.tile(mean, (len(table), 1)))


def _shares(labels: pd.Series, rows: int) -> np.ndarray:
    counts = np.bincount(labels[labels >= 0], minlength=1)
    return np.tile(counts / max(1, counts.sum()), (rows, 1))


def tfidf_predictions(train: pd.DataFrame, table: pd.DataFrame) -> Predictions:
    """TF-IDF of the last turns before the answer with logistic regression, and ridge regression for ratings."""
    known, asked = (_last_turns(rows) for rows in (train, table))
    emotion, strategy = (
        _tfidf_classes(known, train[f"{task}_label"].to_numpy(), asked) for task in ("emotion", "strategy")
    )
    return Predictions(emotion, strategy, _tfidf_ratings(known, train, asked))


def _last_turns(table: pd.DataFrame) -> list[str]:
    chats = [messages_of(row) for row in table[["messages"]].to_dict("records")]
    prompts = [chat[:-1] if chat[-1]["role"] == "assistant" else chat for chat in chats]
    spoken = [[m for m in prompt if m["role"] != "system"][-_FLOOR_TURNS:] for prompt in prompts]
    return ["\n".join(f"{m['role']}: {m['content']}" for m in turns) for turns in spoken]


def _vectoriser() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)


def _tfidf_classes(texts: list[str], labels: np.ndarray, asked: list[str]) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    labelled = np.flatnonzero(labels >= 0)
    n_classes = int(labels.max(initial=0)) + 1
    probabilities = np.zeros((len(asked), n_classes))
    if len(np.unique(labels[labelled])) < 2:
        return probabilities
    model = make_pipeline(_vectoriser(), LogisticRegression(max_iter=300, C=3))
    model.fit([texts[i] for i in labelled], labels[labelled])
    probabilities[:, model.classes_] = model.predict_proba(asked)
    return probabilities


def _tfidf_ratings(texts: list[str], train: pd.DataFrame, asked: list[str]) -> np.ndarray:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    ratings = np.stack([np.asarray(pair, dtype=float) for pair in train["valence_arousal"]])
    labelled = np.flatnonzero(~np.isnan(ratings).any(axis=1))
    if len(labelled) < 2:
        return np.zeros((len(asked), 2))
    model = make_pipeline(_vectoriser(), Ridge(alpha=1.0))
    model.fit([texts[i] for i in labelled], ratings[labelled])
    return np.asarray(model.predict(asked))


def example_measures(predictions: Predictions, losses: np.ndarray, table: pd.DataFrame) -> pd.DataFrame:
    """Per-example measures for paired comparisons: right or wrong, squared error, answer loss; NaN where unlabelled."""
    columns: dict[str, Any] = {"conversation_id": table["conversation_id"].to_numpy()}
    for task in ("emotion", "strategy"):
        truth = table[f"{task}_label"].to_numpy()
        right = (getattr(predictions, task).argmax(axis=1) == truth).astype(float)
        columns[f"{task}_right"] = np.where(truth >= 0, right, np.nan)
    ratings = np.stack([np.asarray(pair, dtype=float) for pair in table["valence_arousal"]])
    columns["rating_error"] = ((predictions.valence_arousal - ratings) ** 2).mean(axis=1)
    columns["answer_loss"] = losses
    return pd.DataFrame(columns)


def compare_ablations(
    full: Sequence[pd.DataFrame], ablated: Mapping[str, Sequence[pd.DataFrame]], *, seed: int = 0
) -> pd.DataFrame:
    """Full minus ablated trainings on the same examples and seeds, in one table.

    Args:
        full: `example_measures` of each seed.
        ablated: of the same seeds, by name of the ablation.
        seed: of the bootstrap over conversations.

    Returns:
        One row an ablation and measure: means of both, difference with its interval, `better` ("full", "ablated" or
        "not told apart", since less error is better but fewer right answers are not), spread of the difference over
        seeds, p-value, and p-value adjusted by Holm for all rows. A measure without a scored pair has no row.
    """
    rows = [
        {"ablation": name, **_compare_measure(measure, full, frames, seed)}
        for name, frames in ablated.items()
        for measure in MEASURES
    ]
    table = pd.DataFrame([row for row in rows if row["n"]])
    table["p_holm"] = holm(table["p_value"].to_numpy()) if len(table) else []
    return table


def _compare_measure(
    name: str, full: Sequence[pd.DataFrame], ablated: Sequence[pd.DataFrame], seed: int
) -> dict[str, Any]:
    first, second = (np.stack([part[name].to_numpy() for part in parts]) for parts in (full, ablated))
    # The same conversation under several seeds is one unit: its rows go up and down together.
    clusters = np.tile(full[0]["conversation_id"].to_numpy(), len(full))
    paired = paired_difference(first.ravel(), second.ravel(), clusters, seed=seed)
    return {
        "measure": name,
        "full": mean_estimate(first.ravel()).value,
        "ablated": mean_estimate(second.ravel()).value,
        "difference": paired.estimate.value,
        "low": paired.estimate.interval.low,
        "high": paired.estimate.interval.high,
        "better": _better(name, paired.estimate),
        "n": paired.estimate.n,
        "seeds": len(full),
        "seed_spread": float(
            np.std([np.nanmean(a - b) if paired.estimate.n else 0.0 for a, b in zip(first, second, strict=True)])
        ),
        "p_value": paired.p_value,
    }


def _better(measure: str, difference: Estimate) -> str:
    low, high = difference.interval
    if low <= 0 <= high:
        return "not told apart"
    return "full" if (low > 0) == MEASURES[measure] else "ablated"


def heads_metrics_during_training(table: pd.DataFrame, *, padding: int) -> Callable[[Any], dict[str, float]]:
    """A function of the model for `train(evaluate_heads=…)`."""
    return lambda model: head_metrics(model, table, padding=padding)
