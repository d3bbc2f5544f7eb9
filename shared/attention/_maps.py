"""Arithmetic on attention maps: who receives attention, rollout, and where the sinks are. No model needed."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from shared.attention._tokens import CONTENT, KINDS


def received(map_: np.ndarray, pooling: str) -> np.ndarray:
    """Attention that each token receives from what the classifier reads.

    Args:
        map_: (tokens, tokens), rows are queries and sum to 1.
        pooling: "mean" (all rows are read) or "first" (the first row is).

    Returns:
        (tokens,) in [0, 1], summing to 1.
    """
    return map_[0] if pooling == "first" else map_.mean(0)


def last_layer(maps: np.ndarray, pooling: str) -> np.ndarray:
    """Attention received in the last layer, mean over heads: the usual "attention of a token". (tokens,)."""
    return received(maps[-1].mean(0), pooling)


def without_sinks(maps: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Maps in which only content tokens receive attention, each row scaled to sum to 1 again.

    Args:
        maps: (..., tokens, tokens).
        kinds: (tokens,) index into `KINDS`.

    Returns:
        Shape of `maps`; a row that gave content nothing stays 0.
    """
    kept = maps * (kinds == CONTENT)
    totals = kept.sum(-1, keepdims=True)
    return np.divide(kept, totals, out=np.zeros_like(kept), where=totals > 0)


def rollout(maps: np.ndarray, pooling: str) -> np.ndarray:
    """Attention followed through all layers, half of each layer passing straight on (the residual path).

    Args:
        maps: (layers, heads, tokens, tokens), rows sum to 1.
        pooling: "mean" or "first", see `received`.

    Returns:
        (tokens,) in [0, 1], summing to 1.

    Source: Abnar and Zuidema 2020.
    """
    flow = np.eye(maps.shape[-1])
    for layer in maps.mean(1):
        flow = (layer + np.eye(len(layer))) / 2 @ flow
    return received(flow, pooling)


class SinkReport(NamedTuple):
    """Where attention goes.

    Attributes:
        shares: (conversations, layers, heads, kinds), share of attention on tokens of each kind, rows sum to 1.
        token_shares: (conversations, kinds), share of the tokens: what attention would give if it were even.
    """

    shares: np.ndarray
    token_shares: np.ndarray

    @property
    def by_layer(self) -> np.ndarray:
        """(layers, kinds), mean over conversations and heads."""
        return self.shares.mean((0, 2))

    @property
    def by_head(self) -> np.ndarray:
        """(layers, heads, kinds), mean over conversations."""
        return self.shares.mean(0)

    @property
    def sink_share(self) -> np.ndarray:
        """(conversations,) share of all attention that is not on content."""
        return 1 - self.shares[..., CONTENT].mean((1, 2))


def sink_report(maps: Iterable[np.ndarray], kinds: Iterable[np.ndarray]) -> SinkReport:
    """Share of attention on special, punctuation, speaker and content tokens.

    Args:
        maps: one a conversation, (layers, heads, tokens, tokens).
        kinds: one a conversation, (tokens,) index into `KINDS`.
    """
    pairs = [
        (kind_shares(m, k), np.bincount(k, minlength=len(KINDS)) / len(k)) for m, k in zip(maps, kinds, strict=True)
    ]
    shares, token_shares = zip(*pairs, strict=True)
    return SinkReport(np.stack(shares), np.stack(token_shares))


def kind_shares(maps: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Share of attention by kind of the attended token, mean over queries: (layers, heads, kinds)."""
    mean = maps.mean(2)
    return np.stack([mean[..., kinds == kind].sum(-1) for kind in range(len(KINDS))], axis=-1)
