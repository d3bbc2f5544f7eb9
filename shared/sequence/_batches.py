"""Examples for training: labelled conversations of one split, batched by similar length."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

from shared.runs import UserError
from shared.sequence._dataset import LABEL_OF, AnalyzedConversations, ModelType

_WINDOW = 50  # batches sorted by length together: enough for little padding, few enough to stay random


class Batch(NamedTuple):
    """Padded conversations.

    Attributes:
        features: shape (conversations, longest, width), float32; zeros beyond a conversation's length.
        lengths: shape (conversations,), turns of each.
        labels: shape (conversations,), float 0 or 1.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor


class ConversationDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Labelled conversations; an item is (features of shape (turns, width), label).

    Attributes:
        labels: shape (conversations,), float 0 or 1; also `labels.numpy()`.
        lengths: shape (conversations,), turns of each.
        conversation_ids: shape (conversations,).
        authors: shape (conversations,); a conversation without an author is its own.
        unlabelled: conversations of the split that have no label and are left out.
    """

    def __init__(
        self, source: AnalyzedConversations, rows: np.ndarray, labels: np.ndarray, *, unlabelled: int = 0
    ) -> None:
        chosen = source.conversations.iloc[rows]
        self.labels = torch.tensor(np.asarray(labels, dtype=np.float32))
        self.lengths = source.lengths[rows]
        self.conversation_ids = chosen["conversation_id"].to_numpy(dtype=object)
        self.authors = chosen["author_id"].fillna(chosen["conversation_id"]).to_numpy(dtype=object)
        self.unlabelled = unlabelled
        self._source, self._rows = source, rows

    @property
    def width(self) -> int:
        """Features of a turn."""
        return self._source.features.shape[1]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        row = self._rows[index]
        start, length = self._source.starts[row], self.lengths[index]
        return torch.from_numpy(np.array(self._source.features[start : start + length])), self.labels[index]

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return (self[index] for index in range(len(self)))

    def subset(self, index: np.ndarray) -> "ConversationDataset":
        """The conversations at `index`, shape (chosen,), ints or bools, in that order."""
        positions = np.arange(len(self))[index]
        return ConversationDataset(self._source, self._rows[positions], self.labels.numpy()[positions])

    def first_turns(self, turns: int) -> "ConversationDataset":
        """The same conversations as they stood after at most `turns` turns (at least 1)."""
        shorter = self.subset(np.arange(len(self)))
        shorter.lengths = np.minimum(self.lengths, turns)
        return shorter

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of every feature over the turns, each of shape (width,)."""
        total, squares = np.zeros(self.width), np.zeros(self.width)
        for features, _ in self:  # one conversation at a time: the features may be larger than memory
            values = features.numpy().astype(float)
            total += values.sum(axis=0)
            squares += (values**2).sum(axis=0)
        mean = total / self.lengths.sum()
        scale = np.sqrt(np.maximum(squares / self.lengths.sum() - mean**2, 0.0))
        scale[scale < 1e-6 * np.maximum(1.0, np.abs(mean))] = 0.0  # rounding of a constant feature
        return torch.tensor(mean, dtype=torch.float32), torch.tensor(scale, dtype=torch.float32)


def labelled_conversations(
    source: AnalyzedConversations, model_type: ModelType, split: str | Sequence[str] | None = None
) -> ConversationDataset:
    """The conversations of a split that have the label that a model type learns.

    Args:
        source: from `read_dataset`.
        model_type: "conversation" learns `label`; "author" learns `author_label`, the same for all of an author.
        split: one or several of train, validation, test; None: all conversations, with or without a split.

    Returns:
        The labelled ones; how many had no label is its `unlabelled`.

    Raises:
        UserError: the model type is unknown, the split is empty, no conversation in it is labelled, or an author
            label stands at a conversation without an author.
    """
    if model_type not in LABEL_OF:
        raise UserError(f"There is no model_type '{model_type}'. Choose 'conversation' or 'author'.")
    frame = source.conversations
    wanted = [split] if isinstance(split, str) else split
    inside = np.ones(len(frame), bool) if wanted is None else frame["split"].isin(wanted).to_numpy()
    column = frame[LABEL_OF[model_type]].astype(float).to_numpy()
    rows = np.flatnonzero(inside & ~np.isnan(column))
    _check_rows(bool(frame["author_id"].iloc[rows].isna().any()), rows, inside, model_type, wanted)
    return ConversationDataset(source, rows, column[rows], unlabelled=int(inside.sum()) - len(rows))


