"""Support corpora to canonical examples: turn texts and roles in, labels beside, and a gate before any training."""

from shared.sources._canonical import Example, LossOn, Span, Template, canonical_examples, token_weights, trained_spans
from shared.sources._corpora import Corpora, read_corpora
from shared.sources._leakage import (
    CanaryCheck,
    Probe,
    bracketed_labels,
    check_canaries,
    near_duplicates,
    plant_canaries,
    probe_dropped_label,
    require_no_leak,
)
from shared.sources._readers import (
    MULTI_LABEL,
    Dialogue,
    Rejected,
    encode,
    go_emotions_reader,
    read_emobank,
    read_empathetic,
    read_esconv,
    read_messages,
    require_known_labels,
    vocabulary,
)
from shared.sources._rows import layout, load_splits
from shared.sources._sample import write_support_sample
from shared.sources._small import warm_up, write_new_chat_model
from shared.sources._table import EXAMPLES, examples_table, require_few_rejected, share_of_splits
from shared.sources._xray import Problem, Verdict, find_problems, require_sound_masks, xray_page

__all__ = [
    "EXAMPLES",
    "MULTI_LABEL",
    "CanaryCheck",
    "Corpora",
    "Dialogue",
    "Example",
    "LossOn",
    "Probe",
    "Problem",
    "Rejected",
    "Span",
    "Template",
    "Verdict",
    "bracketed_labels",
    "canonical_examples",
    "check_canaries",
    "encode",
    "examples_table",
    "find_problems",
    "go_emotions_reader",
    "layout",
    "load_splits",
    "near_duplicates",
    "plant_canaries",
    "probe_dropped_label",
    "read_corpora",
    "read_emobank",
    "read_empathetic",
    "read_esconv",
    "read_messages",
    "require_few_rejected",
    "require_known_labels",
    "require_no_leak",
    "require_sound_masks",
    "share_of_splits",
    "token_weights",
    "trained_spans",
    "vocabulary",
    "warm_up",
    "write_new_chat_model",
    "write_support_sample",
    "xray_page",
]
