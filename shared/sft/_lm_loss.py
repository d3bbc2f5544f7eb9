"""Cross-entropy of the language model head on the supervised positions only, a few rows of logits at a time.

The logits of a 152k-word vocabulary dwarf everything else in a step: 2,048 positions take 1.2 GB in fp32, and as much
again for their gradient. Most positions are prompt or padding. So the head runs on supervised positions, in chunks
whose gradient is taken at once; what stays in memory is one gradient of the hidden states.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
_CHUNK_ELEMENTS = 2**25  # logits held at once: 128 MiB in fp32


def supervised_loss(hidden: Tensor, head: torch.nn.Linear, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Weighted mean negative log-likelihood of the next tokens that are supervised.

    Args:
        hidden: (rows, tokens, width), last hidden states.
        head: the LM head.
        labels: (rows, tokens), token ids at their own position, -100 where not supervised.
        weights: (rows, tokens), weight of each label, or None for 1.

    Returns:
        A scalar in nats a token; exactly 0, and differentiable, if nothing is supervised.
    """
    targets = labels[:, 1:]
    keep = targets != IGNORED
    chosen = hidden[:, :-1][keep]
    if not len(chosen):
        return hidden.sum() * 0.0
    given = torch.ones_like(chosen[:, 0], dtype=torch.float32) if weights is None else weights[:, 1:][keep].float()
    loss: Tensor = _ChunkedCrossEntropy.apply(chosen, head.weight, head.bias, targets[keep], given / given.sum())
    return loss


def _compute_dtype(weight: Tensor) -> torch.dtype:
    device = weight.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Σ w_i · CE(hidden_i · Wᵀ + b, target_i), with gradients computed chunk by chunk in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, token_weights: Tensor
    ) -> Tensor:
        dtype = _compute_dtype(weight)
        matrix = weight.to(dtype)
        total = hidden.new_zeros((), dtype=torch.float32)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if weight.requires_grad else None
        grad_bias = torch.zeros_like(bias, dtype=torch.float32) if bias is not None and bias.requires_grad else None
        rows = max(16, _CHUNK_ELEMENTS // len(weight))
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, len(hidden), rows):
                part = slice(start, start + rows)
                chunk = hidden[part].to(dtype)
                logits = functional.linear(chunk, matrix, None if bias is None else bias.to(dtype)).float()
                error = _errors(logits, targets[part], token_weights[part], total)
                grad_hidden[part] = (error.to(dtype) @ matrix).to(hidden.dtype)
                if grad_weight is not None:
                    grad_weight += (error.to(dtype).T @ chunk).float()
                if grad_bias is not None:
                    grad_bias += error.sum(dim=0)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        ctx.dtypes = (weight.dtype, None if bias is None else bias.dtype)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Scale what the forward pass prepared."""
        grad = grads[0]
        hidden, weight, bias = ctx.saved_tensors
        scaled = [
            None if g is None else (g * grad).to(d or g.dtype) for g, d in zip((weight, bias), ctx.dtypes, strict=True)
        ]
        return (hidden * grad).to(hidden.dtype), scaled[0], scaled[1], None, None


def _errors(logits: Tensor, targets: Tensor, weights: Tensor, total: Tensor) -> Tensor:
    """Gradient of the weighted loss with respect to the logits; adds the loss to `total`.

    Everything is written over the logits: `logsumexp` would hold a second copy of them.
    """
    wanted = logits.gather(1, targets[:, None])
    highest = logits.amax(dim=1, keepdim=True)
    error = logits.sub_(highest).exp_()
    sums = error.sum(dim=1, keepdim=True)
    total += (weights * (sums.log() + highest - wanted)[:, 0]).sum()
    error.div_(sums)
    error.scatter_add_(1, targets[:, None], torch.full_like(error[:, :1], -1.0))
    return error.mul_(weights[:, None])