def _check_rows(
    anonymous: bool, rows: np.ndarray, inside: np.ndarray, model_type: ModelType, split: Sequence[str] | None
) -> None:
    where = f"split {' and '.join(split)}" if split is not None else "the dataset"
    if not inside.any():
        raise UserError(f"No conversation is in {where}. Fill the column 'split' of conversations.parquet.")
    if not len(rows):
        raise UserError(
            f"None of the {int(inside.sum()):,} conversations in {where} has a '{LABEL_OF[model_type]}', which "
            f"model_type '{model_type}' learns. Fill that column of conversations.parquet with 0 and 1."
        )
    if model_type == "author" and anonymous:
        raise UserError("conversations.parquet: an author label stands at a conversation without 'author_id'. Name it.")


class LengthBatches(Sampler[list[int]]):
    """Batches of conversations of similar length, in a random order that changes with each epoch.

    Conversations are shuffled, sorted by length within windows of 50 batches, cut into batches, and the batches are
    shuffled. Without `shuffle` everything is sorted, longest first, and nothing is random.

    Args:
        lengths: shape (conversations,).
        batch_size: conversations in a batch.
        shuffle: for training.
        seed: the same seed gives the same batches in every epoch.
    """

    def __init__(self, lengths: np.ndarray, batch_size: int, *, shuffle: bool = False, seed: int = 0) -> None:
        if batch_size < 1:
            raise UserError(f"batch_size must be at least 1; found {batch_size}.")
        self.lengths, self.batch_size, self.shuffle, self.seed = np.asarray(lengths), batch_size, shuffle, seed
        self.epoch = 0

    def __len__(self) -> int:
        return (len(self.lengths) + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches())

    def batches(self) -> list[list[int]]:
        """All batches of the current `epoch`."""
        if not self.shuffle:
            return self._cut(np.argsort(-self.lengths, kind="stable"))
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.lengths))
        # Windows keep some chance in who meets whom; sorting everything would show the same neighbours in every epoch.
        span = _WINDOW * self.batch_size
        windows = [order[start : start + span] for start in range(0, len(order), span)]
        batches = [batch for w in windows for batch in self._cut(w[np.argsort(-self.lengths[w], kind="stable")])]
        return [batches[i] for i in generator.permutation(len(batches))]

    def _cut(self, order: np.ndarray) -> list[list[int]]:
        return [order[start : start + self.batch_size].tolist() for start in range(0, len(order), self.batch_size)]


def pad_batch(items: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Batch:
    """Items of a `ConversationDataset` as one batch, padded to its longest conversation."""
    features = [item[0] for item in items]
    lengths = torch.tensor([len(f) for f in features])
    return Batch(pad_sequence(features, batch_first=True), lengths, torch.stack([item[1] for item in items]))


def make_loader(
    dataset: ConversationDataset, batch_size: int = 256, *, shuffle: bool = False, seed: int = 0
) -> DataLoader[Any]:
    """A loader of length-bucketed batches for `train_epoch` (with `shuffle`) and `evaluate`.

    Args:
        dataset: labelled conversations.
        batch_size: conversations in a batch.
        shuffle: for training; set `loader.batch_sampler.epoch` to draw new batches.
        seed: seed of the shuffling.

    Returns:
        A loader of `Batch`.
    """
    sampler = LengthBatches(dataset.lengths, batch_size, shuffle=shuffle, seed=seed)
    return DataLoader(dataset, batch_sampler=sampler, collate_fn=pad_batch)
