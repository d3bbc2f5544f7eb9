"""A trained classifier in one safetensors file: weights, scaling of the features, and the facts needed to use it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from shared.runs import UserError, new_file, resolve_path
from shared.sequence._dataset import ModelType
from shared.sequence._network import SequenceClassifier


class SavedClassifier(NamedTuple):
    """What a model file holds.

    Attributes:
        model: in evaluation mode, on the asked device.
        model_type: "conversation" or "author": the label it learned.
        threshold: probability from which a conversation counts as positive, chosen on validation data.
        names: shape (input_size,), the features that it was trained on.
        history: one mapping an epoch: epoch, train_loss, learning_rate and, where there was validation data,
            validation_loss and the validation metrics.
    """

    model: SequenceClassifier
    model_type: ModelType
    threshold: float
    names: list[str]
    history: list[dict[str, float]]


def save_classifier(path: Path, saved: SavedClassifier) -> Path:
    """Write the file atomically and return its path."""
    facts = {"settings": saved.model.settings, **saved._asdict()}
    del facts["model"]
    tensors = {name: value.detach().cpu().contiguous() for name, value in saved.model.state_dict().items()}
    with new_file(path) as partial:
        save_file(tensors, partial, metadata={"colloquy": json.dumps(facts)})
    return path


def load_classifier(model_path: str | Path, device: torch.device | str = "cpu") -> SavedClassifier:
    """Read a classifier that `train_model` wrote.

    Args:
        model_path: the `.safetensors` file; a relative path starts at the project's root.
        device: where to put the model.

    Raises:
        UserError: the file is missing, is no safetensors file, or was not written by `train_model`.
    """
    path = resolve_path(str(model_path))
    # The suffix first: scripts that were written for another tool name a .pt that was never there.
    if path.suffix != ".safetensors":
        raise UserError(
            f"{path.name} is no safetensors file. Pickled weights (.pt, .pth) can run code and are never read: "
            "train again with `train_model`, which returns the path of its .safetensors file, or convert the weights."
        )
    if not path.exists():
        raise UserError(f"There is no model at {path}. Train one with `train_model`; it returns the path.")
    facts, tensors = _read(path)
    model = SequenceClassifier(**facts.pop("settings"))
    model.load_state_dict(tensors)
    return SavedClassifier(model.to(device).eval(), **facts)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    with safe_open(path, framework="pt") as opened:
        metadata = opened.metadata() or {}
        if "colloquy" not in metadata:
            raise UserError(f"{path.name} holds weights, but not those of `train_model`: its facts are missing.")
        return json.loads(metadata["colloquy"]), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
