"""Fitting a sequence classifier: weighting, schedule, early stopping, best epoch, and resuming where it was killed.

Notable choices: the learning rate falls and training ends when the validation F1 (at its own best threshold) no longer
grows; each epoch seeds its own randomness, so that a resumed training takes exactly the steps of an undisturbed one;
the class weight is taken out of the finished model's bias, so that its probabilities are not inflated by it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from shared.runs import UserError, new_file, progress
from shared.sequence._batches import ConversationDataset, LengthBatches, make_loader
from shared.sequence._epochs import evaluate, train_epoch
from shared.sequence._network import SequenceClassifier
from shared.sequence._weights import Weighting, estimate_pos_weight

_WEIGHT_DECAY = 0.01
_PATIENCE_RATE = 3  # epochs without a better F1 until the learning rate is halved


@dataclass(frozen=True)
class Training:
    """How to train.

    Attributes:
        num_epochs: at most so many passes.
        batch_size: conversations in a batch.
        learning_rate: of AdamW, at the beginning.
        weighting: see `estimate_pos_weight`.
        patience: epochs without a better validation F1 until training ends; without validation data it has no effect.
        seed: of initial weights, order and dropout.
        network: arguments of `SequenceClassifier` other than `input_size`.
    """

    num_epochs: int = 50
    batch_size: int = 256
    learning_rate: float = 1e-4
    weighting: Weighting = "balanced"
    patience: int = 10
    seed: int = 0
    network: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Progress:
    """Everything that training needs to go on: the parts that learn, what was best, and what happened."""

    model: SequenceClassifier
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau
    best: dict[str, torch.Tensor]
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """Number of the epoch with the highest validation F1, the earliest among equals; the last without one."""
        scores = [line["f1"] for line in self.history if "f1" in line]
        return scores.index(max(scores)) + 1 if scores else len(self.history)


def fit_sequence_classifier(
    train: ConversationDataset,
    validation: ConversationDataset | None,
    training: Training,
    *,
    checkpoint: Path | None = None,
    device: torch.device | str = "cpu",
    quiet: bool = False,
) -> tuple[SequenceClassifier, list[dict[str, float]]]:
    """Fit a classifier on labelled conversations.

    Args:
        train: learned from; scaling of the features and class weight come from here.
        validation: chooses the epoch; None: the last of `num_epochs` epochs is taken.
        training: how.
        checkpoint: file that is written after every epoch and, if it exists, continued from; None: neither.
        device: where to compute.
        quiet: no progress bar, for many small fits in a row.

    Returns:
        `(model, history)`: the model of the best epoch, in evaluation mode; one mapping an epoch, see
        `SavedClassifier.history`.

    Raises:
        UserError: one class only in `train`, or the checkpoint belongs to other settings.
    """
    weight = estimate_pos_weight(train.labels.numpy(), training.weighting)
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weight, device=device))
    state = _start(train, training, device)
    if checkpoint is not None and checkpoint.exists():
        _continue(state, checkpoint, training)
    epochs = range(len(state.history) + 1, training.num_epochs + 1)
    for epoch in epochs if quiet else progress(epochs, "epochs"):
        if _ended(state, training):
            break
        _one_epoch(state, epoch, train, validation, criterion, training, device)
        if checkpoint is not None:
            _write_checkpoint(state, checkpoint, training)
    # The last epoch is where patience ran out, not where the model was good.
    state.model.load_state_dict(state.best)
    _take_out_weight(state.model, weight)
    return state.model.eval(), state.history


def _start(train: ConversationDataset, training: Training, device: torch.device | str) -> Progress:
    torch.manual_seed(training.seed)
    model = SequenceClassifier(input_size=train.width, **training.network)
    model.standardise(*train.moments())
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.learning_rate, weight_decay=_WEIGHT_DECAY)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=_PATIENCE_RATE)
    return Progress(model, optimizer, scheduler, _copy(model))


def _ended(state: Progress, training: Training) -> bool:
    return len(state.history) - state.best_epoch >= training.patience


def _one_epoch(
    state: Progress,
    epoch: int,
    train: ConversationDataset,
    validation: ConversationDataset | None,
    criterion: nn.Module,
    training: Training,
    device: torch.device | str,
) -> None:
    # By epoch, so that a resumed training draws the dropout that an uninterrupted one would have drawn.
    torch.manual_seed(training.seed * 100_003 + epoch)
    loader = make_loader(train, training.batch_size, shuffle=True, seed=training.seed)
    assert isinstance(loader.batch_sampler, LengthBatches)
    loader.batch_sampler.epoch = epoch
    rate = state.optimizer.param_groups[0]["lr"]
    loss, _, _ = train_epoch(state.model, loader, criterion, state.optimizer, device)
    line = {"epoch": float(epoch), "train_loss": loss, "learning_rate": rate}
    if validation is not None:
        loss, _, _, metrics, _ = evaluate(state.model, make_loader(validation, training.batch_size), criterion, device)
        state.scheduler.step(metrics["f1"])
        line |= {"validation_loss": loss, **metrics}
    state.history.append(line)
    if state.best_epoch == epoch:
        state.best = _copy(state.model)


def _copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _take_out_weight(model: SequenceClassifier, weight: float) -> None:
    # Weighting positives w times multiplies the odds that fit best by w; the bias gives it back.
    with torch.no_grad():
        model.head.bias.sub_(math.log(weight))


def _write_checkpoint(state: Progress, path: Path, training: Training) -> None:
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in state.best.items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    facts = {
        "settings": _settings(training),
        "history": state.history,
        "scheduler": state.scheduler.state_dict(),
        "groups": state.optimizer.state_dict()["param_groups"],
    }
    with new_file(path) as partial:
        copies = {name: value.detach().cpu().clone() for name, value in tensors.items()}
        save_file(copies, partial, metadata={"facts": json.dumps(facts)})


def _settings(training: Training) -> dict[str, Any]:
    """What must not change between the parts of one training; more epochs are welcome."""
    settings = asdict(training)
    del settings["num_epochs"]
    return json.loads(json.dumps(settings))


def _continue(state: Progress, path: Path, training: Training) -> None:
    with safe_open(path, framework="pt") as opened:
        facts = json.loads(opened.metadata()["facts"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    if facts["settings"] != _settings(training):
        raise UserError(f"{path} belongs to a training with other settings. Remove it, or name another folder.")
    state.model.load_state_dict(_under(tensors, "model."))
    state.best = {name: value.to(state.best[name].device) for name, value in _under(tensors, "best.").items()}
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in _under(tensors, "optimizer.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    state.optimizer.load_state_dict({"state": moments, "param_groups": facts["groups"]})
    state.scheduler.load_state_dict(facts["scheduler"])
    state.history = facts["history"]


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
