"""Token ids in batches of similar length, so that little is computed on padding."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

# Shuffled examples are sorted by length inside pools of this many batches: long enough to save padding, short enough
# that a batch is still a random draw. Sorting doubles throughput on chat messages.
_POOL = 50

Encoded = list[dict[str, list[int]]]


class Batch(NamedTuple):
    """Padded token tensors by name, each (texts, tokens), and which rows of the list they are."""

    inputs: dict[str, torch.Tensor]
    rows: np.ndarray


def tokenise(tokenizer: Any, texts: Sequence[str], pairs: Sequence[str] | None, max_tokens: int) -> Encoded:
    """Token ids (and segment ids) of each text, cut at `max_tokens`; a pair is cut from its longer side."""
    if not texts:
        return []
    fields = tokenizer(list(texts), list(pairs) if pairs is not None else None, truncation=True, max_length=max_tokens)
    names = [name for name in fields if name in ("input_ids", "token_type_ids", "attention_mask")]
    return [{name: fields[name][i] for name in names} for i in range(len(texts))]


def collate(encoded: Encoded, index: np.ndarray, padding: int) -> Batch:
    """Pad the chosen texts to the longest of them."""
    rows = [encoded[i] for i in index]
    width = max(len(row["input_ids"]) for row in rows)
    inputs = {name: torch.full((len(rows), width), padding if name == "input_ids" else 0) for name in rows[0]}
    for place, row in enumerate(rows):
        for name, values in row.items():
            inputs[name][place, : len(values)] = torch.tensor(values)
    return Batch(inputs, index)


def sorted_batches(encoded: Encoded, size: int, padding: int) -> Iterator[Batch]:
    """All texts once, longest first (so that memory runs out at once or never)."""
    order = np.argsort([-len(row["input_ids"]) for row in encoded], kind="stable")
    for start in range(0, len(order), size):
        yield collate(encoded, order[start : start + size], padding)


def shuffled_batches(drawn: np.ndarray, lengths: np.ndarray, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The drawn examples in random batches of similar length.

    Args:
        drawn: (draws,) indices of examples, repeats allowed.
        lengths: (examples,) tokens of each example.
        size: examples in a batch; the last one of a pool may be smaller.
        rng: decides the order.

    Returns:
        Index arrays that together hold `drawn`.
    """
    drawn = rng.permutation(drawn)
    batches: list[np.ndarray] = []
    for start in range(0, len(drawn), size * _POOL):
        pool = drawn[start : start + size * _POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    return [batches[i] for i in rng.permutation(len(batches))]
