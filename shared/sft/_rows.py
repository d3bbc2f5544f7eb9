"""Under gradient checkpointing a layer's MLP is recomputed a slice of the tokens at a time.

Checkpointing keeps one input a layer, and one layer in full while its gradients are taken. Most of that layer is its
MLP: its inner states are five times as wide as the model, and a 4-bit matrix keeps another copy of them. The MLP sees
every token alone, so it can be recomputed slice by slice, and only one slice's inner states exist at a time.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

MLP_ROWS = 1024  # tokens a slice


def checkpoint_layers(model: Any) -> None:
    """Switch on gradient checkpointing, with MLPs in slices of `MLP_ROWS` tokens.

    Names of modules and weights stay as they are, so adapters fit the plain model.
    """
    model.activation_checkpointing_enable({"use_reentrant": False})
    model.enable_input_require_grads()
    for mlp in _mlps(model):
        mlp.forward = partial(_sliced, mlp.forward)


def _mlps(model: Any) -> Iterator[nn.Module]:
    """Gated MLPs that work token by token; mixtures of experts do not."""
    for name, module in model.named_modules():
        if name.rsplit(".", 1)[-1] == "mlp" and hasattr(module, "down_proj"):
            yield module


def _sliced(forward: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    tokens = states.flatten(0, -2)
    if len(tokens) <= MLP_ROWS or not torch.is_grad_enabled():
        return forward(states)
    parts = [checkpoint(forward, part, use_reentrant=False) for part in tokens.split(MLP_ROWS)]
    return torch.cat(parts).view_as(states)
