"""What a positive example weighs more than a negative one, four ways."""

from typing import Literal

import numpy as np

from shared.runs import UserError

Weighting = Literal["balanced", "effective", "focal", "sqrt"]
WEIGHTINGS: tuple[Weighting, ...] = ("balanced", "effective", "focal", "sqrt")

_BETA = 0.999  # Cui et al. 2019: each example seen leaves the next one this share of news
_GAMMA = 2.0  # Lin et al. 2017: the focusing exponent of their best models


def estimate_pos_weight(labels: np.ndarray, method: Weighting = "balanced") -> float:
    """Weight of a positive example for `torch.nn.BCEWithLogitsLoss(pos_weight=...)`.

    With p positives and n negatives:

    - `balanced`: n / p, so that both classes weigh the same in sum;
    - `effective`: (1 - beta^n) / (1 - beta^p) with beta 0.999, the ratio of effective numbers of examples: close to
      `balanced` for hundreds of examples, close to 1 for many thousands;
    - `focal`: (n / p)^2, the ratio of the focal loss's factors (1 - probability)^gamma with gamma 2, for a model that
      answers every example with the share of its class; the steepest of the four;
    - `sqrt`: sqrt(n / p), half way to `balanced` on a log scale.

    Args:
        labels: shape (examples,), 0 or 1 (or bool); NaN = unlabelled, left out.
        method: one of the four.

    Returns:
        A positive weight; 1.0 where both classes are equally frequent, whatever the method.

    Raises:
        UserError: a label is neither 0 nor 1, only one class occurs, or the method is unknown.

    Source: King and Zeng 2001 (balanced); Cui et al. 2019 (effective); Lin et al. 2017 (focal).
    """
    if method not in WEIGHTINGS:
        raise UserError(f"There is no weighting '{method}'. Choose one of {', '.join(WEIGHTINGS)}.")
    positives, negatives = count_classes(labels)
    ratio = negatives / positives
    if method == "effective":
        return float((1 - _BETA**negatives) / (1 - _BETA**positives))
    return float(ratio ** {"balanced": 1.0, "focal": _GAMMA, "sqrt": 0.5}[method])


def count_classes(labels: np.ndarray) -> tuple[int, int]:
    """Numbers of positive and negative examples; NaN is left out.

    Raises:
        UserError: a label is neither 0 nor 1, or one class is missing.
    """
    scored = np.asarray(labels, dtype=float)
    scored = scored[~np.isnan(scored)]
    strange = scored[(scored != 0) & (scored != 1)]
    if len(strange):
        raise UserError(f"Labels must be 0 or 1; found {strange[0]:g} and {len(strange) - 1} more of other values.")
    positives = int(scored.sum())
    negatives = len(scored) - positives
    if not positives or not negatives:
        raise UserError(
            f"Both classes are needed; found {positives} positive and {negatives} negative labels. "
            "Check the labels' column, or put more conversations into this split."
        )
    return positives, negatives
