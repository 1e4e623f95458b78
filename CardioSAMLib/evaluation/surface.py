"""How far the surfaces of two masks lie apart, in millimeters."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array


def hd95_mm(a: Array, b: Array, spacing_mm: tuple[float, ...]) -> float:
    """The larger of the two directed 95th percentiles of surface distance; masks and spacing of the same axes.

    A surface voxel has a background voxel among its face neighbors; beyond the grid is background (METHODS 3.3).
    Both empty: 0. One empty: the diagonal of the grid, so that a missed structure never looks good (METHODS 3.2).
    """
    if a.shape != b.shape or len(spacing_mm) != a.ndim:
        raise ValueError(f"Masks of shapes {a.shape} and {b.shape} with the spacing {spacing_mm} are not on one grid.")
    if not a.any() and not b.any():
        return 0.0
    if not a.any() or not b.any():
        return float(np.linalg.norm(np.asarray(a.shape) * np.asarray(spacing_mm)))
    window = _box_around(a | b)
    surface_a, surface_b = _surface(a)[window], _surface(b)[window]
    return max(_directed95(surface_a, surface_b, spacing_mm), _directed95(surface_b, surface_a, spacing_mm))


def _directed95(source: Array, target: Array, spacing_mm: tuple[float, ...]) -> float:
    distance = ndimage.distance_transform_edt(~target, sampling=spacing_mm)
    return float(np.percentile(distance[source], 95))


def _surface(mask: Array) -> Array:
    return np.asarray(mask & ~ndimage.binary_erosion(mask, border_value=0))


def _box_around(mask: Array) -> tuple[slice, ...]:
    window: tuple[slice, ...] = ndimage.find_objects(mask.astype(np.uint8))[0]
    return window
