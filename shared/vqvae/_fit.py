"""Training: epochs in an order that the seed decides, a checkpoint after each, the same bits after a kill."""

import json
from collections.abc import Callable
from dataclasses import asdict
from math import cos, pi
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from shared.models import device, seed_everything
from shared.runs import new_file, progress
from shared.vqvae._model import TurnCodebook
from shared.vqvae._settings import CodebookSettings
from shared.vqvae._usage import usage
from shared.vqvae._windows import Windows

_HEADROOM = 1_000_003  # distance between the random streams of two seeds; more than anyone trains epochs


class Fitted(NamedTuple):
    """A trained codebook and one line a finished epoch (see `data/README.md`, vqvae/metrics.jsonl)."""

    model: TurnCodebook
    history: list[dict[str, Any]]


def fit_codebook(
    turns: Windows,
    train: np.ndarray,
    held_out: np.ndarray,
    settings: CodebookSettings,
    *,
    seed: int,
    checkpoint: Path,
    on_epoch: Callable[[dict[str, Any]], None] = lambda line: None,
) -> Fitted:
    """Train a codebook on some turns and watch it on others.

    Args:
        turns: all turns.
        train: rows to learn from.
        held_out: rows to watch; nothing is chosen by them.
        settings: shape and schedule.
        seed: decides initial weights, order of turns and replaced codes.
        checkpoint: a safetensors file that is written after each epoch; if it exists, training goes on from it and
            ends in the same bits as without the interruption (same machine, same number of threads).
        on_epoch: called with the line of each finished epoch, after its checkpoint is written.

    Returns:
        Fitted.
    """
    seed_everything(seed)
    model = TurnCodebook(turns.vectors.shape[1], settings)
    model.standardise(turns.take(train))
    model.start_from_principal_components(turns.take(np.random.default_rng(seed).permutation(train)))
    model.to(device())
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    history = _resume(checkpoint, model, optimiser) if checkpoint.exists() else []
    for epoch in progress(range(len(history), settings.epochs), f"epochs of seed {seed}"):
        _train_epoch(model, optimiser, turns.take(train), epoch, seed)
        history.append(_epoch_line(model, turns, train, held_out, epoch, seed))
        _keep(checkpoint, model, optimiser, history)
        on_epoch(history[-1])
    return Fitted(model.cpu(), history)


def _train_epoch(model: TurnCodebook, optimiser: torch.optim.Optimizer, turns: Windows, epoch: int, seed: int) -> None:
    settings = model.settings
    # One stream an epoch: whoever resumes draws what the uninterrupted training would have drawn.
    seed_everything(seed * _HEADROOM + epoch)
    order = np.random.default_rng([seed, epoch]).permutation(len(turns.places))
    for group in optimiser.param_groups:
        group["lr"] = settings.learning_rate * 0.5 * (1 + cos(pi * epoch / settings.epochs))
    model.train()
    if epoch == 0 and not settings.fsq_levels:
        _start_codebook(model, turns.take(order))
    for start in range(0, len(order), settings.batch_size):
        optimiser.zero_grad()
        model.loss(turns.take(order[start : start + settings.batch_size])).backward()
        optimiser.step()


@torch.no_grad()
def _start_codebook(model: TurnCodebook, turns: Windows) -> None:
    """k-means on up to 64 summaries a code: a single small batch would place codes by accident."""
    sample = turns.take(np.arange(min(len(turns.places), 64 * model.settings.codes)))
    model.quantise(model.summarise(model.inputs(sample)))


def _epoch_line(
    model: TurnCodebook, turns: Windows, train: np.ndarray, held_out: np.ndarray, epoch: int, seed: int
) -> dict[str, Any]:
    line: dict[str, Any] = {"seed": seed, "epoch": epoch + 1}
    for name, rows in (("train", train), ("held_out", held_out)):
        codes, error, _ = model.assign(turns.take(rows))
        found = usage(codes, model.settings.codes)
        line |= {f"reconstruction_{name}": float(error.mean()), f"perplexity_{name}": found.perplexity}
        line |= {f"used_{name}": found.used, f"dead_{name}": found.dead}
    return line


def _keep(path: Path, model: TurnCodebook, optimiser: torch.optim.Optimizer, history: list[dict[str, Any]]) -> None:
    moments = optimiser.state_dict()["state"]
    tensors = {f"model.{name}": tensor.contiguous() for name, tensor in model.state_dict().items()}
    tensors |= {f"optimiser.{i}.{name}": t.contiguous() for i, state in moments.items() for name, t in state.items()}
    facts = {"history": json.dumps(history), "settings": json.dumps(asdict(model.settings))}
    with new_file(path) as partial:
        save_file(tensors, partial, metadata=facts)


def _resume(path: Path, model: TurnCodebook, optimiser: torch.optim.Optimizer) -> list[dict[str, Any]]:
    with safe_open(path, framework="pt") as content:
        history = json.loads(content.metadata()["history"])
        tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - not a mapping
    model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = tensor
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    return history
