"""Two segmentations of one cine side by side: how far the contours agree, and what that means for the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from CardioSAMLib.cine import Cine, UnusableInput
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS, Metric
from CardioSAMLib.evaluation.scores import Emptiness
from CardioSAMLib.function import CardiacFunction, MeasureOptions, measure
from CardioSAMLib.labels import CineSegmentation, Structure

SHOWN_METRICS = tuple(metric for metric in METRICS if metric.key in ("dice", "hd95_mm", "assd_mm"))
"""Of the registry, those that a reader who compares two contours asks for."""


@dataclass(frozen=True)
class ContourScore:
    """A structure in one frame (0-based). values: by the keys of `SHOWN_METRICS`; empty where neither drew it."""

    frame: int
    structure: Structure
    emptiness: Emptiness
    values: Mapping[str, float]


@dataclass(frozen=True)
class Difference:
    """A measurement of both. difference: other minus first, in difference_unit; None where either is not known."""

    key: str
    title: str
    unit: str
    first: float | None
    other: float | None
    difference_unit: str

    @property
    def difference(self) -> float | None:
        return None if self.first is None or self.other is None else self.other - self.first


@dataclass(frozen=True)
class ContourComparison:
    """Scores of the frames that both have, in their order, and the measurements of `STUDY_METRICS`."""

    scores: tuple[ContourScore, ...]
    differences: tuple[Difference, ...]


def compare_contours(
    cine: Cine, first: CineSegmentation, other: CineSegmentation, options: MeasureOptions | None = None
) -> ContourComparison:
    """Overlap and surface distances (docs/metrics.md) in each frame that both segmented, and both measurements.

    Both are measured at the frames of the first, where the other has them too: a difference is then one of contours.
    Raises UnusableInput if they are not of this cine or have no frame in common.
    """
    frames = sorted(set(first.segmented_frames) & set(other.segmented_frames))
    if not frames:
        raise UnusableInput("The two segmentations have no frame in common; segment the same frames in both.")
    function = measure(cine, first, options)
    shared = options or MeasureOptions()
    if {function.ed_frame, function.es_frame} <= set(frames):
        shared = replace(shared, ed_frame=function.ed_frame, es_frame=function.es_frame)
    other_function = measure(cine, other, shared)
    scores = tuple(_score(cine, first, other, frame, structure) for frame in frames for structure in Structure)
    return ContourComparison(scores, _differences(function, other_function))


def _score(
    cine: Cine, first: CineSegmentation, other: CineSegmentation, frame: int, structure: Structure
) -> ContourScore:
    row_mm, column_mm, slice_mm = cine.geometry.spacing_mm
    masks = [segmentation.mask(structure)[frame] for segmentation in (first, other)]
    pair = MaskPair(masks[0], masks[1], (slice_mm, row_mm, column_mm))
    shown: tuple[Metric, ...] = () if pair.emptiness is Emptiness.BOTH else SHOWN_METRICS
    return ContourScore(frame, structure, pair.emptiness, {metric.key: metric.function(pair) for metric in shown})


def _differences(first: CardiacFunction, other: CardiacFunction) -> tuple[Difference, ...]:
    rows = []
    for metric in STUDY_METRICS:
        side, key = metric.key.split("_", 1)
        values: list[float | None] = [getattr(getattr(function, side), key) for function in (first, other)]
        rows.append(Difference(metric.key, metric.title, metric.unit, values[0], values[1], metric.error_unit))
    return tuple(rows)
