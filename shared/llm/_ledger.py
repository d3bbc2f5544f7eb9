"""The bill: what a batch will cost at most, and what it did cost."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from shared.llm._cache import ReplyCache
from shared.llm._chat import ChatBackend, Reply, Request, estimated_tokens

_MILLION = 1_000_000


class Prices(NamedTuple):
    """US dollars for a million tokens; the default is a model that costs nothing."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """US dollars."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / _MILLION


class Ledger(NamedTuple):
    """What one batch used. `n` = answered + refused or failed; cached answers cost nothing now.

    Attributes:
        backend: name of the model and its place.
        n: requests of the batch, duplicates included.
        n_sent: requests answered by the backend in this batch.
        n_cached: requests answered from the cache or by an equal request of the batch.
        n_failed: requests without an answer after all attempts.
        n_malformed: answers that the parser refused (unscored, raw text kept).
        n_truncated: answers cut at their token limit.
        n_retries: attempts beyond the first.
        prompt_tokens: tokens read by the backend in this batch.
        completion_tokens: tokens written by the backend in this batch.
        cost: US dollars of this batch at the given prices.
    """

    backend: str
    n: int
    n_sent: int
    n_cached: int
    n_failed: int
    n_malformed: int
    n_truncated: int
    n_retries: int
    prompt_tokens: int
    completion_tokens: int
    cost: float

    def in_words(self) -> str:
        """One line for people."""
        return (
            f"{self.backend}: {self.n:,} requests, {self.n_sent:,} sent, {self.n_cached:,} from cache, "
            f"{self.n_failed:,} failed, {self.n_malformed:,} malformed, {self.n_truncated:,} truncated, "
            f"{self.n_retries:,} retries; {self.prompt_tokens:,} + {self.completion_tokens:,} tokens, ${self.cost:.4f}"
        )


class Bill(NamedTuple):
    """What a batch will cost at most, estimated before anything is sent."""

    backend: str
    n: int
    n_cached: int
    prompt_tokens: int
    completion_tokens: int
    cost: float

    def in_words(self) -> str:
        """One line for people."""
        return (
            f"{self.backend}: {self.n:,} requests, {self.n_cached:,} already paid; about {self.prompt_tokens:,} prompt "
            f"tokens (four characters each) and at most {self.completion_tokens:,} answer tokens, "
            f"at most ${self.cost:.4f}. Nothing was sent."
        )


def estimate_bill(
    backend: ChatBackend, requests: Sequence[Request], *, prices: Prices | None = None, cache: Path | None = None
) -> Bill:
    """The dry run: what is in the cache already, and what the rest costs at most.

    Args:
        backend: only its name is used; nothing is sent.
        requests: the batch; equal requests are paid once.
        prices: US dollars for a million tokens; None: a model that costs nothing.
        cache: folder of the reply cache.
    """
    kept = ReplyCache(cache)
    distinct = set(requests)
    paid = {asked for asked in distinct if kept.get(backend.name, asked) is not None}
    to_send = distinct - paid
    prompt_tokens = sum(estimated_tokens(asked) for asked in to_send)
    completion_tokens = sum(asked.max_tokens for asked in to_send)
    cost = (prices or Prices()).cost(prompt_tokens, completion_tokens)
    return Bill(backend.name, len(requests), len(requests) - len(to_send), prompt_tokens, completion_tokens, cost)


def tokens_of(replies: Sequence[Reply]) -> tuple[int, int]:
    """Prompt and completion tokens of several replies."""
    return sum(reply.prompt_tokens for reply in replies), sum(reply.completion_tokens for reply in replies)
