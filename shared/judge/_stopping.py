"""Judge in portions and stop as soon as the comparison is decided."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from shared.judge._sequential import Sequential, anytime_win_rate
from shared.judge._verdicts import Judged, Pair
from shared.llm import Ledger

Judge = Callable[[Sequence[Pair]], Judged]


class Stopped(NamedTuple):
    """What was judged until the decision.

    Attributes:
        judged: comparisons in the order of judging, and their joint ledger.
        path: the anytime-valid interval after each prompt.
        n_spared: pairs that did not need to be judged.
    """

    judged: Judged
    path: Sequential
    n_spared: int


def judge_until_decided(
    judge: Judge, pairs: Sequence[Pair], *, portion: int = 50, alpha: float = 0.05, seed: int = 0
) -> Stopped:
    """Judge prompts in random order, portion by portion, until 50 % is excluded or no pair is left.

    Args:
        judge: gives comparisons for pairs.
        pairs: one pair a prompt.
        portion: pairs judged between two looks; every look is allowed for by the method.
        alpha: chance of a false decision over all looks.
        seed: of the random order, which the method needs.
    """
    waiting = list(pairs)
    # Files are sorted by topic or time; the guarantee needs an order that knows nothing of the answers.
    random.Random(seed).shuffle(waiting)
    parts: list[Judged] = []
    path = anytime_win_rate(pd.Series(dtype=float).to_numpy(), alpha=alpha)
    while waiting and path.decided_at is None:
        parts.append(judge(waiting[:portion]))
        del waiting[:portion]
        path = anytime_win_rate(joined(parts).comparisons["score"].to_numpy(dtype=float), alpha=alpha)
    return Stopped(joined(parts), path, len(waiting))


def joined(parts: Sequence[Judged]) -> Judged:
    """Several portions as one; the ledgers are added up."""
    ledgers = [part.ledger for part in parts]
    counts = [sum(values) for values in zip(*(ledger[1:] for ledger in ledgers), strict=True)]
    return Judged(pd.concat([p.comparisons for p in parts], ignore_index=True), Ledger(ledgers[0].backend, *counts))
