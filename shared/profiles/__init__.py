"""Author profiles: one verdict about an author from a classifier's answers about all of the author's conversations.

`evaluate_profile_classifier` and `compare_aggregation_methods` judge a trained author model; `cross_fit` with
`compare_choices` and `selected_verdicts` choose weighting, aggregation and thresholds inside cross-validation.
"""

from shared.profiles._aggregate import (
    AGGREGATIONS,
    Aggregation,
    Cuts,
    Profiles,
    aggregate,
    choose_cuts,
    labels_of,
    usual_cut,
)
from shared.profiles._classifier import ProfileClassifier
from shared.profiles._evaluate import compare_aggregation_methods, evaluate_profile_classifier
from shared.profiles._nested import (
    CrossFit,
    Verdicts,
    compare_choices,
    cross_fit,
    nested_verdicts,
    selected_verdicts,
)
from shared.profiles._stability import conversations_needed

__all__ = [
    "AGGREGATIONS",
    "Aggregation",
    "CrossFit",
    "Cuts",
    "ProfileClassifier",
    "Profiles",
    "Verdicts",
    "aggregate",
    "choose_cuts",
    "compare_aggregation_methods",
    "compare_choices",
    "conversations_needed",
    "cross_fit",
    "evaluate_profile_classifier",
    "labels_of",
    "nested_verdicts",
    "selected_verdicts",
    "usual_cut",
]
