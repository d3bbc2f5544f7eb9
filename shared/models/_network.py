"""An encoder with a linear head: what is fine-tuned, saved and exported."""

from typing import Any, Literal

import torch
from torch import nn


def mean_over_tokens(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of the states of real tokens, in fp32.

    Args:
        states: (texts, tokens, width), any float type.
        mask: (texts, tokens), 1 for a real token and 0 for padding.

    Returns:
        (texts, width) float32.
    """
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(1) / weights.sum(1).clamp(min=1.0)


class TextNetwork(nn.Module):
    """Encoder, pooling over tokens, dropout, one linear layer: (texts, tokens) ids to (texts, outputs) logits."""

    def __init__(self, encoder: Any, outputs: int, pooling: Literal["mean", "first"], dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, outputs)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Logits in fp32, shape (texts, outputs)."""
        logits: torch.Tensor = self.head(self.dropout(self.vectors(input_ids, attention_mask, token_type_ids)))
        return logits.float()

    def vectors(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What the head reads: (texts, width), the mean over tokens or the first token's state."""
        # Only encoders that know segments accept them by name.
        segments = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **segments).last_hidden_state
        return mean_over_tokens(states, attention_mask) if self.pooling == "mean" else states[:, 0].float()
