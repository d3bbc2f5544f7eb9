"""Stand-ins for live traffic: an LLM that errs, is slow and sometimes down, and a user who reacts. All of it seeded."""

import hashlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from shared.shadow._log import Signal


class SimulatedLLM:
    """Classifies messages whose true category is known, with errors, latency and outages that depend on the text alone.

    Args:
        truth: category by message.
        accuracy: probability in [0, 1] of the true category; otherwise another one, uniformly.
        failing: share of calls in [0, 1] that raise `ConnectionError`.
        latency_ms: median of a log-normal latency; 0 answers at once.
        seed: changes which messages are wrong or fail.
    """

    def __init__(
        self, truth: Mapping[str, str], *, accuracy: float, failing: float = 0.0, latency_ms: float = 0.0, seed: int = 0
    ) -> None:
        self._truth, self._accuracy, self._failing, self._latency_ms = truth, accuracy, failing, latency_ms
        self._names = sorted(set(truth.values()))
        self._seed = seed

    def __call__(self, message: str) -> dict[str, Any]:
        """`{"category", "confidence"}` for a known message; raises ConnectionError for a failing share."""
        random = _drawn_from(message, self._seed)
        failing, right, other = random.random(3)
        time.sleep(self._latency_ms * np.exp(random.normal(0, 0.3)) / 1000)
        if failing < self._failing:
            raise ConnectionError("simulated outage")
        true = self._truth[message]
        wrong = [name for name in self._names if name != true] or [true]
        category = true if right < self._accuracy else wrong[int(other * len(wrong))]
        return {"category": category, "confidence": 0.9}


def _drawn_from(message: str, seed: int) -> np.random.Generator:
    # From the message, not from a running generator: the router's threads ask in any order.
    digest = hashlib.blake2b(f"{seed}\0{message}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def simulated_signal(message: str, *, right: bool, silent: float = 0.3, seed: int = 0) -> Signal | None:
    """What a simulated user does after an answer: wrong ones are taken badly in six of ten cases, right ones in one.

    Args:
        message: decides, with the seed, what happens.
        right: whether the answer was the true category.
        silent: share of messages in [0, 1] after which nothing can be seen.
        seed: another one makes other users.
    """
    quiet, unhappy, how = _drawn_from(f"user\0{message}", seed).random(3)
    if quiet < silent:
        return None
    ways: tuple[Signal, ...] = ("rephrased", "corrected", "left")
    return ways[int(how * 3)] if unhappy < (0.1 if right else 0.6) else "continued"
