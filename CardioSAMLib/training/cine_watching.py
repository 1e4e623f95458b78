"""Validation on cines while training: the labeled frames, and how steady the answer is from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.training.augmentation import renormalize
from CardioSAMLib.training.cine_dataset import TrainingCine
from CardioSAMLib.training.configuration import TrainingConfiguration
from CardioSAMLib.training.dataset import CLASSES
from CardioSAMLib.training.loop import Encode
from CardioSAMLib.training.processes import Processes
from CardioSAMLib.training.watching import centered

_LV = STORAGE.value_of(Structure.LV)


@torch.no_grad()
def validate_cines(
    network: nn.Module,
    cines: Sequence[TrainingCine],
    configuration: TrainingConfiguration,
    encode: Encode | None,
    processes: Processes,
) -> dict[str, float]:
    """Mean Dice per class over the labeled frames of all cines, and the mean `second_difference` of the LV's volume.

    All frames go in, on crops of the training grid around the heart. The volume is that of the slices there are.
    Several processes share the cines.
    """
    network.eval()
    totals = torch.zeros(CLASSES, dtype=torch.float64)
    pixel_ml = configuration.grid_mm**2 / 1000.0
    for cine in cines[processes.part.index :: processes.part.count]:
        labels = _labels(network, cine, configuration.size_px, encode, processes.device)
        curve_ml = (labels == _LV).sum(axis=(1, 2, 3)) * pixel_ml * cine.slice_mm
        scores = np.mean([_dice(labels[frame], cine, frame) for frame in cine.labeled], axis=0)
        totals += torch.tensor([*scores, second_difference(curve_ml)], dtype=torch.float64)
    *means, unsteady_ml = (processes.sum(totals) / len(cines)).tolist()
    return {
        "dice": float(np.mean(means)),
        **{f"dice_{value + 1}": mean for value, mean in enumerate(means)},
        "lv_second_difference_ml": unsteady_ml,
    }


def second_difference(curve: Array) -> float:
    """Mean size of v(t-1) - 2 v(t) + v(t+1) round the cycle, `(frames,)`: how far each frame lies off its neighbors,
    twice. A heart that beats has some, too."""
    return float(np.abs(np.roll(curve, 1) - 2.0 * curve + np.roll(curve, -1)).mean())


def _labels(network: Any, cine: TrainingCine, size_px: int, encode: Encode | None, device: torch.device) -> Array:
    """`(frames, slices, size, size)`, from one cycle after the other."""
    slices = cine.images.shape[1]
    labels = []
    for number in range(slices):
        images = cine.cycle([max(number - 1, 0), number, min(number + 1, slices - 1)])
        images = renormalize(centered(images, cine.center_px, size_px)).to(device)
        logits = network(images) if encode is None else network.decoder(encode(images), (size_px, size_px))
        labels.append(logits.argmax(1).cpu().numpy())
    return np.stack(labels, axis=1)


def _dice(labels: Array, cine: TrainingCine, frame: int) -> list[float]:
    """Per class; labels: of a labeled frame, `(slices, size, size)`."""
    shares = torch.from_numpy(cine.labeled[frame].targets).float()
    truth = centered(shares, cine.center_px, labels.shape[-1]).argmax(1).numpy()
    return [dice(labels == value, truth == value) for value in range(1, CLASSES)]
