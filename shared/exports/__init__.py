"""Answers of base and tuned models to the same prompts, checked for parity, scored and shown side by side."""

from shared.exports._eq_bench import (
    CONSTANT_FLOOR,
    EqBenchScore,
    QuestionScore,
    compare_eq_bench,
    constant_floor,
    dialogue_of,
    parse_answer,
    random_floor,
    score_eq_bench,
)

__all__ = [
    "CONSTANT_FLOOR",
    "EqBenchScore",
    "QuestionScore",
    "compare_eq_bench",
    "constant_floor",
    "dialogue_of",
    "parse_answer",
    "random_floor",
    "score_eq_bench",
]
