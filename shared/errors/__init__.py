"""Error analysis of any classifier's predictions: where it fails, what would fix most, and what a change broke."""

from shared.errors._compare import Comparison, compare_predictions
from shared.errors._labels import likely_label_errors, near_duplicates, overlap
from shared.errors._read import SLICES, Predictions, read_predictions, with_features
from shared.errors._remedies import remedies, review_queue
from shared.errors._slices import confusion_table, find_slices
from shared.errors._words import word_effects

__all__ = [
    "SLICES",
    "Comparison",
    "Predictions",
    "compare_predictions",
    "confusion_table",
    "find_slices",
    "likely_label_errors",
    "near_duplicates",
    "overlap",
    "read_predictions",
    "remedies",
    "review_queue",
    "with_features",
    "word_effects",
]
