"""Makes the labels of one frame anatomically sensible: one heart, one cavity per slice, a closed wall."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure, base_to_apex

_RV = STORAGE.value_of(Structure.RV)
_MYO = STORAGE.value_of(Structure.MYO)
_LV = STORAGE.value_of(Structure.LV)

LEAST_BASAL_CERTAINTY = 0.75
"""Mean probability of the RV in its basal slice, below which it is left out; chosen in cross-validation."""

_IN_SLICE = ndimage.generate_binary_structure(2, 1)


def sensible_anatomy(labels: Array) -> Array:
    """uint8 `(slices, rows, columns)` in storage order, cleaned:

    - only the largest connected heart (all structures together), then the largest RV and the largest LV with its wall;
    - one LV component per slice, the largest; the others become wall;
    - near the apex no LV where the slice before it has RV (docs/decisions/0013): it becomes RV, with its wall;
    - holes of the LV filled with LV, holes between LV and wall with wall;
    - the LV enclosed by myocardium, one pixel at least, but for the basal slice, where the wall may be open.
    """
    labels = np.where(_largest_part(labels > 0), labels, 0).astype(np.uint8)
    left = _largest_part(labels >= _MYO)
    right = _largest_part(labels == _RV)
    labels = np.where(left | right, labels, 0).astype(np.uint8)
    labels = _one_cavity_per_slice(labels)
    order = base_to_apex(labels)
    _mend_apex(labels, order)
    for number, plane in enumerate(labels):
        fill_holes(plane)
        if number not in order[:1]:
            _close_wall(plane)
    return labels


def without_doubtful_base(labels: Array, rv_probability: Array) -> Array:
    """The labels of one frame without the RV of its basal slice, where the network is not sure of it.

    labels: uint8 `(slices, rows, columns)` in storage order. rv_probability: the network's, of the same shape. Where a
    network cannot tell whether a slice still cuts the ventricle, it draws a part of it; an expert draws all or nothing,
    and at end-systole mostly nothing (docs/decisions/0012).
    """
    order, with_rv = base_to_apex(labels), np.flatnonzero((labels == _RV).any(axis=(1, 2)))
    if len(order) < 2 or len(with_rv) < 2:
        return labels
    basal = with_rv[0] if order[0] < order[-1] else with_rv[-1]
    drawn = labels[basal] == _RV
    if rv_probability[basal][drawn].mean() >= LEAST_BASAL_CERTAINTY:
        return labels
    kept = labels.copy()
    kept[basal][drawn] = 0
    return kept


def _largest_part(mask: Array) -> Array:
    parts, count = ndimage.label(mask)
    if count <= 1:
        return mask
    return np.asarray(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])))


def _one_cavity_per_slice(labels: Array) -> Array:
    """Where the LV falls apart in a slice, keeps its largest part; the others become wall if inside it."""
    for plane in labels:
        cavity = plane == _LV
        stray = cavity & ~_largest_part(cavity)
        if stray.any():
            plane[stray] = _MYO
            wall = plane == _MYO
            attached = ndimage.binary_propagation(plane == _LV, mask=wall | (plane == _LV), structure=_IN_SLICE)
            plane[stray & ~attached] = 0
    return labels


def _mend_apex(labels: Array, order: Sequence[int]) -> None:
    """Changes labels: in the apical third, a cavity that lies mostly on the RV of the slice before it is RV."""
    for before, number in pairwise(order[-1 - round(len(order) / 3) :]):
        plane = labels[number]
        cavity = plane == _LV
        if cavity.any() and (labels[before][cavity] == _RV).mean() > 0.5:
            plane[plane >= _MYO] = _RV


def fill_holes(plane: Array) -> None:
    """Changes labels `(rows, columns)`: holes of the LV become LV, those between LV and wall wall."""
    cavity = plane == _LV
    plane[ndimage.binary_fill_holes(cavity) & ~cavity] = _LV
    left = plane >= _MYO
    plane[ndimage.binary_fill_holes(left) & ~left] = _MYO


def _close_wall(plane: Array) -> None:
    rim = ndimage.binary_dilation(plane == _LV, structure=_IN_SLICE) & (plane < _MYO)
    plane[rim] = _MYO
