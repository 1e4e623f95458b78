"""What the SAM family sees of a slice: the heart's region, gray levels, and the normalization of the weights.

The steps are those of segment-anything's `SamPredictor` (Kirillov 2023): the longest side scaled to the input size,
padding with 0 at the right and bottom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.crops import Crop
from CardioSAMLib.networks.sam_architectures import PIXEL_DEVIATION, PIXEL_MEAN
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.model_image import ModelImage

REGION_MM = 176.0
"""Side of the square around the heart's center that is shown, unless the heart is larger: 0.8 mm pixels at 224 px."""

_MARGIN_MM = 24.0
_SAM_MEAN = np.array(PIXEL_MEAN, dtype=np.float32)
_SAM_STD = np.array(PIXEL_DEVIATION, dtype=np.float32)
_MEDSAM_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class Normalization:
    """How the pixels of an image have to look for some weights.

    gray_levels: a slice `(rows, columns)` of any range -> uint8. resampling: Pillow's name of how these are scaled.
    values: scaled uint8 `(rows, columns)` -> float32 `(3, rows, columns)` as the encoder takes them.
    """

    id: str
    gray_levels: Callable[[Array], Array]
    resampling: Literal["BILINEAR", "BICUBIC"]
    values: Callable[[Array], Array]


def sam_image(
    plane: Array, region: HeartBox | None, pixel_mm: tuple[float, float], normalization: Normalization, size_px: int
) -> ModelImage:
    """The image of one slice `(rows, columns)`: of the region around the heart, or of all of it."""
    from PIL import Image

    first, window = shown_window((plane.shape[0], plane.shape[1]), pixel_mm, region)
    gray = normalization.gray_levels(np.asarray(plane, dtype=np.float32))
    gray = gray[first[0] : first[0] + window[0], first[1] : first[1] + window[1]]
    shown = _scaled(window, pixel_mm, size_px)
    scaled = np.asarray(Image.fromarray(gray).resize((shown[1], shown[0]), Image.Resampling[normalization.resampling]))
    pixels = np.zeros((3, size_px, size_px), dtype=np.float32)
    pixels[:, : shown[0], : shown[1]] = normalization.values(scaled)
    return ModelImage(pixels, crop_of_window(first, window, shown, size_px), shown)


def shown_window(
    shape: tuple[int, int], pixel_mm: tuple[float, float], region: HeartBox | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """First native (row, column) of what is shown, and its (rows, columns).

    The square is moved into the slice where it would reach beyond it, and cut only where the slice is smaller: so all
    padding lies outside of the slice.
    """
    if region is None:
        return (0, 0), shape
    side_mm = max(REGION_MM, max(region.extent_mm) + _MARGIN_MM)
    first, window = [], []
    for size, pixel, center in zip(shape, pixel_mm, region.center_px, strict=True):
        length = min(round(side_mm / pixel), size)
        window.append(length)
        first.append(min(max(round(center - (length - 1) / 2.0), 0), size - length))
    return (first[0], first[1]), (window[0], window[1])


def _scaled(window: tuple[int, int], pixel_mm: tuple[float, float], size_px: int) -> tuple[int, int]:
    """Rows and columns of the window in the image, rounded as in segment-anything; oblong pixels become square."""
    rows, columns = float(window[0]), window[1] * (pixel_mm[1] / pixel_mm[0])
    scale = size_px / max(rows, columns)
    return max(int(rows * scale + 0.5), 1), max(int(columns * scale + 0.5), 1)


def crop_of_window(first: tuple[int, int], window: tuple[int, int], shown: tuple[int, int], size_px: int) -> Crop:
    """Where the pixels of an image lie whose first `shown` rows and columns are a window scaled."""
    step = (window[0] / shown[0], window[1] / shown[1])
    center = (first[0] - 0.5 + step[0] * size_px / 2.0, first[1] - 0.5 + step[1] * size_px / 2.0)
    return Crop(center, step, size_px)


def _stretched(plane: Array, low: float, high: float) -> Array:
    """uint8 with `low` at 0 and `high` at 255; black where all pixels are equal."""
    if high <= low:
        return np.zeros(plane.shape, dtype=np.uint8)
    return np.rint((np.clip(plane, low, high) - low) * (255.0 / (high - low))).astype(np.uint8)


def full_range(plane: Array) -> Array:
    """Gray values of any shape as uint8, the smallest 0 and the largest 255."""
    # Stein 2023: minimum to maximum of each slice.
    return _stretched(plane, float(plane.min()), float(plane.max()))


def _without_outliers(plane: Array) -> Array:
    # As MedSAM's own preprocessing of MR: percentiles of the pixels above 0, so that the air around does not count.
    lit = plane[plane > 0]
    low, high = np.percentile(lit if lit.size else plane, _MEDSAM_PERCENTILES)
    return _stretched(plane, float(low), float(high))


def _less_mean_by_deviation(gray: Array) -> Array:
    return np.asarray((gray[None].astype(np.float32) - _SAM_MEAN[:, None, None]) / _SAM_STD[:, None, None])


def _from_0_to_1(gray: Array) -> Array:
    values = gray.astype(np.float32)
    values = (values - values.min()) / max(float(values.max() - values.min()), 1e-8)
    return np.stack([values] * 3)


NORMALIZATIONS = MappingProxyType(
    {
        entry.id: entry
        for entry in (
            Normalization("sam", full_range, "BILINEAR", _less_mean_by_deviation),
            Normalization("medsam", _without_outliers, "BICUBIC", _from_0_to_1),
        )
    }
)
"""By id. The id belongs to the weights: those of one seen through the other's draw nonsense."""
