"""Other libraries for metrics of masks, each called as its documentation says (floor 4): what `bench_metrics` times.

They are no dependencies: where one is not installed, it has no scorer. All compute on one core.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import NSD_TOLERANCE_MM

Scorer = Callable[[Sequence[MaskPair]], object]


@dataclass(frozen=True)
class Library:
    """package: as installed. keys: of our metrics that it has, too. scorer: computes these, None if not installed."""

    name: str
    package: str
    keys: tuple[str, ...]
    scorer: Callable[[], Scorer | None]


def _monai() -> Scorer | None:
    """All structures as channels of one call for each metric."""
    try:
        import monai.metrics as monai
        import torch
    except ImportError:
        return None

    def batch_of(masks: Sequence[Array]) -> torch.Tensor:
        return torch.from_numpy(np.stack(masks)[None].astype(np.float32))

    def on_one_core(pairs: Sequence[MaskPair]) -> object:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with warnings.catch_warnings():
                # What MONAI calls of its own is deprecated in it.
                warnings.simplefilter("ignore")
                return scores(pairs)
        finally:
            torch.set_num_threads(threads)

    def scores(pairs: Sequence[MaskPair]) -> object:
        y_pred, y = batch_of([pair.prediction for pair in pairs]), batch_of([pair.reference for pair in pairs])
        spacing = list(pairs[0].spacing_mm)
        thresholds = [NSD_TOLERANCE_MM] * len(pairs)
        counts = monai.get_confusion_matrix(y_pred, y, include_background=True)
        return (
            monai.compute_dice(y_pred, y),
            monai.compute_iou(y_pred, y),
            *(monai.compute_confusion_matrix_metric(name, counts) for name in _CONFUSION.values()),
            monai.compute_hausdorff_distance(y_pred, y, include_background=True, spacing=spacing),
            monai.compute_hausdorff_distance(y_pred, y, include_background=True, percentile=95, spacing=spacing),
            monai.compute_average_surface_distance(y_pred, y, include_background=True, symmetric=True, spacing=spacing),
            monai.compute_surface_dice(y_pred, y, thresholds, include_background=True, spacing=spacing),
        )

    return on_one_core


def _surface_distance() -> Scorer | None:
    """One structure after the other; the surface distances are computed once for four metrics."""
    try:
        import surface_distance
    except ImportError:
        return None

    def scores(pairs: Sequence[MaskPair]) -> object:
        return [of_one(pair) for pair in pairs]

    def of_one(pair: MaskPair) -> object:
        distances = surface_distance.compute_surface_distances(pair.reference, pair.prediction, pair.spacing_mm)
        return (
            surface_distance.compute_dice_coefficient(pair.reference, pair.prediction),
            surface_distance.compute_robust_hausdorff(distances, 100),
            surface_distance.compute_robust_hausdorff(distances, 95),
            surface_distance.compute_average_surface_distance(distances),
            surface_distance.compute_surface_dice_at_tolerance(distances, NSD_TOLERANCE_MM),
        )

    return scores


_CONFUSION = {
    "precision": "precision",
    "recall": "sensitivity",
    "specificity": "specificity",
    "pixel_accuracy": "accuracy",
}
_DISTANCES = ("hausdorff_mm", "hd95_mm", "assd_mm", "nsd_2mm")

LIBRARIES = (
    Library("MONAI", "monai", ("dice", "iou", *_CONFUSION, *_DISTANCES), _monai),
    Library("surface-distance", "surface-distance", ("dice", *_DISTANCES), _surface_distance),
)
