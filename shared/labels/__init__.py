"""Labelled data four ways, one table, provenance per row: synthetic, labelled by an LLM, by people, or both.

Every way returns rows of `LABELLED_SCHEMA`; `hybrid` merges them by explicit rules, `without_near_duplicates` and
`without_prompt_leaks` filter what was generated, `count_report` says whether there is enough of each class.
"""

from shared.labels._asking import Asking, Generated, Wanted, check_ways
from shared.labels._augment import paraphrased, with_word_operations
from shared.labels._filter import without_near_duplicates, without_prompt_leaks
from shared.labels._hybrid import HybridRules, Merged, hybrid
from shared.labels._knowledge import messages_from_postgres, passages_from_files, passages_from_postgres
from shared.labels._llm import bill_before, label_messages
from shared.labels._people import (
    annotator_agreement,
    from_label_studio,
    label_studio_config,
    majority_of_people,
    read_label_studio,
    read_prodigy,
    to_label_studio,
    to_prodigy,
    upload_to_label_studio,
)
from shared.labels._synthetic import generate_with_llm
from shared.labels._table import LABELLED_SCHEMA, count_report, labelled_table, to_task_csv
from shared.labels._templates import OFFLINE_PATTERNS, generate_offline

__all__ = [
    "LABELLED_SCHEMA",
    "OFFLINE_PATTERNS",
    "Asking",
    "Generated",
    "HybridRules",
    "Merged",
    "Wanted",
    "annotator_agreement",
    "bill_before",
    "check_ways",
    "count_report",
    "from_label_studio",
    "generate_offline",
    "generate_with_llm",
    "hybrid",
    "label_messages",
    "label_studio_config",
    "labelled_table",
    "majority_of_people",
    "messages_from_postgres",
    "paraphrased",
    "passages_from_files",
    "passages_from_postgres",
    "read_label_studio",
    "read_prodigy",
    "to_label_studio",
    "to_prodigy",
    "to_task_csv",
    "upload_to_label_studio",
    "with_word_operations",
    "without_near_duplicates",
    "without_prompt_leaks",
]
