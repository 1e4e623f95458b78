"""Slices that a reader keeps out of the measurements, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace

import numpy as np

from CardioSAMLib.cine import QualityNote, UnusableInput
from CardioSAMLib.labels import CineSegmentation


def without_slices(segmentation: CineSegmentation, excluded: Set[tuple[int, int]]) -> CineSegmentation:
    """The segmentation with nothing drawn in the excluded (frame, slice) pairs, both 0-based.

    What a slice contributes is `slice_volumes_ml`; its neighbors do not stretch into the place of an excluded one.
    Raises UnusableInput where a pair does not exist.
    """
    if not excluded:
        return segmentation
    frames, slices = segmentation.labels.shape[:2]
    for frame, number in sorted(excluded):
        if not (0 <= frame < frames and 0 <= number < slices):
            raise UnusableInput(
                f"Slice {number} of frame {frame} cannot be left out: there are {slices} slices in {frames} frames, "
                "counted from 0."
            )
    labels = segmentation.labels.copy()
    labels[tuple(np.transpose(list(excluded)))] = 0
    return replace(segmentation, labels=labels)


def notes_on_exclusion(excluded: Set[tuple[int, int]]) -> Iterator[QualityNote]:
    """One note for each slice that is left out, in the order of the slices."""
    for number in sorted({number for _, number in excluded}):
        frames = sorted(frame for frame, other in excluded if other == number)
        where = f"frame{'s' if len(frames) > 1 else ''} {', '.join(map(str, frames))}"
        text = f"Slice {number} was left out of the measurements in {where}."
        yield QualityNote("slice_excluded", "info", text, frames[0] if len(frames) == 1 else None, number)
