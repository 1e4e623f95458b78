"""A structure drawn twice on one grid: what all metrics are functions of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.evaluation.grid import check_one_grid, check_spacing
from CardioSAMLib.evaluation.overlap import Overlap, overlap_of
from CardioSAMLib.evaluation.scores import Emptiness
from CardioSAMLib.evaluation.surface import SurfaceDistances, surface_distances


@dataclass(frozen=True, eq=False)
class MaskPair:
    """Reference and predicted mask of one structure. What several metrics need is computed at first use and kept.

    reference, prediction: bool `(slices, rows, columns)` or `(rows, columns)`, one shape. spacing_mm: in the order of
    the axes.

    Raises UnusableInput where these do not fit together.
    """

    reference: Array
    prediction: Array
    spacing_mm: tuple[float, ...]

    def __post_init__(self) -> None:
        for mask in (self.reference, self.prediction):
            if mask.dtype != np.bool_ or mask.ndim not in (2, 3) or mask.size == 0:
                raise UnusableInput(
                    f"A mask of type {mask.dtype} and shape {mask.shape} cannot be scored; "
                    "give bool (slices, rows, columns) or (rows, columns), none of them 0."
                )
        check_one_grid(self.reference, self.prediction)
        check_spacing(self.reference, self.spacing_mm)

    @property
    def dimensions(self) -> int:
        """3 for a volume, 2 for a slice."""
        return self.reference.ndim

    @property
    def voxel_volume_ml(self) -> float:
        """Of a volume; slices have none."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    @cached_property
    def overlap(self) -> Overlap:
        return overlap_of(self.reference, self.prediction)

    @cached_property
    def distances(self) -> SurfaceDistances:
        return surface_distances(self.reference, self.prediction, self.spacing_mm)

    @property
    def emptiness(self) -> Emptiness:
        """Which of the masks has nothing in it."""
        if self.overlap.reference and self.overlap.prediction:
            return Emptiness.NEITHER
        if self.overlap.reference:
            return Emptiness.MISSED
        return Emptiness.SPURIOUS if self.overlap.prediction else Emptiness.BOTH
