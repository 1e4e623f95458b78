"""In what precision a training computes: half of it where the machine has instructions for that, and is faster in it;
losses, updates and statistics always in full."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def computes_in_half(device: torch.device) -> bool:
    """Whether trainings there compute in bfloat16: on CUDA cards from Ampere on, and CPUs with AMX or AVX512 for it."""
    if device.type == "cpu":
        # Older versions of torch do not tell; with them trainings on a CPU compute in full precision.
        capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16"))
    # Cards before Ampere emulate bfloat16, slower than float32.
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def precision_name(device: torch.device) -> str:
    """As records and keys of kept features name it."""
    return "bfloat16" if computes_in_half(device) else "float32"


def training_precision(device: torch.device) -> AbstractContextManager[Any]:
    """The context in which the network computes.

    Weights are cast anew at each use: a cast that is kept from a pass without gradients has none in the next, either
    (pytorch/pytorch#112583).
    """
    if not computes_in_half(device):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
