"""Intervals, paired tests and power: every learned result stands beside its floor with one of these.

Rows of a conversation are not independent, so every interval takes `clusters`. NaN (or None) is unscored: left out of
the value and counted in `n_unscored`. Importing this room loads numpy only; scipy and krippendorff come when used.
"""

from shared.stats._agreement import krippendorff_alpha
from shared.stats._bootstrap import (
    bootstrap_estimate,
    cluster_weights,
    mean_estimate,
    percentile_interval,
    resampled_totals,
)
from shared.stats._calibration import (
    ReliabilityTable,
    brier_estimate,
    expected_calibration_error,
    reliability_table,
)
from shared.stats._classification import accuracy_estimate, auc_estimate, macro_f1_estimate
from shared.stats._estimate import Estimate, Interval
from shared.stats._multiple import benjamini_hochberg, holm
from shared.stats._paired import McNemar, PairedDifference, exact_mcnemar, paired_difference, sign_flip_p
from shared.stats._power import pairs_needed, power, smallest_detectable_difference
from shared.stats._proportions import normal_quantile, wilson_interval

__all__ = [
    "Estimate",
    "Interval",
    "McNemar",
    "PairedDifference",
    "ReliabilityTable",
    "accuracy_estimate",
    "auc_estimate",
    "benjamini_hochberg",
    "bootstrap_estimate",
    "brier_estimate",
    "cluster_weights",
    "exact_mcnemar",
    "expected_calibration_error",
    "holm",
    "krippendorff_alpha",
    "macro_f1_estimate",
    "mean_estimate",
    "normal_quantile",
    "paired_difference",
    "pairs_needed",
    "percentile_interval",
    "power",
    "reliability_table",
    "resampled_totals",
    "sign_flip_p",
    "smallest_detectable_difference",
    "wilson_interval",
]
