"""Better answers from what users said: with it or without it, all arms on the same contexts.

Chats with positive feedback are kept; the criticised answer of the others is replaced. An answer that quotes or refers
to words that the user said only later is flagged. Exports: SFT rows with weights, DPO pairs, KTO labels; remote
fine-tuning.
"""

from shared.improve._arms import ARMS, arm_answers, common_rows, pick_by_model, pick_by_reference
from shared.improve._exports import arm_exports, dpo_pairs, kto_labels, preference_table, sft_rows, split_rows, weighted
from shared.improve._leakage import Leak, find_leak
from shared.improve._methods import (
    GENERATION_METHODS,
    IMPROVABLE,
    IMPROVEMENT_PROMPT,
    KEPT,
    Improved,
    Method,
    improve_chats,
    improvement_bill,
    improvement_requests,
)
from shared.improve._together import FineTune, TrainingFile, fine_tune, validate_training_rows, write_training_file
from shared.improve._written import criticised_answers, read_rows, written_answers

__all__ = [
    "ARMS",
    "GENERATION_METHODS",
    "IMPROVABLE",
    "IMPROVEMENT_PROMPT",
    "KEPT",
    "FineTune",
    "Improved",
    "Leak",
    "Method",
    "TrainingFile",
    "arm_answers",
    "arm_exports",
    "common_rows",
    "criticised_answers",
    "dpo_pairs",
    "find_leak",
    "fine_tune",
    "improve_chats",
    "improvement_bill",
    "improvement_requests",
    "kto_labels",
    "pick_by_model",
    "pick_by_reference",
    "preference_table",
    "read_rows",
    "sft_rows",
    "split_rows",
    "validate_training_rows",
    "weighted",
    "write_training_file",
    "written_answers",
]
