"""How good probabilities and the verdicts drawn from them are."""

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from shared.runs import UserError
from shared.stats import Estimate, expected_calibration_error, percentile_interval, resampled_totals

Metrics = dict[str, float]
METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "calibration_error")


def calculate_metrics_threshold(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float | None = None
) -> tuple[Metrics, float]:
    """Metrics of a binary classifier and the threshold that they hold for.

    Args:
        labels: shape (examples,), 0 or 1; NaN = unlabelled, left out.
        probabilities: shape (examples,), of the positive class, in [0, 1] (any score, where calibration does not
            matter); NaN = unscored, left out.
        threshold: a verdict is positive from here on; None: the one with the best F1 on these examples. Choose it on
            validation data and hand it in for test data, or the test's F1 flatters.

    Returns:
        `(metrics, threshold)`; metrics by name: accuracy, precision, recall, f1, roc_auc, average_precision,
        calibration_error (15 bins of equal width), all in [0, 1]. NaN where undefined: roc_auc and average_precision
        if only one class occurs, precision without a positive verdict, recall without a positive label, everything
        without examples.

    Raises:
        UserError: `labels` and `probabilities` differ in length.

    Source: Lipton, Elkan and Naryanaswamy 2014 (thresholds for F1, and why they flatter where they were chosen); Guo
    et al. 2017 (calibration error).
    """
    truth, score = _scored(labels, probabilities)
    chosen = best_threshold(truth, score) if threshold is None else float(threshold)
    verdict = score >= chosen
    return {**_verdict_metrics(truth, verdict), **_ranking_metrics(truth, score)}, chosen


def best_threshold(labels: np.ndarray, scores: np.ndarray) -> float:
    """The threshold with the best F1; among equals the middle of the widest gap between neighbouring scores.

    Args:
        labels: shape (examples,), 0 or 1.
        scores: shape (examples,), higher means positive.

    Returns:
        A number strictly between two scores (or just the lowest score, if everything is best called positive);
        0.5 if only one class occurs, where no threshold can be learned.
    """
    if len(np.unique(labels)) < 2:
        return 0.5
    precision, recall, cuts = precision_recall_curve(labels, scores)
    total = precision[:-1] + recall[:-1]
    f1 = np.divide(2 * precision[:-1] * recall[:-1], total, out=np.zeros(len(cuts)), where=total > 0)
    # cuts are ascending scores: the verdict does not change down to the next lower one
    below = np.concatenate([cuts[:1], cuts[:-1]])
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    # In the middle of the widest gap: new scores fall beside the old ones, and there is most room for that.
    widest = best[np.argmax((cuts - below)[best])]
    return float((cuts[widest] + below[widest]) / 2)


def f1_estimate(
    labels: np.ndarray, verdicts: np.ndarray, clusters: np.ndarray, *, replicates: int = 2000, seed: int = 0
) -> Estimate:
    """F1 of the positive class with a clustered bootstrap interval.

    Args:
        labels: shape (examples,), 0 or 1; NaN = unlabelled, left out and counted.
        verdicts: shape (examples,), 0 or 1; NaN = no verdict, left out and counted.
        clusters: shape (examples,), the independent unit, for instance the author.
        replicates: bootstrap replicates.
        seed: same seed, same interval.

    Returns:
        Estimate in [0, 1]; NaN if nothing is positive, neither in truth nor in verdict.
    """
    truth, verdict = np.asarray(labels, dtype=float), np.asarray(verdicts, dtype=float)
    keep = ~(np.isnan(truth) | np.isnan(verdict))
    truth, verdict = truth[keep], verdict[keep]
    names, codes = np.unique(np.asarray(clusters)[keep].astype(str), return_inverse=True)
    # F1 = 2 hits / (true + said): two totals a cluster are all that resampling needs.
    totals = np.column_stack([np.bincount(codes, w, len(names)) for w in (2 * truth * verdict, truth + verdict)])
    drawn = resampled_totals(totals, replicates, seed) if len(names) else np.zeros((0, 2))
    ratios = np.divide(drawn[:, 0], drawn[:, 1], out=np.full(len(drawn), np.nan), where=drawn[:, 1] > 0)
    value = _ratio(float(totals[:, 0].sum()), float(totals[:, 1].sum()))
    return Estimate(value, percentile_interval(ratios, len(names)), int(keep.sum()), int((~keep).sum()))


def _scored(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, score = np.asarray(labels, dtype=float), np.asarray(probabilities, dtype=float)
    if truth.shape != score.shape:
        raise UserError(f"There are {truth.shape} labels for {score.shape} probabilities; the shapes must be equal.")
    keep = ~(np.isnan(truth) | np.isnan(score))
    return truth[keep], score[keep]


def _verdict_metrics(truth: np.ndarray, verdict: np.ndarray) -> Metrics:
    hits = float((verdict & (truth == 1)).sum())
    said, real = float(verdict.sum()), float(truth.sum())
    return {
        "accuracy": _ratio(float((verdict == (truth == 1)).sum()), len(truth)),
        "precision": _ratio(hits, said),
        "recall": _ratio(hits, real),
        "f1": _ratio(2 * hits, said + real),
    }


def _ranking_metrics(truth: np.ndarray, score: np.ndarray) -> Metrics:
    both = len(np.unique(truth)) == 2
    return {
        "roc_auc": float(roc_auc_score(truth, score)) if both else float("nan"),
        "average_precision": float(average_precision_score(truth, score)) if both else float("nan"),
        "calibration_error": _positive_class_calibration(truth, score),
    }


def _positive_class_calibration(truth: np.ndarray, score: np.ndarray) -> float:
    # Votes counted are no probabilities: calibration says nothing about them.
    in_range = len(score) > 0 and score.min() >= 0 and score.max() <= 1
    return float(expected_calibration_error(score, truth)) if in_range else float("nan")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
