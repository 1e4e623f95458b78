"""Rules on the form of the contours in each slice: one cavity, in a closed ring of muscle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure, base_to_apex
from CardioSAMLib.quality.rules import Case, Finding, Limits
from CardioSAMLib.quality.stack import lv_areas_px

_LV = STORAGE.value_of(Structure.LV)
_MYO = STORAGE.value_of(Structure.MYO)
_CROSS = ndimage.generate_binary_structure(2, 1)
_SQUARE = ndimage.generate_binary_structure(2, 2)


def lv_in_pieces_below_base(case: Case, _limits: Limits) -> Iterator[Finding]:
    yield from _lv_in_pieces(case, at_base=False)


def lv_in_pieces_at_base(case: Case, _limits: Limits) -> Iterator[Finding]:
    yield from _lv_in_pieces(case, at_base=True)


def lv_not_enclosed_below_base(case: Case, limits: Limits) -> Iterator[Finding]:
    yield from _lv_not_enclosed(case, limits, at_base=False)


def lv_not_enclosed_at_base(case: Case, limits: Limits) -> Iterator[Finding]:
    """The wall may be open where the outflow tract begins; SCMR counts slices with half of it closed."""
    yield from _lv_not_enclosed(case, limits, at_base=True)


def myocardium_in_pieces(case: Case, _limits: Limits) -> Iterator[Finding]:
    yield from _in_pieces(case, Structure.MYO)


def rv_in_pieces(case: Case, _limits: Limits) -> Iterator[Finding]:
    """Advisory: experts draw the right ventricle in pieces in 61 of 1,558 slices of ACDC's training set."""
    yield from _in_pieces(case, Structure.RV)


def lv_small_area(case: Case, limits: Limits) -> Iterator[Finding]:
    for frame in case.key_frames:
        areas = lv_areas_px(case.segmentation.labels[frame])
        for number in np.flatnonzero((areas > 0) & (areas < limits["min_pixels"])).tolist():
            text = f"The left ventricle has {areas[number]} pixels only in slice {number}; look whether it is one."
            yield Finding(text, frame, number)


def _lv_in_pieces(case: Case, *, at_base: bool) -> Iterator[Finding]:
    for frame, number, plane in _lv_planes(case, at_base=at_base):
        pieces = ndimage.label(plane == _LV, _SQUARE)[1]
        if pieces > 1:
            text = f"The left ventricle falls into {pieces} pieces in slice {number}; correct its contour."
            yield Finding(text, frame, number)


def _lv_not_enclosed(case: Case, limits: Limits, *, at_base: bool) -> Iterator[Finding]:
    for frame, number, plane in _lv_planes(case, at_base=at_base):
        share = _open_share(plane)
        if share > limits["open_share_of_outline"]:
            text = (
                f"{100 * share:.0f} % of the left ventricle's outline in slice {number} has no myocardium around it; "
                "correct the contours."
            )
            yield Finding(text, frame, number)


def _in_pieces(case: Case, structure: Structure) -> Iterator[Finding]:
    for frame in case.key_frames:
        for number, plane in enumerate(case.segmentation.labels[frame] == STORAGE.value_of(structure)):
            pieces = ndimage.label(plane, _SQUARE)[1]
            if pieces > 1:
                text = f"{structure.meaning}: {pieces} pieces in slice {number}; look whether all belong to it."
                yield Finding(text, frame, number)


def _lv_planes(case: Case, *, at_base: bool) -> Iterator[tuple[int, int, Array]]:
    """(frame, slice, labels `(rows, columns)`) of the slices with LV: the basal one, or all below it."""
    for frame in case.key_frames:
        labels = case.segmentation.labels[frame]
        slices = base_to_apex(labels)
        for number in slices[:1] if at_base else slices[1:]:
            if np.any(labels[number] == _LV):
                yield frame, number, labels[number]


def _open_share(plane: Array) -> float:
    """Share of the LV's outer neighbor pixels that are neither LV nor myocardium. Outside the image counts as open."""
    padded = np.pad(plane, 1)
    cavity = padded == _LV
    around = ndimage.binary_dilation(cavity, _CROSS) & ~cavity
    return float(np.count_nonzero(around & (padded != _MYO)) / np.count_nonzero(around))
