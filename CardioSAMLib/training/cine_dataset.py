"""Cines to train on: all frames on the training grid, and the labels of end-diastole and end-systole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.crops import take
from CardioSAMLib.io import load_acdc_patient, load_cine
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.training.dataset import Volume, sha256_of_volumes, volume_on_grid, whole_slice


@dataclass(frozen=True, eq=False)
class TrainingCine:
    """A cine on the training grid.

    images: float16 `(frames, slices, rows, columns)`. labeled: the frames with labels by their number, end-diastole
    first. slice_mm: from slice to slice.
    """

    patient: str
    images: Array
    labeled: Mapping[int, Volume]
    slice_mm: float

    @property
    def center_px(self) -> tuple[float, float]:
        """(row, column) of the middle of all structures at end-diastole."""
        return next(iter(self.labeled.values())).center_px

    def cycle(self, neighbors: Sequence[int]) -> Tensor:
        """Three slices in all frames, float32 `(frames, 3, rows, columns)`. neighbors: numbers of these slices."""
        return torch.from_numpy(self.images[:, list(neighbors)].astype(np.float32))


def load_cines(root: Path, patients: Sequence[str], grid_mm: float, progress: Progress = silent) -> list[TrainingCine]:
    """All frames of each patient, resampled in plane to `grid_mm`.

    Raises UnusableInput if a patient is missing, has no labels, or has end-diastole and end-systole alone.
    """
    cines = []
    for number, name in enumerate(patients):
        progress(number / len(patients), f"reading {name}")
        patient, cine = load_acdc_patient(root / name), load_cine(root / name)
        if patient.labels is None:
            raise UnusableInput(f"{name} has no label files (*_gt.nii.gz); train on patients that have them.")
        if cine.frames <= max(2, patient.ed_frame, patient.es_frame):
            raise UnusableInput(f"{name} has no file *_4d.nii.gz with all frames; train on patients that have one.")
        labels = {patient.ed_frame: patient.labels[0], patient.es_frame: patient.labels[1]}
        cines.append(cine_on_grid(name, cine, labels, grid_mm))
    return cines


def sha256_of_cines(cines: Sequence[TrainingCine]) -> str:
    """Of patients, images and contours: another one where any of them has changed."""
    digest = hashlib.sha256(sha256_of_volumes([one for cine in cines for one in cine.labeled.values()]).encode())
    for cine in cines:
        digest.update(f"{cine.images.shape} {sorted(cine.labeled)}".encode())
        digest.update(cine.images.tobytes())
    return digest.hexdigest()


def cine_on_grid(name: str, cine: Cine, labels: Mapping[int, Array], grid_mm: float) -> TrainingCine:
    """labels: by frame, end-diastole first, each `(slices, rows, columns)`."""
    row_mm, column_mm, slice_mm = cine.geometry.spacing_mm
    pixel_mm = row_mm, column_mm
    labeled = {frame: volume_on_grid(name, cine.pixels[frame], one, pixel_mm, grid_mm) for frame, one in labels.items()}
    crop = whole_slice((cine.pixels.shape[2], cine.pixels.shape[3]), pixel_mm, grid_mm)
    images = np.stack([[take(plane, crop) for plane in frame] for frame in cine.pixels])
    scale = max(float(np.abs(images).max()), 1e-6)  # float16 ends at 65504
    return TrainingCine(name, (images / scale).astype(np.float16), labeled, slice_mm)
