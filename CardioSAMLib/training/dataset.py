"""Training samples from ACDC-style patients: crops of slices with their neighbors, and soft labels.

Every sample is a function of (seed, step), never of what was drawn before, so that a resumed run draws the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.crops import Crop, crop_around, take, with_neighbors
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.labels import Structure
from CardioSAMLib.progress import Progress, silent

CLASSES = 1 + len(Structure)


@dataclass(frozen=True)
class Volume:
    """One frame of one patient on the training grid.

    images: float16 `(slices, rows, columns)`. targets: uint8 `(slices, classes, rows, columns)`, share of the pixel
    times 255. center_px: (row, column) of the middle of all structures.
    """

    patient: str
    images: Array
    targets: Array
    center_px: tuple[float, float]


def load_volumes(root: Path, patients: Sequence[str], grid_mm: float, progress: Progress = silent) -> list[Volume]:
    """End-diastole and end-systole of each patient, resampled to `grid_mm`.

    Raises UnusableInput if a patient is missing or has no labels.
    """
    volumes: list[Volume] = []
    for number, name in enumerate(patients):
        progress(number / len(patients), f"reading {name}")
        patient = load_acdc_patient(root / name)
        if patient.labels is None:
            raise UnusableInput(f"{name} has no label files (*_gt.nii.gz); train on patients that have them.")
        pixel_mm = patient.cine.geometry.spacing_mm[:2]
        for pixels, labels in zip(patient.cine.pixels, patient.labels, strict=True):
            volumes.append(volume_on_grid(name, pixels, labels, pixel_mm, grid_mm))
    return volumes


def sha256_of_volumes(volumes: Sequence[Volume]) -> str:
    """Of patients, images and contours: another one where any of them has changed."""
    digest = hashlib.sha256()
    for volume in volumes:
        digest.update(f"{volume.patient} {volume.images.shape}".encode())
        digest.update(volume.images.tobytes())
        digest.update(volume.targets.tobytes())
    return digest.hexdigest()


def volume_on_grid(name: str, pixels: Array, labels: Array, pixel_mm: tuple[float, float], grid_mm: float) -> Volume:
    """A frame, pixels and labels `(slices, rows, columns)`, resampled in plane."""
    crop = whole_slice((pixels.shape[1], pixels.shape[2]), pixel_mm, grid_mm)
    images = np.stack([take(plane, crop) for plane in pixels]).astype(np.float32)
    scale = max(float(np.abs(images).max()), 1e-6)  # float16 ends at 65504
    shares = np.stack([[take(plane == value, crop) for value in range(CLASSES)] for plane in labels])
    foreground = np.argwhere(shares[:, 0] < 0.5)
    if not len(foreground):
        raise UnusableInput(f"A labeled frame of {name} has no contours; train on patients that have them in both.")
    low, high = foreground[:, 1:].min(axis=0), foreground[:, 1:].max(axis=0)
    center = (low + high) / 2.0
    return Volume(
        name,
        (images / scale).astype(np.float16),
        np.round(shares * 255.0).astype(np.uint8),
        (float(center[0]), float(center[1])),
    )


def whole_slice(shape: tuple[int, int], pixel_mm: tuple[float, float], grid_mm: float) -> Crop:
    """The square of the training grid that holds all of a slice (rows, columns)."""
    rows, columns = shape
    side_px = int(np.ceil(max(rows * pixel_mm[0], columns * pixel_mm[1]) / grid_mm))
    return crop_around(((rows - 1) / 2.0, (columns - 1) / 2.0), pixel_mm, grid_mm, side_px)


class SliceSampler:
    """Draws the slices of a training step: all slices once per pass, in an order fixed by the seed."""

    def __init__(self, volumes: Sequence[Volume], batch: int, seed: int) -> None:
        self._slices = [(v, s) for v, volume in enumerate(volumes) for s in range(len(volume.images))]
        self._batch = batch
        self._seed = seed

    def at(self, step: int) -> list[tuple[int, int]]:
        """(volume, slice) of each sample of a step."""
        drawn = []
        for position in range(step * self._batch, (step + 1) * self._batch):
            tour, place = divmod(position, len(self._slices))
            order = np.random.default_rng((self._seed, tour)).permutation(len(self._slices))
            drawn.append(self._slices[order[place]])
        return drawn

    def passes_at(self, step: int) -> list[int]:
        """How often all slices have been drawn before each sample of a step."""
        return [position // len(self._slices) for position in range(step * self._batch, (step + 1) * self._batch)]


def stack_with_neighbors(volume: Volume) -> tuple[Tensor, Tensor]:
    """float32 tensors of a volume: images `(slices, 3, rows, columns)` and class shares in 0..1."""
    images = torch.from_numpy(with_neighbors(volume.images.astype(np.float32)))
    return images, torch.from_numpy(volume.targets).float() / 255.0
