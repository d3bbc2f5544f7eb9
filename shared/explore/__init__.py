"""What is in a corpus: size, gaps, who speaks, how it ends, and what could mislead a model."""

from shared.explore._outcomes import distinguishing_words, outcome_by_length
from shared.explore._summary import (
    TurnTaking,
    corpus_summary,
    missing_table,
    rejection_reasons,
    turn_taking,
    vocabulary_growth,
)
from shared.explore._take import part_of_corpus

__all__ = [
    "TurnTaking",
    "corpus_summary",
    "distinguishing_words",
    "missing_table",
    "outcome_by_length",
    "part_of_corpus",
    "rejection_reasons",
    "turn_taking",
    "vocabulary_growth",
]
