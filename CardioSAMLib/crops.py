"""From the native grid of a cine to the crops a network sees, and back. The same for training and for use.

Crops are squares on a grid of fixed spacing around a point of the heart, aligned with the rows and columns of the
image. A grid is described by native pixel coordinates, so that nothing is resampled twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array

PREPROCESSING_ID = "sax-3-slices-zscore-v1"
"""Named in the catalogue; a model whose entry names another one is refused."""

_SIZE_STEP_PX = 16
_CLIP_PERCENTILES = (1.0, 99.0)


@dataclass(frozen=True)
class Crop:
    """A square grid laid over a slice.

    center_px: continuous native (row, column) of the crop's center. step_px: native rows and columns between
    neighboring crop pixels. size_px: pixels along each side.
    """

    center_px: tuple[float, float]
    step_px: tuple[float, float]
    size_px: int

    def coordinates_px(self, axis: int) -> Array:
        """Native coordinate of each crop pixel along rows (axis 0) or columns (axis 1), float `(size_px,)`."""
        offsets = np.arange(self.size_px) - (self.size_px - 1) / 2.0
        return np.asarray(self.center_px[axis] + offsets * self.step_px[axis])


def crop_around(center_px: tuple[float, float], pixel_mm: tuple[float, float], grid_mm: float, size_px: int) -> Crop:
    """The crop of `size_px` pixels of `grid_mm` around a native position, for pixels of `pixel_mm` (row, column)."""
    return Crop(center_px, (grid_mm / pixel_mm[0], grid_mm / pixel_mm[1]), size_px)


def grown_size_px(needed_mm: float, grid_mm: float, usual_px: int) -> int:
    """The size of a crop that holds `needed_mm`: the usual one, or larger in steps that networks can halve."""
    return max(usual_px, int(np.ceil(needed_mm / grid_mm / _SIZE_STEP_PX)) * _SIZE_STEP_PX)


def take(image: Array, crop: Crop) -> Array:
    """The crop's pixels, float32 `(size, size)`, of one slice `(rows, columns)`; outside the slice its edge goes on.

    Where the crop is coarser than the image, the image is smoothed first, so that nothing aliases.
    """
    image = np.asarray(image, dtype=np.float32)
    sigmas = [0.4 * step if step > 1.5 else 0.0 for step in crop.step_px]
    if any(sigmas):
        image = ndimage.gaussian_filter(image, sigmas, mode="nearest")
    first = [crop.coordinates_px(axis)[0] for axis in (0, 1)]
    return np.asarray(
        ndimage.affine_transform(
            image, np.asarray(crop.step_px), first, (crop.size_px, crop.size_px), order=1, mode="nearest"
        )
    )


def put_back(crop_values: Array, crop: Crop, shape: tuple[int, int]) -> tuple[tuple[slice, slice], Array]:
    """Crop values `(channels, size, size)` on the native pixels that the crop covers.

    Returns the native rows and columns as two slices of an image of `shape`, and the values there, float32
    `(channels, rows, columns)`. Bilinear, so a contour may pass between the crop's pixels.
    """
    ranges = []
    for axis in (0, 1):
        covered = crop.coordinates_px(axis)
        start = max(int(np.ceil(covered[0])), 0)
        stop = min(int(np.floor(covered[-1])) + 1, shape[axis])
        ranges.append((start, max(stop, start)))
    (row_start, row_stop), (column_start, column_stop) = ranges
    step = 1.0 / np.asarray(crop.step_px)
    first = [(start - crop.coordinates_px(axis)[0]) * step[axis] for axis, (start, _) in enumerate(ranges)]
    size = (row_stop - row_start, column_stop - column_start)
    values = np.empty((len(crop_values), *size), dtype=np.float32)
    for channel, plane in enumerate(crop_values):
        ndimage.affine_transform(plane, step, first, size, output=values[channel], order=1, mode="nearest")
    return (slice(row_start, row_stop), slice(column_start, column_stop)), values


def normalize(images: Array) -> Array:
    """Each image `(..., size, size)` clipped at its 1st and 99th percentile, then to mean 0 and variance 1, float32."""
    low, high = np.percentile(images, _CLIP_PERCENTILES, axis=(-2, -1), keepdims=True)
    clipped = np.clip(images, low, high)
    centered = clipped - clipped.mean(axis=(-2, -1), keepdims=True)
    return np.asarray(centered / (clipped.std(axis=(-2, -1), keepdims=True) + 1e-6), dtype=np.float32)


def with_neighbors(slices: Array) -> Array:
    """Each slice between its two neighbors, `(slices, 3, ...)`, of a stack `(slices, ...)`; ends repeat themselves."""
    below = np.concatenate([slices[:1], slices[:-1]])
    above = np.concatenate([slices[1:], slices[-1:]])
    return np.stack([below, slices, above], axis=1)
