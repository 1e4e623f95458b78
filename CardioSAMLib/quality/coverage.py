"""Rules on the stack: does it cover the left ventricle, in slices that fit together?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure, base_to_apex
from CardioSAMLib.quality.rules import Case, Finding, Limits
from CardioSAMLib.quality.stack import lv_areas_px


def few_lv_slices(case: Case, limits: Limits) -> Iterator[Finding]:
    count = len(base_to_apex(case.segmentation.labels[case.function.ed_frame]))
    if 0 < count < limits["min_slices"]:
        text = f"The left ventricle is seen in {count} slices only, so its volume is coarse; check the coverage."
        yield Finding(text, case.function.ed_frame)


def lv_slice_missing(case: Case, _limits: Limits) -> Iterator[Finding]:
    for frame in case.key_frames:
        labels = case.segmentation.labels[frame]
        areas = lv_areas_px(labels)
        for number in base_to_apex(labels):
            if areas[number] == 0:
                text = f"Slice {number} has no left ventricle, but the slices around it have; draw its contour."
                yield Finding(text, frame, number)


def apex_truncated(case: Case, limits: Limits) -> Iterator[Finding]:
    """Judged at end-diastole, when the ventricle is longest."""
    yield from _truncated(case, limits, case.function.ed_frame, end=-1, name="apex")


def base_truncated(case: Case, limits: Limits) -> Iterator[Finding]:
    """Judged at end-systole: the base has moved a slice toward the apex, so a stack that covers it ends above it.

    Advisory: experts draw the ventricle up to the end of the stack in 74 of 100 patients of ACDC.
    """
    if case.function.es_frame is not None:
        yield from _truncated(case, limits, case.function.es_frame, end=0, name="base")


def slices_shifted(case: Case, limits: Limits) -> Iterator[Finding]:
    """Breath-holds of different depth: the LV's center lies off the middle between those of its neighbors.

    Against the neighbors, not the step from slice to slice: an oblique axis moves the center evenly and is no fault.
    Small apical areas are left out, as their center depends on single pixels.
    """
    frame = case.function.ed_frame
    labels = case.segmentation.labels[frame]
    areas = lv_areas_px(labels)
    least = limits["min_share_of_largest_area"] * areas.max()
    slices = [number for number in base_to_apex(labels) if areas[number] > least]
    if len(slices) < 3:
        return
    centers = np.array([_lv_center_mm(labels[number], case.cine.geometry.spacing_mm) for number in slices])
    off_mm = np.linalg.norm(centers[1:-1] - (centers[:-2] + centers[2:]) / 2.0, axis=1).tolist()
    for number, off in zip(slices[1:-1], off_mm, strict=True):
        if off > limits["max_off_mm"]:
            text = f"The left ventricle of slice {number} lies {off:.0f} mm off its neighbors; were breath-holds alike?"
            yield Finding(text, frame, number)


def _truncated(case: Case, limits: Limits, frame: int, *, end: int, name: str) -> Iterator[Finding]:
    labels = case.segmentation.labels[frame]
    slices = base_to_apex(labels)
    if not slices or slices[end] not in (0, len(labels) - 1):
        return
    areas = lv_areas_px(labels)
    share = areas[slices[end]] / areas.max()
    if share > limits["max_share_of_largest_area"]:
        text = (
            f"The stack ends within the left ventricle at the {name} (area {100 * share:.0f} % of the largest), "
            "so volumes may be too small."
        )
        yield Finding(text, frame, slices[end])


def _lv_center_mm(plane: Array, spacing_mm: tuple[float, float, float]) -> Array:
    rows_columns = np.argwhere(plane == STORAGE.value_of(Structure.LV))
    return np.asarray(rows_columns.mean(axis=0) * spacing_mm[:2])
