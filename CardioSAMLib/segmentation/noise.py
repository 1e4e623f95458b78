"""Noisy images are smoothed before the automatic model sees them (docs/decisions/0009-noisy-images-are-smoothed.md)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array

_PERCENTILES = (1.0, 99.0)
_LAPLACIANS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
_FAINT = 0.02
_NOTHING_ELSE = 0.19
_PX_OF_NOISE = 12.0


def noise_share(stack: Array) -> float:
    """Standard deviation of the noise of a stack `(slices, rows, columns)`, as a share of the range of its values.

    That is from the 1st to the 99th percentile, as `crops.normalize` clips them; 0 where all values are equal.

    Immerkær 1996 (doi:10.1006/cviu.1996.0060): the difference of two Laplacians leaves white noise and little else. The
    median of its magnitudes in place of their mean, of each slice and then over slices, passes over edges.
    """
    low, high = np.percentile(stack, _PERCENTILES)
    if high <= low:
        return 0.0
    left = [np.abs(ndimage.convolve(plane.astype(np.float32), _LAPLACIANS)) for plane in stack]
    deviation_of_median = 0.6745  # of normal noise
    gain = float(np.sqrt(np.square(_LAPLACIANS).sum()))
    return float(np.median([np.median(plane) for plane in left]) / deviation_of_median / gain / (high - low))


def smoothing_px(noise: float) -> float:
    """Standard deviation in pixels of the Gaussian that images with such a `noise_share` are smoothed with; 0: none.

    Nothing but noise has a share of 0.21 (normal, whose range is 4.65 deviations) or 0.23 (Rayleigh). Smoothed, it has
    shapes that could be taken for a heart, so it is left as it is.
    """
    return _PX_OF_NOISE * noise if _FAINT <= noise < _NOTHING_ELSE else 0.0


def smoothed(stack: Array, sigma_px: float) -> Array:
    """The stack `(slices, rows, columns)`, each slice by itself; as it is where `sigma_px` is 0."""
    if not sigma_px:
        return stack
    return np.asarray(ndimage.gaussian_filter(stack.astype(np.float32), (0.0, sigma_px, sigma_px), mode="nearest"))
