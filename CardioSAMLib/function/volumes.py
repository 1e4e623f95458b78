"""Volumes by summation of slices (Simpson's sum of disks; Schulz-Menger 2020, docs/methods.md)."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array, Geometry
from CardioSAMLib.labels import STORAGE, Structure


def volumes_ml(labels: Array, structure: Structure, geometry: Geometry) -> Array:
    """Volume of a structure in each frame, float `(frames,)`: the sum of slice areas times slice intervals.

    labels: `(frames, slices, rows, columns)` in the `STORAGE` order.
    Slice intervals, not thicknesses: most protocols leave a gap, and the sum must cover it.
    """
    return np.asarray(slice_volumes_ml(labels, structure, geometry).sum(axis=1))


def slice_volumes_ml(labels: Array, structure: Structure, geometry: Geometry) -> Array:
    """What each slice adds to the volume of each frame, float `(frames, slices)`; labels as in `volumes_ml`."""
    areas = slice_areas_mm2(labels, structure, geometry)
    return np.asarray(areas * geometry.slice_intervals_mm(labels.shape[1]) / 1000.0)


def slice_areas_mm2(labels: Array, structure: Structure, geometry: Geometry) -> Array:
    """Area of a structure in each slice, float `(frames, slices)`; labels as in `volumes_ml`."""
    pixels = np.count_nonzero(labels == STORAGE.value_of(structure), axis=(2, 3))
    return np.asarray(pixels * geometry.pixel_area_mm2)


def slices_with(labels: Array, structure: Structure) -> tuple[int, ...]:
    """0-based slices that hold the structure; labels: `(slices, rows, columns)`, one frame."""
    return tuple(np.flatnonzero(np.any(labels == STORAGE.value_of(structure), axis=(1, 2))).tolist())
