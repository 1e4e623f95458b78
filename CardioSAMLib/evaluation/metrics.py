"""The registry of metrics: tables, CSV columns, figures and documentation are made from these entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from CardioSAMLib.evaluation.boundary import boundary_iou
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.scores import StudyScore

NSD_TOLERANCE_MM = 2.0


@dataclass(frozen=True)
class Metric:
    """How well two masks agree, as one number that is never NaN.

    unit: "" for a share in 0..1. better: "zero" for a signed error. definition: for legends, without a full stop.
    dimensions: of the masks it applies to. A slice has no volume.
    """

    key: str
    title: str
    unit: str
    better: Literal["higher", "lower", "zero"]
    function: Callable[[MaskPair], float]
    definition: str
    dimensions: tuple[int, ...] = (2, 3)


@dataclass(frozen=True)
class StudyMetric:
    """A measurement of a study, by its key in `StudyScore`. error_unit: of predicted minus reference."""

    key: str
    title: str
    unit: str
    error_unit: str


METRICS = (
    Metric("dice", "Dice", "", "higher", lambda pair: pair.overlap.dice, "2 |A∩B| / (|A| + |B|)"),
    Metric("iou", "IoU", "", "higher", lambda pair: pair.overlap.iou, "|A∩B| / |A∪B|"),
    Metric(
        "precision",
        "Precision",
        "",
        "higher",
        lambda pair: pair.overlap.precision,
        "share of the prediction in the reference",
    ),
    Metric(
        "recall", "Recall", "", "higher", lambda pair: pair.overlap.recall, "share of the reference in the prediction"
    ),
    Metric(
        "specificity",
        "Specificity",
        "",
        "higher",
        lambda pair: pair.overlap.specificity,
        "share of the reference's background that the prediction leaves free; never to be read alone",
    ),
    Metric(
        "pixel_accuracy",
        "Pixel accuracy",
        "",
        "higher",
        lambda pair: pair.overlap.pixel_accuracy,
        "share of all voxels on which both agree; never to be read alone",
    ),
    Metric(
        "hausdorff_mm",
        "Hausdorff distance",
        "mm",
        "lower",
        lambda pair: pair.distances.hausdorff_mm,
        "largest distance from a surface voxel of either mask to the surface of the other",
    ),
    Metric(
        "hd95_mm",
        "HD95",
        "mm",
        "lower",
        lambda pair: pair.distances.hd95_mm,
        "95th percentile (linear) of the same distances, of each direction; the larger",
    ),
    Metric(
        "assd_mm",
        "ASSD",
        "mm",
        "lower",
        lambda pair: pair.distances.assd_mm,
        "mean of the same distances over the surface voxels of both masks (average symmetric surface distance)",
    ),
    Metric(
        "nsd_2mm",
        "NSD at 2 mm",
        "",
        "higher",
        lambda pair: pair.distances.share_within(NSD_TOLERANCE_MM),
        "share of the surface voxels of both masks within 2 mm of the other surface (normalized surface Dice)",
    ),
    Metric(
        "boundary_iou",
        "Boundary IoU",
        "",
        "higher",
        lambda pair: boundary_iou(pair.reference, pair.prediction),
        "IoU of the inner bands of 2 pixels, in the plane of each slice",
    ),
    Metric(
        "volume_error_ml",
        "Volume error",
        "mL",
        "zero",
        lambda pair: (pair.overlap.prediction - pair.overlap.reference) * pair.voxel_volume_ml,
        "prediction minus reference, voxels times voxel volume",
        dimensions=(3,),
    ),
)

STUDY_METRICS = (
    StudyMetric("lv_edv_ml", "LV end-diastolic volume", "mL", "mL"),
    StudyMetric("lv_esv_ml", "LV end-systolic volume", "mL", "mL"),
    StudyMetric("lv_ef_percent", "LV ejection fraction", "%", "points"),
    StudyMetric("lv_mass_ed_g", "LV mass at end-diastole", "g", "g"),
    StudyMetric("rv_edv_ml", "RV end-diastolic volume", "mL", "mL"),
    StudyMetric("rv_esv_ml", "RV end-systolic volume", "mL", "mL"),
    StudyMetric("rv_ef_percent", "RV ejection fraction", "%", "points"),
)


def metrics_for(dimensions: int) -> tuple[Metric, ...]:
    """The metrics of volumes (3) or of slices (2), in the order of the registry."""
    return tuple(metric for metric in METRICS if dimensions in metric.dimensions)


def score(pair: MaskPair) -> dict[str, float]:
    """All metrics that apply to the pair, by key, in the order of the registry; never NaN."""
    return {metric.key: float(metric.function(pair)) for metric in metrics_for(pair.dimensions)}


def study_errors(study: StudyScore) -> dict[str, float | None]:
    """Predicted minus reference of each measurement, in its `error_unit`; None where either is not known."""
    errors: dict[str, float | None] = {}
    for metric in STUDY_METRICS:
        predicted, reference = study.predicted.get(metric.key), study.reference.get(metric.key)
        errors[metric.key] = None if predicted is None or reference is None else predicted - reference
    return errors
