"""Labeled slices of patients, and random views of them: turned, scaled, mirrored, darker or noisier.

Views are made on the native grid, before a model's own preprocessing, so that they are the same for every model.
"""

from __future__ import annotations

import hashlib
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


def sha256_of_slices(slices: Sequence[LabeledSlice]) -> str:
    """Of images, contours and pixel sizes: another one where any of them has changed."""
    digest = hashlib.sha256()
    for one in slices:
        digest.update(f"{one.planes.shape} {one.pixel_mm}".encode())
        digest.update(one.planes.tobytes())
        digest.update(one.labels.tobytes())
    return digest.hexdigest()


def view_of(one: LabeledSlice, number: int, options: ViewOptions, seed: Sequence[int]) -> LabeledSlice:
    """A view of a slice: number 0 is the slice as it is, another one is a function of number and seed."""
    if number == 0:
        return one
    random = np.random.default_rng([*seed, number])
    turned = _turned(one, options, random)
    return replace(turned, planes=_with_another_look(turned.planes, options, random))


def _turned(one: LabeledSlice, options: ViewOptions, random: np.random.Generator) -> LabeledSlice:
    """The slice turned, scaled and mirrored about the middle of the heart, in mm, and looked at from a bit beside."""
    angle = np.deg2rad(random.uniform(-1, 1) * options.rotation_degrees)
    scale = float(np.exp(random.uniform(-1, 1) * options.log_scale))
    signs = [-1.0 if options.mirror and random.random() < 0.5 else 1.0, 1.0]
    if options.mirror and not options.rotation_degrees and random.random() < 0.5:
        signs[1] = -1.0  # with turns the other axis comes by itself
    mirror = np.diag(signs)
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


def _with_another_look(planes: Array, options: ViewOptions, random: np.random.Generator) -> Array:
    """Another gamma, bias field, blur and noise, in the range of gray values that the planes had.

    So each model's own normalization meets what it meets in use; brightness and contrast it would take away again. The
    darkest pixels stay: what a scanner or a reader has filled with 0 is without noise, and MedSAM looks at the rest.
    """
    low, high = float(planes.min()), float(planes.max())
    if high <= low or not (options.gamma_log or options.noise or options.bias_field or options.blur_share):
        return planes
    share = ((planes - low) / (high - low)) ** np.exp(random.normal(0.0, options.gamma_log))
    field = ndimage.zoom(random.normal(size=(4, 4)), np.array(planes.shape[1:]) / 4, order=3, mode="nearest")
    share *= np.exp(0.5 * options.bias_field * field)
    share /= share.max()
    if random.random() < options.blur_share:
        share = ndimage.uniform_filter(share, (0, 3, 3), mode="nearest")
    share += random.uniform(0.0, options.noise) * share.std() * random.normal(size=share.shape)
    changed = low + np.clip(share, 0.0, 1.0) * (high - low)
    return np.where(planes > low, changed, planes).astype(np.float32)
