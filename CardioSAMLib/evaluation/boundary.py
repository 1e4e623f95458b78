"""How well the rims of two masks agree, whatever their size: boundary IoU."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.grid import check_one_grid, cropped
from CardioSAMLib.evaluation.overlap import overlap_of

BAND_PX = 2


def boundary_iou(reference: Array, prediction: Array) -> float:
    """IoU of the inner bands of two bool masks of one shape; 1 where both are empty, 0 where one is.

    Cheng et al. 2021 (CVPR), with a fixed band of 2 pixels instead of a share of the image's diagonal.
    """
    check_one_grid(reference, prediction)
    bands = (inner_band(mask) for mask in cropped(reference, prediction))
    return overlap_of(*bands).iou


def inner_band(mask: Array) -> Array:
    """The pixels of a mask at most 2 pixels deep, bool, same shape; beyond the grid is background.

    mask: bool `(rows, columns)` or `(slices, rows, columns)`. Depth is counted in the plane of the slice, diagonal
    steps included as in Cheng et al.: a step to the next slice is several times as long as one to the next pixel.
    """
    side = 2 * BAND_PX + 1
    core = ndimage.minimum_filter(mask, size=(1,) * (mask.ndim - 2) + (side, side), mode="constant", cval=0)
    return np.asarray(mask & ~core)
