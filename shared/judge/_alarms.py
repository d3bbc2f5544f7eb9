"""Cheap checks that no win rate should be read without: constant, duplicate, empty and truncated answers."""

from collections.abc import Mapping, Sequence

import pandas as pd

_CLOSING = (".", "!", "?", '"', "'", "”", "’", ")", "]", "}", "`", "*", ":", "…", "。", "|", ">")
_MANY = 0.05  # share of answers from which an alarm is raised


def answer_alarms(
    answers: Mapping[str, Sequence[str]], truncated: Mapping[str, Sequence[bool]] | None = None
) -> pd.DataFrame:
    """Count what makes a model's answers suspect.

    Args:
        answers: by model, its answers to the prompts; at least one each.
        truncated: by model, whether the backend cut each answer at its limit; without it, an answer that ends without
            a closing mark counts as truncated.

    Returns:
        One row a model and alarm: `model`, `alarm` ("constant", "duplicate", "empty", "truncated"), `count`, `n`,
        `share`, `raised`. "constant" counts the most frequent answer and is raised when it is more than half of at
        least two; the others are raised from 5 % on ("empty" from the first).
    """
    rows = []
    for model, texts in answers.items():
        cut = truncated[model] if truncated is not None else [_looks_cut(text) for text in texts]
        rows += _rows(model, [text.strip() for text in texts], list(cut))
    return pd.DataFrame(rows)


def _rows(model: str, texts: list[str], cut: list[bool]) -> list[dict[str, object]]:
    counts = pd.Series(texts).value_counts()
    found = {
        "constant": int(counts.iloc[0]),
        "duplicate": len(texts) - len(counts),
        "empty": sum(not text for text in texts),
        "truncated": sum(cut),
    }
    n = len(texts)
    raised = {
        # More than half: a model may well have a favourite answer, and one alone says nothing of a single prompt.
        "constant": n > 1 and found["constant"] > n / 2,
        "duplicate": found["duplicate"] >= _MANY * n and found["duplicate"] > 0,
        "empty": found["empty"] > 0,
        "truncated": found["truncated"] >= _MANY * n and found["truncated"] > 0,
    }
    return [
        {"model": model, "alarm": name, "count": count, "n": n, "share": count / n, "raised": raised[name]}
        for name, count in found.items()
    ]


def _looks_cut(text: str) -> bool:
    stripped = text.strip()
    return bool(stripped) and not stripped.endswith(_CLOSING)
