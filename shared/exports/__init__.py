"""Answers of base and tuned models to the same prompts, checked for parity, scored and shown side by side.

Importing `score_eq_bench` loads neither torch nor transformers; what needs a model is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
from shared.exports._prompts import EQ_BENCH, Prompt, eq_bench_prompts, read_eq_bench, read_prompts

if TYPE_CHECKING:
    from shared.exports._answers import BASE, FIELDS, Decoding, Models, answer_all, require_room
    from shared.exports._checks import HeuristicQuality, is_refusal, refusal_heuristic_quality, validate
    from shared.exports._page import side_by_side_page, summarise

__all__ = [
    "BASE",
    "CONSTANT_FLOOR",
    "EQ_BENCH",
    "FIELDS",
    "Decoding",
    "EqBenchScore",
    "HeuristicQuality",
    "Models",
    "Prompt",
    "QuestionScore",
    "answer_all",
    "compare_eq_bench",
    "constant_floor",
    "dialogue_of",
    "eq_bench_prompts",
    "is_refusal",
    "parse_answer",
    "random_floor",
    "read_eq_bench",
    "read_prompts",
    "refusal_heuristic_quality",
    "require_room",
    "score_eq_bench",
    "side_by_side_page",
    "summarise",
    "validate",
]

_HOLDERS = {
    "_answers": ("BASE", "FIELDS", "Decoding", "Models", "answer_all", "require_room"),
    "_checks": ("HeuristicQuality", "is_refusal", "refusal_heuristic_quality", "validate"),
    "_page": ("side_by_side_page", "summarise"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOLDERS.items():
        if name in names:
            return getattr(import_module(f"shared.exports.{module}"), name)
    raise AttributeError(f"module 'shared.exports' has no attribute '{name}'")
