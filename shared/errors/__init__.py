"""Error analysis of any classifier's predictions: where it fails, what would fix most, and what a change broke."""

from shared.errors._compare import Comparison, changes_by_label, compare_predictions
from shared.errors._facts import conversation_facts
from shared.errors._gather import Material, gather
from shared.errors._labels import (
    as_sure_as_right,
    label_errors_by_chance,
    likely_label_errors,
    near_duplicates,
    overlap,
)
from shared.errors._read import SLICES, Predictions, read_predictions, slice_features, with_features
from shared.errors._remedies import label_studio_tasks, remedies, review_queue
from shared.errors._slices import confusion_table, errors_by, find_slices
from shared.errors._words import StandIn, WordEffects, explain_errors, marked_page, stand_in, word_effects

__all__ = [
    "SLICES",
    "Comparison",
    "Material",
    "Predictions",
    "StandIn",
    "WordEffects",
    "as_sure_as_right",
    "changes_by_label",
    "compare_predictions",
    "confusion_table",
    "conversation_facts",
    "errors_by",
    "explain_errors",
    "find_slices",
    "gather",
    "label_errors_by_chance",
    "label_studio_tasks",
    "likely_label_errors",
    "marked_page",
    "near_duplicates",
    "overlap",
    "read_predictions",
    "remedies",
    "review_queue",
    "slice_features",
    "stand_in",
    "with_features",
    "word_effects",
]
