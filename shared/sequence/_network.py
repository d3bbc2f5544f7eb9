"""The sequence classifier: a transformer over a conversation's turns, then what its strongest spans say.

Notable choices: padding is masked in attention, before every convolution and before the pooling, so that the width
of a batch never reaches a logit; the features are standardised inside the model, with figures of the training split,
so that a saved model carries its scaling along.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from shared.runs import UserError


class PositionalEncoding(nn.Module):
    """Adds sinusoids of the turn's position, for sequences of any length, then dropout.

    Args:
        hidden_size: width of the vectors, any positive number.
        dropout: share of values dropped while training, in [0, 1).

    Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.5.
    """

    table: torch.Tensor

    def __init__(self, hidden_size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("table", _sinusoids(64, hidden_size), persistent=False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors of shape (batch, turns, hidden_size) with their positions added."""
        turns = vectors.shape[1]
        if turns > len(self.table):
            # Doubling keeps the number of rebuilds small when lengths creep up.
            self.table = _sinusoids(2 * turns, self.hidden_size).to(vectors.device)
        return self.dropout(vectors + self.table[:turns].to(vectors.dtype))


def _sinusoids(positions: int, width: int) -> torch.Tensor:
    position = torch.arange(positions, dtype=torch.float32)[:, None]
    frequency = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10_000.0) / width))
    both = torch.stack([torch.sin(position * frequency), torch.cos(position * frequency)], dim=2)
    return both.flatten(1)[:, :width]


class ResidualBlock(nn.Module):
    """Input plus two linear layers with ReLU and dropout between, normalised over the layer.

    Args:
        size: width of input and output.
        dropout: share of values dropped while training, in [0, 1).

    Source: He et al. 2016 (residual connections); Ba et al. 2016 (layer normalisation).
    """

    def __init__(self, size: int, dropout: float) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Linear(size, size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(size, size), nn.Dropout(dropout)
        )
        self.norm = nn.LayerNorm(size)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors of shape (batch, size), same shape out."""
        return self.norm(vectors + self.change(vectors))


class SequenceClassifier(nn.Module):
    """One logit for a conversation given as a sequence of feature vectors, one a turn.

    Args:
        input_size: features of a turn.
        hidden_size: width inside, a multiple of `num_heads`.
        num_layers: transformer layers.
        num_heads: attention heads.
        dropout: share of values dropped while training, in [0, 1).
        kernel_sizes: turns that each convolution branch looks at together; odd and positive.

    Raises:
        UserError: a size is not positive, `hidden_size` is no multiple of `num_heads`, or a kernel is even.

    Source: Vaswani et al. 2017 (encoder); Kim 2014 (parallel convolutions with max over time); Glorot and Bengio 2010
    and He et al. 2015 (initialisation).
    """

    feature_mean: torch.Tensor
    feature_scale: torch.Tensor

    def __init__(
        self,
        input_size: int = 256,
        hidden_size: int = 256,
        num_layers: int = 2,
        num_heads: int = 8,
        dropout: float = 0.3,
        kernel_sizes: Sequence[int] = (3, 5, 7),
    ) -> None:
        super().__init__()
        _check_sizes(input_size, hidden_size, num_layers, num_heads, kernel_sizes)
        self.settings: dict[str, Any] = {
            "input_size": input_size,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "dropout": dropout,
            "kernel_sizes": list(kernel_sizes),
        }
        # Buffers, so that the scaling of the training split travels with the weights and cannot be forgotten.
        self.register_buffer("feature_mean", torch.zeros(input_size))
        self.register_buffer("feature_scale", torch.ones(input_size))
        self.project = nn.Linear(input_size, hidden_size)
        self.position = PositionalEncoding(hidden_size, dropout)
        self.encoder = _encoder(hidden_size, num_layers, num_heads, dropout)
        self.branches = nn.ModuleList(nn.Conv1d(hidden_size, hidden_size, k, padding="same") for k in kernel_sizes)
        pooled = hidden_size * len(kernel_sizes)
        self.blocks = nn.Sequential(ResidualBlock(pooled, dropout), ResidualBlock(pooled, dropout))
        self.head = nn.Linear(pooled, 1)
        self.apply(_initialise)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Logits of the positive class.

        Args:
            features: shape (conversations, turns, input_size), raw units; what lies beyond a conversation's length
                is padding and is never read, be it NaN.
            lengths: shape (conversations,), turns of each conversation, at least 1; None: all turns count.

        Returns:
            Shape (conversations,), float; above 0 means more likely positive than not.

        Raises:
            UserError: `features` does not have `input_size` columns, or a length is outside 1 to the turns given.
        """
        # Masked before the projection: NaN in padding would survive any later multiplication by zero.
        padding = _padding(features, lengths, self.settings["input_size"])
        vectors = (features - self.feature_mean) / self.feature_scale
        vectors = self.position(self.project(vectors.masked_fill(padding[:, :, None], 0.0)))
        vectors = self.encoder(vectors, src_key_padding_mask=padding)
        return self.head(self.blocks(self._strongest_spans(vectors, padding))).squeeze(1)

    def _strongest_spans(self, vectors: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
        """Maximum over turns of every convolution channel; shape (conversations, hidden_size * branches)."""
        # A convolution pads its edges with zeros: with padded turns set to zero, both ends of a conversation look
        # the same whatever stands behind it.
        rows = vectors.masked_fill(padding[:, :, None], 0.0).transpose(1, 2)
        found = [torch.relu(branch(rows)).masked_fill(padding[:, None, :], 0.0) for branch in self.branches]
        return torch.cat([nn.functional.adaptive_max_pool1d(channel, 1).squeeze(2) for channel in found], dim=1)

    def standardise(self, mean: torch.Tensor, scale: torch.Tensor) -> None:
        """Remember how to bring raw features to mean 0 and scale 1.

        Args:
            mean: shape (input_size,), of the training split.
            scale: shape (input_size,), standard deviation there; 0 (a constant feature) counts as 1.
        """
        self.feature_mean.copy_(mean)
        self.feature_scale.copy_(torch.where(scale > 0, scale, torch.ones_like(scale)))


def _encoder(hidden_size: int, num_layers: int, num_heads: int, dropout: float) -> nn.TransformerEncoder:
    # norm_first trains without a warm-up of the learning rate (Xiong et al. 2020), which small data cannot afford.
    layer = nn.TransformerEncoderLayer(
        hidden_size, num_heads, 4 * hidden_size, dropout, batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, num_layers, norm=nn.LayerNorm(hidden_size), enable_nested_tensor=False)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv1d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.get_parameter("bias"))
    # in_proj_weight is a bare parameter and no nn.Linear, so the branch above does not reach it.
    elif isinstance(module, nn.MultiheadAttention):
        nn.init.xavier_uniform_(module.in_proj_weight)
        nn.init.zeros_(module.in_proj_bias)


