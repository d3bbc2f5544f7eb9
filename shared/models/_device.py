"""What this machine computes with: the device, the fast number format, and seeds."""

import random
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def device() -> "torch.device":
    """The first CUDA device if there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_dtype() -> "torch.dtype":
    """bfloat16 where this machine multiplies it faster than float32, else float32.

    A CPU does so with AVX512-BF16 or AMX instructions (measured: 4 times the fp32 rate); a GPU from Ampere on.
    """
    import torch

    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def autocast(dtype: "torch.dtype | None" = None) -> AbstractContextManager[None]:
    """A context in which matrix products run in `dtype` (default: `fast_dtype()`); float32 changes nothing."""
    import torch

    dtype = dtype or fast_dtype()
    context: AbstractContextManager[None] = torch.autocast(device().type, dtype=dtype, enabled=dtype != torch.float32)
    return context


def seed_everything(seed: int) -> None:
    """Seed Python, numpy's global generator and torch on every device."""
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
