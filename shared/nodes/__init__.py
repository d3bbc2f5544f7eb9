"""Small encoders in place of LLM calls: data checks, splits, training, learning curve, out of scope."""

from shared.nodes._data import counts_by_label, read_labelled_csv
from shared.nodes._evaluate import (
    PREDICTIONS_SCHEMA,
    NodeScores,
    coverage_curve,
    label_f1_table,
    node_scores,
    predictions_table,
    value_scores,
)
from shared.nodes._scope import Scope, scope_report
from shared.nodes._split import Split, check_sides, near_duplicate_groups, split_rows
from shared.nodes._train import SeedRun, labelled_texts, learning_curve, train_seeds
from shared.nodes._values import VALUES_SCHEMA, value_floors, value_score_table, values_table

__all__ = [
    "PREDICTIONS_SCHEMA",
    "VALUES_SCHEMA",
    "NodeScores",
    "Scope",
    "SeedRun",
    "Split",
    "check_sides",
    "counts_by_label",
    "coverage_curve",
    "label_f1_table",
    "labelled_texts",
    "learning_curve",
    "near_duplicate_groups",
    "node_scores",
    "predictions_table",
    "read_labelled_csv",
    "scope_report",
    "split_rows",
    "train_seeds",
    "value_floors",
    "value_score_table",
    "value_scores",
    "values_table",
]