def _padding(features: torch.Tensor, lengths: torch.Tensor | None, width: int) -> torch.Tensor:
    """True where a turn is padding; shape (conversations, turns)."""
    if features.dim() != 3 or features.shape[2] != width:
        raise UserError(
            f"The classifier takes features of shape (conversations, turns, {width}); found {tuple(features.shape)}. "
            "Build the model with `input_size` equal to the dataset's width."
        )
    turns = features.shape[1]
    if lengths is None:
        return torch.zeros(features.shape[:2], dtype=torch.bool, device=features.device)
    if int(lengths.min()) < 1 or int(lengths.max()) > turns:
        raise UserError(f"Lengths must be between 1 and the {turns} turns given; found {lengths.tolist()[:10]}.")
    return torch.arange(turns, device=features.device)[None, :] >= lengths[:, None]


def _check_sizes(
    input_size: int, hidden_size: int, num_layers: int, num_heads: int, kernel_sizes: Sequence[int]
) -> None:
    if min(input_size, hidden_size, num_layers, num_heads) < 1:
        raise UserError(
            f"Sizes must be positive: input_size {input_size}, hidden_size {hidden_size}, "
            f"num_layers {num_layers}, num_heads {num_heads}."
        )
    if hidden_size % num_heads:
        raise UserError(f"hidden_size {hidden_size} is no multiple of num_heads {num_heads}. Change one of them.")
    if not kernel_sizes or any(k < 1 or k % 2 == 0 for k in kernel_sizes):
        raise UserError(f"kernel_sizes must be odd and positive, for instance [3, 5, 7]; found {list(kernel_sizes)}.")
