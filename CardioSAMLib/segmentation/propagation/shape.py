"""Contours as distances, which can be moved, averaged and turned back into labels that exclude each other."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure

_FARTHEST_PX = 20.0
_RV = STORAGE.value_of(Structure.RV)
_MYO = STORAGE.value_of(Structure.MYO)
_LV = STORAGE.value_of(Structure.LV)


def shape_of(labels: Array) -> Array:
    """Signed distances to three contours in pixels, float32 `(3, rows, columns)`, positive inside.

    The contours are the endocardium (LV), the epicardium (LV and MYO together) and the RV. The wall is what lies
    between the first two: averaged rings would tear where they lie apart, averaged outlines do not.
    labels: `(rows, columns)` in the `STORAGE` order. A contour that is not there is as far away as a contour can be.
    """
    outlines = (labels == _LV, (labels == _LV) | (labels == _MYO), labels == _RV)
    return np.stack([_signed_distance_px(outline) for outline in outlines])


def labels_of(shape: Array) -> Array:
    """Labels uint8 `(rows, columns)` of a shape; where RV and epicardium overlap, the deeper one decides."""
    endocardium, epicardium, right = shape
    labels = np.zeros(endocardium.shape, dtype=np.uint8)
    labels[(right > 0) & (right > epicardium)] = _RV
    left = (epicardium > 0) & (epicardium >= right)
    labels[left] = _MYO
    labels[left & (endocardium > 0)] = _LV
    return labels


def _signed_distance_px(mask: Array) -> Array:
    if not mask.any():
        return np.full(mask.shape, -_FARTHEST_PX, dtype=np.float32)
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask)
    # Half a pixel less on either side: the contour runs between pixels, not through the outermost ones.
    distance = np.where(mask, inside - 0.5, 0.5 - outside)
    return np.asarray(np.clip(distance, -_FARTHEST_PX, _FARTHEST_PX), dtype=np.float32)
