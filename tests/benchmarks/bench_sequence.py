"""Training on length-bucketed batches beside padding every conversation to the longest one, in one run.

Run: `python tests/benchmarks/bench_sequence.py [conversations]` (800 by default, of 5 to 200 turns, log-uniform). Both
sides train the same network on the same conversations with the same number of batches; what differs is the width of a
batch. That the losses are the same for the same order of examples is a test (`tests/sequence/test_batches.py`).
Prints a line for people and one of JSON, `{name, ratio, target, ours, peer, unit}`.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterable

import torch
from torch import nn
from torch.utils.data import DataLoader

from shared.sequence import (
    Batch,
    ConversationDataset,
    Planted,
    SequenceClassifier,
    labelled_conversations,
    make_loader,
    pad_batch,
    read_dataset,
    train_epoch,
    write_planted,
)

_TARGET = 2.0
_ROUNDS = 2  # the better of two each, taken in turn, so that a busy moment does not decide
_BATCH = 32


def padded_to_the_longest(dataset: ConversationDataset) -> DataLoader:
    """The peer: batches in a random order, all as wide as the longest conversation of the dataset."""
    longest = int(dataset.lengths.max())

    def pad(items: list) -> Batch:
        batch = pad_batch(items)
        extra = longest - batch.features.shape[1]
        return batch._replace(features=nn.functional.pad(batch.features, (0, 0, 0, extra)))

    return DataLoader(dataset, batch_size=_BATCH, shuffle=True, collate_fn=pad)


def seconds(dataset: ConversationDataset, loader: Iterable[Batch]) -> float:
    """Wall time of one epoch from fresh weights."""
    torch.manual_seed(0)
    model = SequenceClassifier(dataset.width, hidden_size=64, num_layers=2, num_heads=4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    started = time.perf_counter()
    train_epoch(model, loader, nn.BCEWithLogitsLoss(), optimizer, "cpu")
    return time.perf_counter() - started


def main(conversations: int = 800) -> None:
    plan = Planted(authors=conversations // 10, conversations=(10, 10), turns=(5, 200), width=64)
    with tempfile.TemporaryDirectory() as folder:
        dataset = labelled_conversations(read_dataset(write_planted(folder, plan)), "author")
    loaders = {"ours": make_loader(dataset, _BATCH, shuffle=True), "peer": padded_to_the_longest(dataset)}
    times = {name: [] for name in loaders}
    for _ in range(_ROUNDS):
        for name, loader in loaders.items():
            times[name].append(seconds(dataset, loader))
    ours, peer = (len(dataset) / min(times[name]) for name in ("ours", "peer"))
    print(f"training on {len(dataset):,} conversations of 5 to 200 turns: {ours:.0f} a second in buckets, ", end="")
    print(f"{peer:.0f} padded to the longest, {ours / peer:.1f} times as many (target {_TARGET:.0f})")
    row = {"name": "sequence: bucketed batches", "ratio": ours / peer, "target": _TARGET}
    print(json.dumps({**row, "ours": ours, "peer": peer, "unit": "conversations/s"}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
