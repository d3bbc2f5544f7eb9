"""The outcome of a conversation, predicted from its text: what is particular to it beside `shared.models`.

The text of a conversation fitted to the encoder, splits that never cut a conversation, several seeds, thresholds.
"""

from shared.classifier._evaluate import (
    Predictor,
    Scores,
    abstention_table,
    confusion_counts,
    predictions_schema,
    predictions_table,
    scores,
    share_right,
    threshold_table,
)
from shared.classifier._split import TEST, TRAIN, VALIDATION, given_splits, named_outcomes, split_groups, text_groups
from shared.classifier._text import SPANS_SCHEMA, TEXTS_SCHEMA, ConversationTexts, Piece, conversation_texts, fit_lines
from shared.classifier._train import Trained, best_of, history_table, train_seeds

__all__ = [
    "SPANS_SCHEMA",
    "TEST",
    "TEXTS_SCHEMA",
    "TRAIN",
    "VALIDATION",
    "ConversationTexts",
    "Piece",
    "Predictor",
    "Scores",
    "Trained",
    "abstention_table",
    "best_of",
    "confusion_counts",
    "conversation_texts",
    "fit_lines",
    "given_splits",
    "history_table",
    "named_outcomes",
    "predictions_schema",
    "predictions_table",
    "scores",
    "share_right",
    "split_groups",
    "text_groups",
    "threshold_table",
    "train_seeds",
]
