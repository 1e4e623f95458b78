"""How one frame of a slice must be bent to look like another, by SimpleITK's demons on two resolutions."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from CardioSAMLib.cine import Array

_SHRINK_FACTORS = (2, 1)
_SMALLEST_SIDE_PX = 8


def deformation(fixed: Array, moving: Array, iterations: int = 15, smoothing_px: float = 1.5) -> Array:
    """Where each pixel of `fixed` lies in `moving`: displacements in pixels, float `(2, rows, columns)`, rows first.

    fixed, moving: float `(rows, columns)` of one size, with the same gray values for the same tissue. iterations: on
    each resolution. smoothing_px: standard deviation of the Gaussian that keeps the displacements smooth. How both were
    chosen: docs/propagation.md.
    Fast symmetric forces demons (Vercauteren et al. 2007; ITK's FastSymmetricForcesDemonsRegistrationFilter).
    """
    displacement = np.zeros((2, *fixed.shape))
    for shrink in _SHRINK_FACTORS:
        if shrink > 1 and min(fixed.shape) < shrink * _SMALLEST_SIDE_PX:
            continue
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfIterations(iterations)
        demons.SetStandardDeviations(smoothing_px)
        # Slices are small: threads cost more than they bring, and one gives the same result on every machine.
        demons.SetNumberOfThreads(1)
        start = _rescaled(displacement, tuple(-(-side // shrink) for side in fixed.shape))
        images = [_as_image(_resized(image, start.shape[1:])) for image in (fixed, moving)]
        field = sitk.GetImageFromArray(np.moveaxis(start[::-1], 0, -1), isVector=True)
        found = sitk.GetArrayFromImage(demons.Execute(*images, field))
        displacement = _rescaled(np.moveaxis(found, -1, 0)[::-1], fixed.shape)
    return displacement


def chained(first: Array, second: Array) -> Array:
    """The displacements of going by the first field and then by the second, of which the first leads to the grid."""
    return first + pulled(second, first)


def pulled(planes: Array, displacement: Array) -> Array:
    """Planes `(n, rows, columns)` as they are seen through a field: bilinear, their rims repeated outward."""
    places = np.indices(displacement.shape[1:]) + displacement
    return np.stack([ndimage.map_coordinates(plane, places, order=1, mode="nearest") for plane in planes])


def _resized(plane: Array, shape: tuple[int, ...]) -> Array:
    """A plane on a grid of another size that covers the same pixels, smoothed before it is made smaller."""
    ratios = [new / old for new, old in zip(shape, plane.shape, strict=True)]
    smooth = ndimage.gaussian_filter(plane, [max(0.5 / ratio - 0.5, 0.0) for ratio in ratios])
    return np.asarray(ndimage.zoom(smooth, ratios, order=1, mode="nearest", grid_mode=True))


def _rescaled(displacement: Array, shape: tuple[int, ...]) -> Array:
    """A field on a grid of another size, in the pixels of that grid."""
    return np.stack(
        [_resized(part, shape) * (shape[axis] / part.shape[axis]) for axis, part in enumerate(displacement)]
    )


def _as_image(plane: Array) -> sitk.Image:
    return sitk.GetImageFromArray(np.ascontiguousarray(plane, dtype=np.float64))
