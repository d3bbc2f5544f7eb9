"""Examples as batches, and in which order corpora are mixed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from shared.runs import UserError
from shared.sft._lm_loss import IGNORED

_MULTIPLE = 8  # lengths are padded to this: kernels like it, and few distinct shapes are seen


def mixture_shares(counts: Mapping[str, int], alpha: float) -> dict[str, float]:
    """Probability of each corpus, proportional to n^alpha.

    Args:
        counts: examples by corpus, all positive.
        alpha: in (0, 1]; 1 draws every example equally often, near 0 every corpus.
    """
    powers = {name: float(n) ** alpha for name, n in counts.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def mixture_order(sources: Sequence[str], *, draws: int, alpha: float, seed: int) -> np.ndarray:
    """Which example is trained when: corpora drawn by `mixture_shares`, examples of each shuffled and used in turn.

    The whole order is fixed before training, so that a resumed run sees exactly what an uninterrupted one would.

    Args:
        sources: corpus of each example.
        draws: examples of the whole training.
        alpha: in (0, 1].
        seed: the same seed gives the same order.

    Returns:
        Shape (draws,), indices of examples.
    """
    names, codes = np.unique(np.asarray(sources, dtype=str), return_inverse=True)
    counts = {str(name): int((codes == i).sum()) for i, name in enumerate(names)}
    shares = mixture_shares(counts, alpha)
    generator = np.random.default_rng(seed)
    drawn = generator.choice(len(names), size=draws, p=[shares[str(name)] for name in names])
    order = np.empty(draws, dtype=np.int64)
    for i in range(len(names)):
        places = np.flatnonzero(drawn == i)
        members = np.flatnonzero(codes == i)
        passes = -(-len(places) // len(members))
        shuffled = [generator.permutation(members) for _ in range(passes)]
        order[places] = np.concatenate(shuffled)[: len(places)] if passes else members[:0]
    return order


def mixture_report(sources: Sequence[str], order: np.ndarray, alpha: float) -> pd.DataFrame:
    """Target and realised share of each corpus, and how often an example of it was seen on average."""
    column = np.asarray(sources, dtype=str)
    counts = pd.Series(column).value_counts().sort_index()
    shares = mixture_shares({str(k): int(v) for k, v in counts.items()}, alpha)
    drawn = pd.Series(column[order]).value_counts().reindex(counts.index, fill_value=0)
    return pd.DataFrame(
        {
            "source": counts.index,
            "examples": counts.to_numpy(),
            "target_share": [shares[str(name)] for name in counts.index],
            "realised_share": drawn.to_numpy() / max(1, len(order)),
            "passes": drawn.to_numpy() / counts.to_numpy(),
        }
    )


class Examples(Dataset[dict[str, Any]]):
    """Rows of the canonical table in a given order.

    Args:
        table: columns of the canonical table.
        order: indices of rows; None: as they are.
    """

    def __init__(self, table: pd.DataFrame, order: np.ndarray | None = None) -> None:
        self._rows: list[dict[Any, Any]] = table.to_dict("records")
        self._order = np.arange(len(self._rows)) if order is None else order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._rows[int(self._order[index])]


class Collator:
    """Pads rows of the canonical table to a batch of tensors.

    Args:
        padding: id of the padding token.
        with_answers: False leaves the answer's tokens out: the heads read the prompt alone.
    """

    def __init__(self, padding: int, *, with_answers: bool = True) -> None:
        self._padding = padding
        self._with_answers = with_answers

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        lengths = [len(r["input_ids"]) if self._with_answers else int(r["prompt_length"]) for r in rows]
        width = -(-max(lengths) // _MULTIPLE) * _MULTIPLE
        batch = {
            "input_ids": _padded([r["input_ids"] for r in rows], lengths, width, self._padding, torch.long),
            "attention_mask": _padded([r["attention_mask"] for r in rows], lengths, width, 0, torch.long),
            "prompt_length": torch.tensor([int(r["prompt_length"]) for r in rows]),
            "emotion": torch.tensor([int(r["emotion_label"]) for r in rows]),
            "strategy": torch.tensor([int(r["strategy_label"]) for r in rows]),
            "valence_arousal": torch.tensor(np.stack([np.asarray(r["valence_arousal"], np.float32) for r in rows])),
        }
        if self._with_answers:
            batch["labels"] = _padded([r["labels"] for r in rows], lengths, width, IGNORED, torch.long)
            batch["weights"] = _padded([r["weights"] for r in rows], lengths, width, 0.0, torch.float32)
        return batch


def _padded(rows: Sequence[Any], lengths: Sequence[int], width: int, value: float, dtype: torch.dtype) -> torch.Tensor:
    batch = torch.full((len(rows), width), value, dtype=dtype)
    for i, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        batch[i, :length] = torch.as_tensor(np.asarray(row)[:length].copy(), dtype=dtype)
    return batch


def capped(table: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """At most `limit` rows (0 = all), whole conversations at a time, drawn so that every corpus keeps its share."""
    if not limit or len(table) <= limit:
        return table.reset_index(drop=True)
    generator = np.random.default_rng(seed)
    kept = []
    for _, part in table.groupby("source", sort=False):
        quota = max(1, round(limit * len(part) / len(table)))
        order = generator.permutation(part["conversation_id"].unique())
        sizes = part.groupby("conversation_id").size().reindex(order).cumsum()
        chosen = set(order[: max(1, int((sizes <= quota).sum()))])
        kept.append(part[part["conversation_id"].isin(chosen)])
    return pd.concat(kept, ignore_index=True)


def split_of(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """Rows of one split.

    Raises:
        UserError: there are none.
    """
    rows = table[table["split"] == split].reset_index(drop=True)
    if rows.empty:
        raise UserError(f"No example is in the split '{split}'. Give the stage `sources` a corpus that has it.")
    return rows


def messages_of(row: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """The chat of a canonical row."""
    return list(json.loads(row["messages"]))
