"""How much of a codebook is used."""

from typing import NamedTuple

import numpy as np


class Usage(NamedTuple):
    """Use of a codebook by some turns.

    Attributes:
        perplexity: size of a codebook that would be equally busy with all codes used alike; in [1, codes], NaN
            without turns. It says nothing about quality: read it beside the reconstruction.
        used: codes with at least one turn.
        dead: codes with none.
    """

    perplexity: float
    used: int
    dead: int


def perplexity(codes: np.ndarray) -> float:
    """Exponential of the entropy of the codes' shares, over all turns at once.

    (A mean over batches is smaller and depends on the batch size.)

    Args:
        codes: (turns,) integers; NaN is the result for no turns.
    """
    if not len(codes):
        return float("nan")
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(np.exp(-(shares * np.log(shares)).sum()))


def usage(codes: np.ndarray, size: int) -> Usage:
    """Perplexity, used and dead codes of a codebook with `size` codes."""
    used = len(np.unique(codes))
    return Usage(perplexity(codes), used, size - used)
