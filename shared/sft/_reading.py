"""A model reads rows of the canonical table without gradients, in batches of similar length."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from shared.sft._examples import Collator
from shared.sft._model import without_adapter


def read_in_batches(
    model: Any, table: pd.DataFrame, lengths: np.ndarray, collate: Collator, *, tokens: int
) -> Iterator[tuple[np.ndarray, dict[str, torch.Tensor]]]:
    """Batches on the model's device, shortest rows first, while the model is in evaluation mode.

    Args:
        model: a support model.
        table: rows of the canonical table.
        lengths: tokens of each row that will be read.
        collate: makes tensors of rows.
        tokens: of a batch with its padding; a longer row comes alone. A number of rows would do for short rows and
            fill the memory with long ones.

    Yields:
        Positions of the rows in the table, and their batch.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    with torch.inference_mode(), _autocast(model):
        for positions in _groups(lengths, tokens):
            rows: list[Any] = table.iloc[positions].to_dict("records")
            batch = collate(rows)
            yield positions, {name: tensor.to(device) for name, tensor in batch.items()}
    model.train(training)


def count_batches(lengths: np.ndarray, tokens: int) -> int:
    """How many batches `read_in_batches` will give."""
    return sum(1 for _ in _groups(lengths, tokens))


def _groups(lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    order = np.argsort(lengths, kind="stable")
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end - start + 1) * lengths[order[end]] > tokens:
            yield order[start:end]
            start = end


def _autocast(model: Any) -> Any:
    device = next(model.parameters()).device.type
    dtype = without_adapter(model).dtype
    return torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32)
