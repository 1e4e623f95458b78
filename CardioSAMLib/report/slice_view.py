"""One slice of a study made ready for drawing: cropped, windowed, with smooth outlines, in millimeters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.report.study import Study

_MARGIN_MM = 15.0
_WINDOW_PERCENTILES = (1.0, 99.0)
# In steps of the outline, each about 0.7 pixels: takes the stairs away and moves a circle of 10 pixels radius inward
# by less than 0.1 pixel, the smallest ones by 0.2.
_SMOOTHING_STEPS = 1.5
# The line drawn last lies on top, where the inner and the outer outline of the wall meet.
_DRAWING_ORDER = (Structure.RV, Structure.MYO, Structure.LV)


@dataclass(frozen=True)
class SliceView:
    """A slice at one frame, cropped around the heart.

    slice: 0-based. gray: float `(rows, columns)`, 0 black to 1 white. size_mm: height and width of the crop.
    outlines: structure and float `(points, 2)`, closed lines of (x to the right, y down) in mm from the crop's upper
        left corner, in the order in which they are to be drawn.
    """

    slice: int
    gray: Array
    size_mm: tuple[float, float]
    outlines: tuple[tuple[Structure, Array], ...]


def slice_views(study: Study, frame: int) -> tuple[SliceView, ...]:
    """All slices of a frame. The crop is the same for all; the gray window of a slice is the same at ED and ES."""
    frames = [number for _, number in study.key_frames]
    row_mm, column_mm, _ = study.cine.geometry.spacing_mm
    rows, columns = heart_crop(study.segmentation.labels[frames], (row_mm, column_mm))
    cropped = study.cine.pixels[:, :, rows, columns]
    # A window per slice: toward the apex the coil on the chest is near, and its fat would set the white of them all.
    low, high = np.percentile(cropped[frames], _WINDOW_PERCENTILES, axis=(0, 2, 3))[..., None, None]
    gray = np.clip((cropped[frame] - low) / np.maximum(high - low, np.finfo(float).eps), 0.0, 1.0)
    labels = study.segmentation.labels[frame][:, rows, columns]
    size_mm = (gray.shape[1] * row_mm, gray.shape[2] * column_mm)
    return tuple(
        SliceView(number, gray[number], size_mm, _outlines_mm(labels[number], (row_mm, column_mm)))
        for number in range(study.cine.slices)
    )


def heart_crop(labels: Array, spacing_mm: tuple[float, float]) -> tuple[slice, slice]:
    """Rows and columns of a square (in mm) around all labels, clipped to the image; all of it if nothing is labeled.

    labels: `(frames, slices, rows, columns)`. spacing_mm: of rows and columns.
    """
    labeled = np.any(labels, axis=(0, 1))
    if not labeled.any():
        return slice(0, labels.shape[2]), slice(0, labels.shape[3])
    extents = [np.flatnonzero(np.any(labeled, axis=other))[[0, -1]] for other in (1, 0)]
    sides_mm = [(last - first + 1) * step for (first, last), step in zip(extents, spacing_mm, strict=True)]
    half_mm = max(sides_mm) / 2.0 + _MARGIN_MM
    crop = []
    for (first, last), step, length in zip(extents, spacing_mm, labels.shape[2:], strict=True):
        center, half = (first + last + 1) / 2.0, half_mm / step
        crop.append(slice(max(int(np.floor(center - half)), 0), min(int(np.ceil(center + half)), length)))
    return crop[0], crop[1]


def outlines_px(mask: Array) -> list[Array]:
    """Smooth closed lines around a mask, bool `(rows, columns)`: float `(points, 2)` of (row, column).

    Whole numbers are pixel centers, so the edge of a pixel lies at a half. Pieces of one pixel keep a line, too.
    """
    # contourpy comes with matplotlib, which draws its contour lines with it.
    from contourpy import contour_generator

    lines = contour_generator(z=np.pad(mask.astype(float), 1)).lines(0.5)
    return [_smoothed(np.asarray(line)[:, ::-1] - 1.0) for line in lines]


def _smoothed(closed_line: Array) -> Array:
    """The line with its corners rounded; of short lines less, so that they do not shrink to a point."""
    points = closed_line[:-1]
    sigma = min(_SMOOTHING_STEPS, len(points) / 16.0)
    smooth = ndimage.gaussian_filter1d(points, sigma, axis=0, mode="wrap")
    return np.concatenate([smooth, smooth[:1]])


def _outlines_mm(labels: Array, spacing_mm: tuple[float, float]) -> tuple[tuple[Structure, Array], ...]:
    """labels: `(rows, columns)`, one slice."""
    return tuple(
        (structure, ((line + 0.5) * spacing_mm)[:, ::-1])
        for structure in _DRAWING_ORDER
        for line in outlines_px(_outlined_mask(labels, structure))
    )


def _outlined_mask(labels: Array, structure: Structure) -> Array:
    """The structure; for the wall what lies within its outer outline, whose inner one is that of the blood pool."""
    mask = np.asarray(labels == STORAGE.value_of(structure))
    if structure is Structure.MYO and mask.any():
        mask |= labels == STORAGE.value_of(Structure.LV)
    return mask
