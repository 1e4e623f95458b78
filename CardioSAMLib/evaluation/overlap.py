"""How much of two masks is shared: what counting voxels tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.grid import check_one_grid


@dataclass(frozen=True)
class Overlap:
    """Voxel counts of two masks on one grid, and the shares made of them, each in 0..1 and defined for all masks.

    shared: in both masks. reference, prediction: in that mask. grid: all voxels.

    Where both masks are empty all are 1; where one is, Dice, IoU, precision and recall are 0 (docs/metrics.md).
    """

    shared: int
    reference: int
    prediction: int
    grid: int

    @property
    def dice(self) -> float:
        """2 |A and B| / (|A| + |B|) (Dice 1945)."""
        size = self.reference + self.prediction
        return 2.0 * self.shared / size if size else 1.0

    @property
    def iou(self) -> float:
        """|A and B| / |A or B| (Jaccard 1901)."""
        return self.shared / self._union if self._union else 1.0

    @property
    def precision(self) -> float:
        """Share of the prediction that is right. An empty prediction of an existing structure has no share that is
        right: 0, so that a missed structure never looks precise."""
        return self.shared / self.prediction if self.prediction else float(self.reference == 0)

    @property
    def recall(self) -> float:
        """Share of the reference that was found. Against an empty reference a prediction has found nothing: 0."""
        return self.shared / self.reference if self.reference else float(self.prediction == 0)

    @property
    def specificity(self) -> float:
        """Share of the background that was left free; 1 where the reference fills the grid: nothing could be wrong."""
        background = self.grid - self.reference
        return (self.grid - self._union) / background if background else 1.0

    @property
    def pixel_accuracy(self) -> float:
        """Share of all voxels on which both agree. Background dominates it: never to be reported alone."""
        return (self.shared + self.grid - self._union) / self.grid

    @property
    def _union(self) -> int:
        return self.reference + self.prediction - self.shared


def overlap_of(reference: Array, prediction: Array) -> Overlap:
    """Counts of two bool masks of one shape. Raises UnusableInput where the shapes differ."""
    check_one_grid(reference, prediction)
    shared, of_reference, of_prediction = (
        int(np.count_nonzero(mask)) for mask in (reference & prediction, reference, prediction)
    )
    return Overlap(shared, of_reference, of_prediction, reference.size)


def dice(a: Array, b: Array) -> float:
    """2 |A and B| / (|A| + |B|) of two bool masks of one shape; 1 where both are empty (docs/metrics.md)."""
    return overlap_of(a, b).dice
