"""Encoder, quantiser, decoder over turn vectors.

Notable choices: the quantiser is vector-quantize-pytorch's (EMA codebook, k-means start, dead codes replaced); codes
are compared in a space of `code_dim` numbers that the reconstruction loss shapes; inputs are centred and scaled by the
train turns, so a mean squared error of 1 is what predicting the average turn would cost.
"""

import numpy as np
import torch
from torch import nn
from vector_quantize_pytorch import FSQ, VectorQuantize

from shared.vqvae._settings import CodebookSettings
from shared.vqvae._windows import Windows

_ROWS = 8192  # turns coded at once outside training
_START_ITERATIONS = 50  # of k-means; the library's 10 leave the start visibly worse


class TurnCodebook(nn.Module):
    """A codebook over turns.

    Attributes:
        settings: its shape.
        dimensions: numbers in a turn vector.
        mean: (dimensions,) of the train turns.
        scale: () root mean square of the centred train turns.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, dimensions: int, settings: CodebookSettings) -> None:
        super().__init__()
        self.settings, self.dimensions = settings, dimensions
        width = dimensions * (1 + settings.context)
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("scale", torch.ones(()))
        self.encoder = _Bent(width, settings.hidden, settings.code_dim)
        self.quantiser = _quantiser(settings)
        self.decoder = _Bent(settings.code_dim, settings.hidden, width)

    def standardise(self, train: Windows) -> None:
        """Take mean and scale from train turns."""
        own = train.vectors[train.places[:, 0]]
        self.mean.copy_(torch.from_numpy(own.mean(axis=0)))
        self.scale.copy_(torch.tensor(float((own - own.mean(axis=0)).std())))

    @torch.no_grad()
    def start_from_principal_components(self, train: Windows) -> None:
        """Encoder and decoder begin as the principal components of train windows (after `standardise`).

        From there distances between summaries mean what distances between turns mean; from random weights the same
        training ended in a worse reconstruction than k-means and in codes that changed more with the seed.
        """
        some = train.take(np.arange(min(len(train.places), _ROWS)))
        flat = (self.inputs(some) * self.weights().sqrt()).flatten(1)
        _, axes = torch.linalg.eigh(flat.T @ flat)  # ascending
        components = axes[:, -self.settings.code_dim :].T
        self.encoder.straight.weight.copy_(components)
        self.decoder.straight.weight.copy_(components.T)

    def inputs(self, turns: Windows) -> torch.Tensor:
        """Scaled vectors of each turn and its predecessors, shape (turns, 1 + context, dimensions); absent = 0."""
        index = torch.from_numpy(turns.places).to(self.mean.device)
        found = torch.from_numpy(turns.vectors[turns.places]).to(
            self.mean.device
        )  # -1 reads the last row, masked below
        return (found - self.mean) / self.scale * (index >= 0).unsqueeze(-1)

    def weights(self) -> torch.Tensor:
        """How much each turn of a window counts, shape (1 + context, 1); the turn itself counts 1."""
        steps = torch.arange(1 + self.settings.context, device=self.mean.device)
        return (self.settings.context_weight**steps).unsqueeze(-1)

    def summarise(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the encoder makes of windows, shape (turns, code_dim)."""
        return self.encoder((inputs * self.weights().sqrt()).flatten(1))

    def quantise(self, summaries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Quantised summaries (turns, code_dim), codes (turns,) and the commitment loss ().

        In training mode a learned codebook moves with the summaries.
        """
        if isinstance(self.quantiser, FSQ):
            quantised, codes = self.quantiser(summaries.unsqueeze(0))
            return quantised[0], codes[0], summaries.new_zeros(())
        quantised, codes, loss = self.quantiser(summaries)
        return quantised, codes, loss.sum()

    def decode(self, quantised: torch.Tensor) -> torch.Tensor:
        """Windows from quantised summaries, shape (turns, 1 + context, dimensions)."""
        return self.decoder(quantised).unflatten(1, (-1, self.dimensions)) / self.weights().sqrt()

    def loss(self, turns: Windows) -> torch.Tensor:
        """Reconstruction of the weighted window plus commitment."""
        inputs = self.inputs(turns)
        quantised, _, commitment = self.quantise(self.summarise(inputs))
        error = ((self.decode(quantised) - inputs) ** 2).mean(dim=(0, 2))
        return (error * self.weights().squeeze(-1)).sum() + commitment

    @torch.inference_mode()
    def assign(self, turns: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Codes of turns, without changing the codebook.

        Args:
            turns: any turns, also ones that were not trained on.

        Returns:
            codes (turns,) int64 in [0, codes); error (turns,) float32, mean squared error of the turn's own vector
            where 1 is the cost of the average train turn; distance (turns,) float32 of the summary to its code.
        """
        self.eval()
        starts = range(0, max(1, len(turns.places)), _ROWS)
        pieces = [self._assign(Windows(turns.vectors, turns.places[start : start + _ROWS])) for start in starts]
        codes, error, distance = (np.concatenate(column) for column in zip(*pieces, strict=True))
        return codes, error, distance

    def _assign(self, turns: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inputs = self.inputs(turns)
        summaries = self.summarise(inputs)
        quantised, codes, _ = self.quantise(summaries)
        error = ((self.decode(quantised)[:, 0] - inputs[:, 0]) ** 2).mean(dim=1)
        distance = (summaries - quantised).norm(dim=1)
        return codes.cpu().numpy(), error.cpu().numpy(), distance.cpu().numpy()


class _Bent(nn.Module):
    """A linear map plus one hidden layer that begins at nothing: training bends the map as far as it helps."""

    def __init__(self, width_in: int, hidden: int, width_out: int) -> None:
        super().__init__()
        self.straight = nn.Linear(width_in, width_out)
        last = nn.Linear(hidden, width_out)
        self.bend = nn.Sequential(nn.Linear(width_in, hidden), nn.GELU(), last)
        for nothing in (self.straight.bias, last.weight, last.bias):
            nn.init.zeros_(nothing)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.straight(inputs) + self.bend(inputs)


def _quantiser(settings: CodebookSettings) -> nn.Module:
    if settings.fsq_levels:
        return FSQ(list(settings.fsq_levels), dim=settings.code_dim)
    return VectorQuantize(
        dim=settings.code_dim,
        codebook_size=settings.codes,
        decay=settings.ema_decay,
        kmeans_init=True,
        kmeans_iters=_START_ITERATIONS,
        threshold_ema_dead_code=settings.dead_below,
        commitment_weight=settings.commitment,
        # The library's default, gradients turned by the rotation trick, drove the encoder away from a good start:
        # reconstruction on held-out turns 0.654 -> 0.681 in 10 epochs; straight through, 0.653 -> 0.647.
        rotation_trick=False,
    )
