"""Classifying conversations, and authors by one conversation at a time, from features of their turns.

`train_model` and `test_model` work on a dataset folder (`read_dataset` tells its layout); `SequenceClassifier`,
`make_loader`, `train_epoch` and `evaluate` are the parts for a training loop of one's own.
"""

from shared.sequence._analyse import Analysed, analyse_conversations
from shared.sequence._batches import (
    Batch,
    ConversationDataset,
    LengthBatches,
    labelled_conversations,
    make_loader,
    pad_batch,
)
from shared.sequence._dataset import AnalyzedConversations, ModelType, read_dataset, write_dataset
from shared.sequence._early import EarlyWarning, early_warning, prefix_probabilities
from shared.sequence._epochs import evaluate, predict_probabilities, train_epoch
from shared.sequence._fit import Training, fit_sequence_classifier
from shared.sequence._folds import (
    auc_difference,
    author_folds,
    average_turn_out_of_fold,
    out_of_fold,
    prediction_table,
    tfidf_out_of_fold,
)
from shared.sequence._label import Side, conversation_texts, label_conversations
from shared.sequence._metrics import METRICS, Metrics, best_threshold, calculate_metrics_threshold, f1_estimate
from shared.sequence._models import matching_dataset, metrics_with_intervals, test_model, train_model
from shared.sequence._network import PositionalEncoding, ResidualBlock, SequenceClassifier
from shared.sequence._planted import Planted, write_planted
from shared.sequence._saved import SavedClassifier, load_classifier, save_classifier
from shared.sequence._weights import WEIGHTINGS, Weighting, count_classes, estimate_pos_weight

__all__ = [
    "METRICS",
    "WEIGHTINGS",
    "Analysed",
    "AnalyzedConversations",
    "Batch",
    "ConversationDataset",
    "EarlyWarning",
    "LengthBatches",
    "Metrics",
    "ModelType",
    "Planted",
    "PositionalEncoding",
    "ResidualBlock",
    "SavedClassifier",
    "SequenceClassifier",
    "Side",
    "Training",
    "Weighting",
    "analyse_conversations",
    "auc_difference",
    "author_folds",
    "average_turn_out_of_fold",
    "best_threshold",
    "calculate_metrics_threshold",
    "conversation_texts",
    "count_classes",
    "early_warning",
    "estimate_pos_weight",
    "evaluate",
    "f1_estimate",
    "fit_sequence_classifier",
    "label_conversations",
    "labelled_conversations",
    "load_classifier",
    "make_loader",
    "matching_dataset",
    "metrics_with_intervals",
    "out_of_fold",
    "pad_batch",
    "predict_probabilities",
    "prediction_table",
    "prefix_probabilities",
    "read_dataset",
    "save_classifier",
    "test_model",
    "tfidf_out_of_fold",
    "train_epoch",
    "train_model",
    "write_dataset",
    "write_planted",
]
