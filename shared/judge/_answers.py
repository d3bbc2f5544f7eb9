"""From contexts to pairs: models answer, arms line up, and what cannot be compared is listed with its reason."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from shared.judge._verdicts import Pair
from shared.llm import ChatBackend, Ledger, Prices, Request, Sending, ask_all, request


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


def answer_requests(
    contexts: Sequence[Mapping[str, Any]], *, temperature: float = 0.0, max_tokens: int = 512, seed: int = 0
) -> list[Request]:
    """One request a context; its messages end with the user's question."""
    return [request(c["messages"], temperature=temperature, max_tokens=max_tokens, seed=seed) for c in contexts]


def answer_contexts(
    backend: ChatBackend,
    requests: Sequence[Request],
    *,
    cache: Path | None = None,
    sending: Sending | None = None,
    prices: Prices | None = None,
) -> ModelAnswers:
    """Let a model answer. Failed and refused requests give None; an empty answer is kept as an empty text."""
    got = ask_all(backend, requests, parse=str.strip, cache=cache, sending=sending, prices=prices, what="answers")
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


def _pair(context: Mapping[str, Any], model: str, baseline: str, answer: str, other: str) -> Pair:
    messages = tuple((message["role"], message["content"]) for message in context["messages"])
    return Pair(context["conversation_id"], messages, model, baseline, answer, other, context["reference"])
