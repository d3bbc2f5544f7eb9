"""What is done to text before anything reads it: cleaning, splitting into utterances, merging turns."""

from shared.text._redact import Redactor, is_placeholder, looks_like_a_name
from shared.text._redact_keep import ensure_key, keep_redactor, known_redactor, stage_redactor
from shared.text._redact_shield import file_names, learn_parameters, redaction_shield
from shared.text._redaction_recall import Measured, Measures, measure_redaction, redaction_sample
from shared.text._similar import SimilarPairs, similar_pairs
from shared.text._turns import Stretch, clean, merge_consecutive_turns, split_utterances

__all__ = [
    "Measured",
    "Measures",
    "Redactor",
    "SimilarPairs",
    "Stretch",
    "clean",
    "ensure_key",
    "file_names",
    "is_placeholder",
    "keep_redactor",
    "known_redactor",
    "learn_parameters",
    "looks_like_a_name",
    "measure_redaction",
    "merge_consecutive_turns",
    "redaction_sample",
    "redaction_shield",
    "similar_pairs",
    "split_utterances",
    "stage_redactor",
]
