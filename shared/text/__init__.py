"""What is done to text before anything reads it: cleaning, splitting into utterances, merging turns."""

from shared.text._redact import Redactor, keep_redactor, project_redactor
from shared.text._redaction_recall import redaction_recall, redaction_sample
from shared.text._similar import SimilarPairs, similar_pairs
from shared.text._turns import Stretch, clean, merge_consecutive_turns, split_utterances

__all__ = [
    "Redactor",
    "SimilarPairs",
    "Stretch",
    "clean",
    "keep_redactor",
    "merge_consecutive_turns",
    "project_redactor",
    "redaction_recall",
    "redaction_sample",
    "similar_pairs",
    "split_utterances",
]
