"""From contexts to pairs: models answer, arms line up, and what cannot be compared is listed with its reason."""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from shared.judge._verdicts import Pair
from shared.llm import Bill, ChatBackend, Ledger, Prices, Request, Sending, ask_all, estimate_bill, request


class ModelAnswers(NamedTuple):
    """One model's answers to all contexts, in their order.

    Attributes:
        model: name for tables and reports.
        texts: the answers; None = the model gave none.
        truncated: whether each answer was cut at its token limit.
        problems: why an answer is missing; "" where it is not.
        ledger: what the answers cost; None for answers that were there already.
    """

    model: str
    texts: list[str | None]
    truncated: list[bool]
    problems: list[str]
    ledger: Ledger | None


class Pairs(NamedTuple):
    """Pairs to judge, and the contexts that give none: dictionaries with `prompt_id` and `reason`."""

    pairs: list[Pair]
    excluded: list[dict[str, str]]


def _requests(contexts: Sequence[Mapping[str, Any]], temperature: float, max_tokens: int, seed: int) -> list[Request]:
    return [request(c["messages"], temperature=temperature, max_tokens=max_tokens, seed=seed) for c in contexts]


def answer_bill(
    backend: ChatBackend,
    contexts: Sequence[Mapping[str, Any]],
    *,
    temperature: float = 0.0,
    max_tokens: int = 512,
    seed: int = 0,
    prices: Prices | None = None,
    cache: Path | None = None,
) -> Bill:
    """What the model's answers to all contexts cost at most; nothing is sent."""
    asked = _requests(contexts, temperature, max_tokens, seed)
    return estimate_bill(backend, asked, prices=prices, cache=cache)


def answer_contexts(
    backend: ChatBackend | None,
    contexts: Sequence[Mapping[str, Any]],
    *,
    temperature: float = 0.0,
    max_tokens: int = 512,
    seed: int = 0,
    cache: Path | None = None,
    sending: Sending | None = None,
    prices: Prices | None = None,
) -> ModelAnswers:
    """Let a model answer; without a backend, the answers that users reacted to.

    Failed and refused requests give None, an empty answer is an empty text.
    """
    if backend is None:
        return original_answers(contexts)
    requests = _requests(contexts, temperature, max_tokens, seed)
    got = ask_all(backend, requests, parse=str.strip, cache=cache, sending=sending, prices=prices, what="answers")
    # An answer that is empty is an answer: the alarms count it, and the judge refuses to score it.
    problems = [answer.problem for answer in got.answers]
    return ModelAnswers(backend.name, got.values, [a.truncated for a in got.answers], problems, got.ledger)


def original_answers(contexts: Sequence[Mapping[str, Any]]) -> ModelAnswers:
    """The answers that the users reacted to, as one more model."""
    texts: list[str | None] = [context["original_answer"] for context in contexts]
    return ModelAnswers("original answers", texts, [False] * len(texts), [""] * len(texts), None)


def pair_answers(contexts: Sequence[Mapping[str, Any]], model: ModelAnswers, baseline: ModelAnswers) -> Pairs:
    """Pairs of two models' answers to the same contexts."""
    pairs, excluded = [], []
    for k, context in enumerate(contexts):
        answer, other = model.texts[k], baseline.texts[k]
        if answer is None or other is None:
            reason = (
                f"{model.model}: {model.problems[k]}" if answer is None else f"{baseline.model}: {baseline.problems[k]}"
            )
            excluded.append({"prompt_id": context["conversation_id"], "reason": reason})
        else:
            pairs.append(_pair(context, model.model, baseline.model, answer, other))
    return Pairs(pairs, excluded)


def arm_pairs(arms: pd.DataFrame) -> list[Pair]:
    """Pairs of all arms of an experiment on the same contexts, each arm against every arm before it.

    Args:
        arms: columns `conversation_id`, `arm`, `answer`, `context` (messages), `reference`.
    """
    names = list(dict.fromkeys(arms["arm"]))
    pairs = []
    for _, rows in arms.groupby("conversation_id", sort=False):
        by_arm = {row["arm"]: row for row in rows.to_dict("records")}
        for baseline, model in combinations(names, 2):
            row, other = by_arm[model], by_arm[baseline]
            context = {
                "conversation_id": row["conversation_id"],
                "messages": row["context"],
                "reference": row["reference"],
            }
            pairs.append(_pair(context, model, baseline, row["answer"], other["answer"]))
    return pairs


def verdict_table(pairs: Sequence[Pair], comparisons: pd.DataFrame) -> pd.DataFrame:
    """Verdicts as preferences, in the layout that the stage `dpo` reads.

    Args:
        pairs: what was judged, in any order.
        comparisons: the verdicts on them.

    Returns:
        One row a comparison: `prompt_id`, `prompt` (messages as JSON), `answer_a` (the model's), `answer_b` (the
        baseline's) and `winner`: "a", "b", "tie", or "" where the pair is unscored.
    """
    messages = {pair.prompt_id: [{"role": role, "content": text} for role, text in pair.context] for pair in pairs}
    rows = [
        {
            "prompt_id": row["prompt_id"],
            "prompt": json.dumps(messages[row["prompt_id"]], ensure_ascii=False),
            "answer_a": row["answer"],
            "answer_b": row["baseline_answer"],
            "winner": {1.0: "a", 0.5: "tie", 0.0: "b"}.get(row["score"], ""),
        }
        for row in comparisons.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["prompt_id", "prompt", "answer_a", "answer_b", "winner"])


def _pair(context: Mapping[str, Any], model: str, baseline: str, answer: str, other: str) -> Pair:
    messages = tuple((message["role"], message["content"]) for message in context["messages"])
    return Pair(context["conversation_id"], messages, model, baseline, answer, other, context["reference"])
