"""How far the surfaces of two masks lie apart, in millimeters.

A surface voxel has a background voxel among its face neighbors (6 in 3D, 4 in 2D); beyond the grid is background
(docs/metrics.md). Distances run from voxel center to voxel center, and every surface voxel counts alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.grid import check_one_grid, check_spacing, cropped, diagonal_mm

# Headers hold spacings in single precision: 5 x 0.4 mm must not be more than 2 mm.
_ROUNDING_MM = 1e-6


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distance of each surface voxel of one mask to the nearest surface voxel of the other, and what is made of it.

    from_reference_mm, from_prediction_mm: float `(surface voxels,)`; none for an empty mask. To an empty mask the
    distance is the diagonal of the grid, so that a missed structure never looks good.
    """

    from_reference_mm: Array
    from_prediction_mm: Array

    @property
    def hausdorff_mm(self) -> float:
        """The largest distance of either direction; 0 where both masks are empty."""
        return float(self._both_directions.max(initial=0.0))

    @property
    def hd95_mm(self) -> float:
        """The larger of the 95th percentiles of both directions, linearly interpolated; 0 where both are empty."""
        directions = (self.from_reference_mm, self.from_prediction_mm)
        return max((float(np.percentile(distances, 95)) for distances in directions if distances.size), default=0.0)

    @property
    def assd_mm(self) -> float:
        """Average symmetric surface distance: the mean over the surface voxels of both; 0 where both are empty."""
        return float(self._both_directions.mean()) if self._both_directions.size else 0.0

    def share_within(self, tolerance_mm: float) -> float:
        """Normalized surface Dice: share of both surfaces that lies within the tolerance of the other (Nikolov 2021).

        1 where both masks are empty, 0 where one is.
        """
        if not self.from_reference_mm.size or not self.from_prediction_mm.size:
            return float(self._both_directions.size == 0)
        return float(np.mean(self._both_directions <= tolerance_mm + _ROUNDING_MM))

    @property
    def _both_directions(self) -> Array:
        return np.concatenate([self.from_reference_mm, self.from_prediction_mm])


def surface_distances(reference: Array, prediction: Array, spacing_mm: tuple[float, ...]) -> SurfaceDistances:
    """Distances between the surfaces of two bool masks of one shape, spacing in the order of their axes.

    Raises UnusableInput where shapes or spacing do not fit.
    """
    check_one_grid(reference, prediction)
    check_spacing(reference, spacing_mm)
    of_reference, of_prediction = (surface_of(mask) for mask in cropped(reference, prediction))
    if_empty_mm = diagonal_mm(reference.shape, spacing_mm)
    return SurfaceDistances(
        _distances_mm(of_reference, of_prediction, spacing_mm, if_empty_mm),
        _distances_mm(of_prediction, of_reference, spacing_mm, if_empty_mm),
    )


def surface_of(mask: Array) -> Array:
    """The surface voxels of a mask, bool, same shape."""
    return np.asarray(mask & ~ndimage.binary_erosion(mask, border_value=0))


def hd95_mm(a: Array, b: Array, spacing_mm: tuple[float, ...]) -> float:
    """`SurfaceDistances.hd95_mm` of two bool masks of one shape; where one is empty, the diagonal of the grid."""
    return surface_distances(a, b, spacing_mm).hd95_mm


def _distances_mm(source: Array, target: Array, spacing_mm: tuple[float, ...], if_empty_mm: float) -> Array:
    """From each voxel of `source` to the nearest of `target`."""
    if not source.any() or not target.any():
        return np.full(int(np.count_nonzero(source)), if_empty_mm)
    # A tree of the few surface voxels: a distance map is as fast in a small box, but far slower where a stray voxel
    # makes the box the whole grid.
    distances_mm, _ = cKDTree(np.argwhere(target) * spacing_mm).query(np.argwhere(source) * spacing_mm)
    return np.asarray(distances_mm)
