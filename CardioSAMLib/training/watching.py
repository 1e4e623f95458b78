"""Validation while training: to watch a run by, faster than an evaluation and on the training grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.training.augmentation import renormalize
from CardioSAMLib.training.dataset import CLASSES, Volume, stack_with_neighbors
from CardioSAMLib.training.processes import Processes


@torch.no_grad()
def validate(
    network: nn.Module,
    volumes: Sequence[Volume],
    size_px: int,
    encode: Callable[[Tensor], tuple[Tensor, ...]] | None,
    processes: Processes,
) -> dict[str, float]:
    """Mean Dice per class over volumes, on heart-centered crops of the training grid.

    A volume is one batch, so that a network that sees stacks sees its own. Several processes share the volumes.
    """
    own: Any = network.eval()
    totals = torch.zeros(CLASSES - 1, dtype=torch.float64)
    for volume in volumes[processes.part.index :: processes.part.count]:
        images, truth = centered_stack(volume, size_px)
        images = renormalize(images).to(processes.device)
        logits = own(images) if encode is None else own.decoder(encode(images), (size_px, size_px))
        predicted = logits.argmax(1).cpu().numpy()
        scores = [dice(predicted == value, truth == value) for value in range(1, CLASSES)]
        totals += torch.tensor(scores, dtype=torch.float64)
    means = (processes.sum(totals) / len(volumes)).tolist()
    return {"dice": float(np.mean(means)), **{f"dice_{value + 1}": mean for value, mean in enumerate(means)}}


def centered_stack(volume: Volume, size_px: int) -> tuple[Tensor, np.ndarray]:
    """Images `(slices, 3, size, size)` around the heart and labels; beyond the volume, its edge goes on."""
    images, shares = (centered(part, volume.center_px, size_px) for part in stack_with_neighbors(volume))
    return images, shares.argmax(1).numpy()


def centered(planes: Tensor, center_px: tuple[float, float], size_px: int) -> Tensor:
    """The part `(batch, channels, size, size)` around a center of planes `(batch, channels, rows, columns)`."""
    lacking = [max(size_px - side, 0) for side in planes.shape[-2:]]
    planes = functional.pad(planes, (0, lacking[1], 0, lacking[0]), mode="replicate")
    rows, columns = (
        slice(start, start + size_px)
        for start in (
            int(np.clip(round(center - size_px / 2), 0, side - size_px))
            for center, side in zip(center_px, planes.shape[-2:], strict=True)
        )
    )
    return planes[..., rows, columns]
