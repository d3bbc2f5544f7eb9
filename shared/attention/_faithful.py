"""Does a ranking of words say what the prediction hangs on? Hide the top words, or all others, and look.

Comprehensiveness is how far the probability of the predicted class falls without the top words (high is good),
sufficiency how far it falls with nothing but them (low is good), each a mean over several shares of top words. Both
depend on the model and the conversation, so each is also put on a scale from the worst to the best ranking found for
that conversation: 0 = as bad as any ranking, 1 = as good as any. Finding the true bounds would need all orders of the
words; here they come from every method's ranking, its reverse, and an adaptive search up and down.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.attention._explain import Explanation
from shared.attention._network import gradient_scores, log_odds, masked_logits, sigmoid
from shared.attention._tokens import Tokens
from shared.models import TextClassifier
from shared.runs import progress
from shared.stats import Estimate, mean_estimate, paired_difference

MEASURES = ("comprehensiveness", "sufficiency", "comprehensiveness_normalised", "sufficiency_normalised")
Probability = Callable[[np.ndarray], np.ndarray]


class Faithfulness(NamedTuple):
    """Mean fall of the probability without the top words, and with only them; both in [-1, 1]."""

    comprehensiveness: float
    sufficiency: float


def top_sizes(words: int, fractions: Sequence[float]) -> list[int]:
    """Number of top words at each fraction, at least one."""
    return [max(1, round(fraction * words)) for fraction in fractions]


def measure(
    probability: Probability, tokens: Tokens, orders: Mapping[str, np.ndarray], fractions: Sequence[float]
) -> dict[str, Faithfulness]:
    """Comprehensiveness and sufficiency of rankings of one conversation's words.

    Args:
        probability: from (variants, tokens) bool, what is seen, to (variants,) probabilities of the predicted class.
        tokens: the conversation.
        orders: by name, (words,) word numbers, the most important first.
        fractions: shares of the words that count as top, each in (0, 1].

    Returns:
        By name.
    """
    sizes = top_sizes(len(tokens.words), fractions)
    tops = [order[:size] for order in orders.values() for size in sizes]
    full = np.ones((1, len(tokens.ids)), bool)
    seen = np.concatenate([full, [tokens.without(top) for top in tops], [tokens.only(top) for top in tops]])
    found = probability(seen)
    falls = (found[0] - found[1:]).reshape(2, len(orders), len(sizes)).mean(2)
    return {name: Faithfulness(*map(float, column)) for name, column in zip(orders, falls.T, strict=True)}


def normalised(found: Mapping[str, Faithfulness]) -> dict[str, Faithfulness]:
    """Each measure from 0 (the worst ranking of this conversation) to 1 (the best).

    Args:
        found: by ranking, all of the same conversation.

    Returns:
        By ranking; NaN where all rankings are equal.
    """
    table = np.array(list(found.values()))
    low, high = table.min(0), table.max(0)
    width = high - low
    scaled = np.divide(table - low, width, out=np.full(table.shape, np.nan), where=width > 0)
    # Sufficiency is better when lower.
    return {name: Faithfulness(row[0], 1 - row[1]) for name, row in zip(found, scaled, strict=True)}


def faithfulness_table(
    classifier: TextClassifier, explanations: Sequence[Explanation], *, fractions: Sequence[float]
) -> pd.DataFrame:
    """Comprehensiveness and sufficiency of every method in every conversation, raw and normalised.

    Args:
        classifier: the explained classifier.
        explanations: what `explain` gave.
        fractions: shares of the words that count as top.

    Returns:
        conversation_id, method and the columns of `MEASURES`; NaN = unscored. Conversations without words are left out.
    """
    rows: list[dict[str, object]] = []
    told = [one for one in explanations if one.tokens.words]
    for one in progress(told, "conversations measured", total=len(told)):
        found = measure(_probability(classifier, one), one.tokens, _orders(classifier, one, fractions), fractions)
        scaled = normalised(found)
        rows += [
            dict(zip(("conversation_id", "method", *MEASURES),
                     (one.tokens.conversation_id, name, *found[name], *scaled[name]), strict=True))
            for name in one.scores
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["conversation_id", "method", *MEASURES])


def _probability(classifier: TextClassifier, one: Explanation) -> Probability:
    return lambda seen: sigmoid(log_odds(masked_logits(classifier, one.tokens, seen), one.target))


def _orders(classifier: TextClassifier, one: Explanation, fractions: Sequence[float]) -> dict[str, np.ndarray]:
    """Every method's ranking, its reverse, and the searched best and worst."""
    orders = {name: np.argsort(-scores, kind="stable") for name, scores in one.scores.items()}
    reverse = {f"{name} reversed": order[::-1] for name, order in orders.items()}
    searched = {f"search {sign:+d}": adaptive_order(classifier, one, fractions, sign) for sign in (1, -1)}
    return orders | reverse | searched


def adaptive_order(classifier: TextClassifier, one: Explanation, fractions: Sequence[float], sign: int) -> np.ndarray:
    """A ranking found step by step: hide the top words, ask the gradient again what now counts most.

    Args:
        classifier: the explained classifier.
        one: the conversation and its class.
        fractions: shares of the words at which the ranking is asked anew.
        sign: 1 looks for the words that speak for the class, -1 for those against it.

    Returns:
        (words,) word numbers.
    """
    order = np.zeros(0, dtype=int)
    for size in sorted(set(top_sizes(len(one.tokens.words), fractions))):
        seen = one.tokens.without(order)
        effect = sign * one.tokens.per_word(gradient_scores(classifier, one.tokens, one.target, seen))
        effect[order] = -np.inf
        order = np.concatenate([order, np.argsort(-effect, kind="stable")[: size - len(order)]])
    rest = np.setdiff1d(np.arange(len(one.tokens.words)), order)
    return np.concatenate([order, rest])


class MethodScore(NamedTuple):
    """One measure of one method: its mean over conversations, and how far it is from random rankings."""

    method: str
    measure: str
    estimate: Estimate
    over_random: Estimate
    p_value: float


def faithfulness_scores(table: pd.DataFrame, *, seed: int = 0) -> list[MethodScore]:
    """Means over conversations with intervals, and paired differences from the random ranking.

    Args:
        table: what `faithfulness_table` gave.
        seed: of the bootstrap.
    """
    found = []
    for measured in MEASURES:
        wide = table.pivot(index="conversation_id", columns="method", values=measured)
        for method in table["method"].unique():
            difference = paired_difference(wide[method], wide["random"], wide.index.to_numpy(object), seed=seed)
            estimate = mean_estimate(wide[method], wide.index.to_numpy(object), seed=seed)
            found.append(MethodScore(method, measured, estimate, difference.estimate, difference.p_value))
    return found
