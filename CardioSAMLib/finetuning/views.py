"""Labeled slices of patients, and random views of them: turned, scaled, mirrored, darker or noisier.

Views are made on the native grid, before a model's own preprocessing, so that they are the same for every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.crops import with_neighbors
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.segmentation import HeartBox, heart_box_of
from CardioSAMLib.training.recipe import ViewOptions


@dataclass(frozen=True, eq=False)
class LabeledSlice:
    """A slice with contours, between its neighbors.

    planes: float32 `(3, rows, columns)`. labels: uint8 `(rows, columns)` in the `STORAGE` order, of the middle one.
    pixel_mm: (row, column). region: the heart of the patient, around which a model looks.
    """

    patient: str
    frame: int
    slice_number: int
    planes: Array
    labels: Array
    pixel_mm: tuple[float, float]
    region: HeartBox


def read_slices(data: Path, patients: Sequence[str], progress: Progress = silent) -> tuple[LabeledSlice, ...]:
    """All slices with contours of ACDC-style patients, at end-diastole and end-systole.

    Raises UnusableInput if a patient is missing or has no labels.
    """
    slices: list[LabeledSlice] = []
    for number, name in enumerate(patients):
        progress(number / len(patients), f"reading {name}")
        patient = load_acdc_patient(data / name)
        if patient.labels is None or not patient.labels.any():
            raise UnusableInput(f"{name} has no contours (*_gt.nii.gz); fine-tune on patients that have them.")
        pixel_mm = patient.cine.geometry.spacing_mm[:2]
        region = heart_box_of(patient.labels, pixel_mm)
        for frame, (pixels, labels) in enumerate(zip(patient.cine.pixels, patient.labels, strict=True)):
            stack = with_neighbors(pixels.astype(np.float32))
            slices += [
                LabeledSlice(name, frame, place, stack[place], labels[place], pixel_mm, region)
                for place in np.flatnonzero(labels.any(axis=(1, 2))).tolist()
            ]
    return tuple(slices)


def view_of(one: LabeledSlice, number: int, options: ViewOptions, seed: Sequence[int]) -> LabeledSlice:
    """A view of a slice: number 0 is the slice as it is, another one is a function of number and seed."""
    if number == 0:
        return one
    random = np.random.default_rng([*seed, number])
    turned = _turned(one, options, random)
    return replace(turned, planes=_with_another_look(turned.planes, options, [*seed, number]))


def _turned(one: LabeledSlice, options: ViewOptions, random: np.random.Generator) -> LabeledSlice:
    """The slice turned, scaled and mirrored about the middle of the heart, in mm, and looked at from a bit beside."""
    angle = np.deg2rad(random.uniform(-1, 1) * options.rotation_degrees)
    scale = float(np.exp(random.uniform(-1, 1) * options.log_scale))
    mirror = np.diag([-1.0 if options.mirror and random.random() < 0.5 else 1.0, 1.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    pixel_mm, center_px = np.diag(one.pixel_mm), np.asarray(one.region.center_px)
    # From a pixel of the view to the place it is taken from; a larger scale shows a larger heart.
    matrix = np.linalg.inv(pixel_mm) @ turn @ mirror @ pixel_mm / scale
    offset = center_px - matrix @ center_px
    planes = [ndimage.affine_transform(plane, matrix, offset, order=1, mode="nearest") for plane in one.planes]
    labels = ndimage.affine_transform(one.labels, matrix, offset, order=0, mode="constant")
    center = center_px + random.uniform(-1, 1, 2) * options.shift_mm / one.pixel_mm
    extent_mm = tuple(side * scale for side in one.region.extent_mm)
    region = HeartBox((float(center[0]), float(center[1])), (extent_mm[0], extent_mm[1]))
    return replace(one, planes=np.stack(planes), labels=labels, region=region)


def _with_another_look(planes: Array, options: ViewOptions, seed: Sequence[int]) -> Array:
    import torch

    from CardioSAMLib.training.augmentation import AugmentationOptions, random_look, renormalize

    # Brightness and contrast are left out: every model normalizes them away.
    look = AugmentationOptions(
        gamma_log=options.gamma_log, brightness=0.0, contrast_log=0.0, noise=options.noise,
        bias_field=options.bias_field, blur_share=options.blur_share,
    )  # fmt: skip
    if not (look.gamma_log or look.noise or look.bias_field or look.blur_share):
        return planes
    generator = torch.Generator().manual_seed(int(np.random.default_rng(seed).integers(2**62)))
    images = renormalize(torch.from_numpy(np.ascontiguousarray(planes))[None])
    return np.asarray(random_look(images, look, generator)[0].numpy())
