"""Scores of the words of one conversation by every method, towards the class that was predicted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shared.attention._maps import last_layer, rollout, without_sinks
from shared.attention._network import (
    attention_maps,
    gradient_scores,
    integrated_gradients,
    log_odds,
    masked_logits,
    predicted_class,
)
from shared.attention._tokens import Tokens
from shared.models import TextClassifier
from shared.runs import progress

METHODS = (
    "attention", "attention_without_sinks", "rollout", "gradient", "integrated_gradients", "leave_one_out", "random",
)  # fmt: skip


class Explanation(NamedTuple):
    """Word scores of one conversation.

    Attributes:
        tokens: the conversation.
        target: column of the predicted class.
        scores: by method, (words,). Attention and rollout are not negative and say nothing of direction; the others
            are in log-odds, positive = for the predicted class.
        gap: what integrated gradients left unexplained, in log-odds.
    """

    tokens: Tokens
    target: int
    scores: dict[str, np.ndarray]
    gap: float


def explain(classifier: TextClassifier, tokens: Tokens, *, steps: int, rng: np.random.Generator) -> Explanation:
    """Score the words of one conversation by all of `METHODS`.

    Args:
        classifier: of kind "single".
        tokens: the conversation.
        steps: points of integrated gradients.
        rng: for the random scores that every method must beat.
    """
    target = predicted_class(classifier, tokens)
    maps = attention_maps(classifier, tokens)
    pooling = classifier.network.pooling
    gradients, gap = integrated_gradients(classifier, tokens, target, steps=steps)
    by_token = {
        "attention": last_layer(maps, pooling),
        "attention_without_sinks": last_layer(without_sinks(maps, tokens.kinds), pooling),
        "rollout": rollout(maps, pooling),
        "gradient": gradient_scores(classifier, tokens, target),
        "integrated_gradients": gradients,
    }
    scores = {name: tokens.per_word(values) for name, values in by_token.items()}
    scores["leave_one_out"] = leave_one_out(classifier, tokens, target)
    scores["random"] = rng.random(len(tokens.words))
    return Explanation(tokens, target, scores, gap)


def explain_all(
    classifier: TextClassifier, conversations: Sequence[Tokens], *, steps: int, seed: int
) -> list[Explanation]:
    """`explain` for each conversation, random scores from `seed`."""
    rng = np.random.default_rng(seed)
    shown = progress(conversations, "conversations explained", total=len(conversations))
    return [explain(classifier, tokens, steps=steps, rng=rng) for tokens in shown]


def leave_one_out(classifier: TextClassifier, tokens: Tokens, target: int) -> np.ndarray:
    """How much the class's log-odds fall when a word is hidden: (words,), positive = the word speaks for the class."""
    variants = [np.ones(len(tokens.ids), bool), *(tokens.without([word]) for word in range(len(tokens.words)))]
    odds = log_odds(masked_logits(classifier, tokens, np.stack(variants), exact=True), target)
    return odds[0] - odds[1:]
