"""Where the heart lies in the field of view, found by the segmentation network itself, or by what was drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.crops import Crop, crop_around, normalize, put_back, take, with_neighbors

_HEART_PROBABILITY = 0.5
_SLICES_LOOKED_AT = 5
_MARGIN_MM = 24.0


@dataclass(frozen=True)
class HeartBox:
    """The heart in native pixels: center (row, column), and its extent in mm along rows and columns."""

    center_px: tuple[float, float]
    extent_mm: tuple[float, float]

    @property
    def needed_mm(self) -> float:
        """The side of the square around its center that a network should see: the heart and a margin."""
        return max(self.extent_mm) + _MARGIN_MM


def locate_heart(
    stack: Array, pixel_mm: tuple[float, float], grid_mm: float, tile_px: int, network: Callable[[Array], Array]
) -> HeartBox:
    """The heart in one frame `(slices, rows, columns)` with pixels of `pixel_mm` (row, column).

    The field of view is covered by half-overlapping tiles of the size the network was trained on. What it takes for
    heart in five slices of the middle half is averaged; the heaviest connected part of that is the heart.
    Raises UnusableInput if there is none.
    """
    slices, *shape = stack.shape
    middle = sorted({int(place) for place in np.linspace(slices * 0.25, slices * 0.75 - 1e-6, _SLICES_LOOKED_AT)})
    neighbors = with_neighbors(np.arange(slices))[middle]
    heat, views = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for crop in _tiles((shape[0], shape[1]), pixel_mm, grid_mm, tile_px):
        tiles = normalize(np.stack([take(plane, crop) for plane in stack]))
        is_heart = 1.0 - network(tiles[neighbors])[:, 0]
        window, values = put_back(is_heart.max(axis=0, keepdims=True), crop, (shape[0], shape[1]))
        heat[window] += values[0]
        views[window] += 1.0
    return _heaviest_part(heat / np.maximum(views, 1.0), pixel_mm)


def heart_box_of(labels: Array, pixel_mm: tuple[float, float]) -> HeartBox:
    """The heart as it was drawn, over all slices and frames of labels `(..., rows, columns)`, 0 background.

    pixel_mm: size of a pixel (row, column). Raises UnusableInput if nothing was drawn.
    """
    drawn = np.any(labels != 0, axis=tuple(range(labels.ndim - 2)))
    if not drawn.any():
        raise UnusableInput("There are no contours to find the heart by; segment the cine first.")
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    return HeartBox(
        ((rows[0] + rows[-1]) / 2.0, (columns[0] + columns[-1]) / 2.0),
        ((rows[-1] - rows[0] + 1) * pixel_mm[0], (columns[-1] - columns[0] + 1) * pixel_mm[1]),
    )


def _tiles(shape: tuple[int, int], pixel_mm: tuple[float, float], grid_mm: float, tile_px: int) -> list[Crop]:
    """Half-overlapping crops that cover the whole slice; one centered crop where the slice is smaller than a tile."""
    centers = []
    for side, pixel in zip(shape, pixel_mm, strict=True):
        length, tile = side * pixel, tile_px * grid_mm
        count = max(int(np.ceil(2.0 * (length - tile) / tile)), 0) + 1
        places = np.linspace(tile / 2.0, length - tile / 2.0, count) if count > 1 else np.array([length / 2.0])
        centers.append(places / pixel - 0.5)
    return [crop_around((float(r), float(c)), pixel_mm, grid_mm, tile_px) for r in centers[0] for c in centers[1]]


def _heaviest_part(heat: Array, pixel_mm: tuple[float, float]) -> HeartBox:
    parts, count = ndimage.label(heat > _HEART_PROBABILITY)
    if count == 0:
        raise UnusableInput(
            "No heart was found in the image; check that it is a short-axis cine, or choose another series."
        )
    weights = ndimage.sum_labels(heat, parts, np.arange(1, count + 1))
    rows, columns = ndimage.find_objects(parts)[int(np.argmax(weights))]
    return HeartBox(
        ((rows.start + rows.stop - 1) / 2.0, (columns.start + columns.stop - 1) / 2.0),
        ((rows.stop - rows.start) * pixel_mm[0], (columns.stop - columns.start) * pixel_mm[1]),
    )
