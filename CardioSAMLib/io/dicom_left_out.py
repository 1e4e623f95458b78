"""Moving images parallel to a stack and near it that did not enter it, because they do not fit its other slices.

A slice of another matrix, or turned in its plane, would otherwise be missing from the stack without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from CardioSAMLib.cine import Array, QualityNote
from CardioSAMLib.io.dicom_groups import SAME_PLACE, Stack, is_alike, same_orientation
from CardioSAMLib.io.dicom_headers import ImageHeader

_PARALLEL_DEGREES = 2.0
_NEXT_PLACE = 1.5
"""A slice follows another if they are closer than this part of the slice interval."""
_SAME_FRAMES = 0.2
"""Two cines have about as many frames if their numbers differ by at most this part."""


@dataclass(frozen=True)
class LeftOut:
    """Images beside or among the slices of a stack.

    name: of their series. reason: what they have that does not fit, e.g. "has images of 8 x 11 pixels where ...".
    is_missing: whether they are most likely a slice of the stack: where it has none, and with about as many frames.
    """

    name: str
    reason: str
    is_missing: bool

    @property
    def note(self) -> QualityNote:
        message = f"{self.name} is parallel to the stack and was left out of it, because it {self.reason}."
        return QualityNote("parallel_slice_left_out", "warning", message)

    @property
    def doubt(self) -> str:
        """The sentence for a user who did not choose the cine."""
        return f"{self.name} {self.reason}; export all slices of the stack alike."


def left_out_of(stack: Stack, stacks: Sequence[Stack]) -> tuple[LeftOut, ...]:
    """What of the other stacks the user should know to be left out of a stack of at least two slices and frames.

    That is all that lies beside its slices, in a gap or next to an end, and a single slice with as many frames that
    lies where it has one. Stacks that overlap it are acquisitions of their own, and so are slices with another number
    of frames (perfusion, mapping).
    """
    if len(stack.slices) < 2 or stack.frames < 2:
        return ()
    found = []
    for other in stacks:
        reason = _difference(other.first, stack.first)
        if other is stack or other.frames < 2 or not _belong_together(other, stack) or not reason:
            continue
        distances = _intervals_between(other, stack)
        beside = distances.min() >= SAME_PLACE and distances.min() <= _NEXT_PLACE
        repeated = len(other.slices) == 1 and distances.min() < SAME_PLACE
        same_frames = abs(other.frames - stack.frames) <= _SAME_FRAMES * stack.frames
        if beside or (repeated and same_frames):
            name = other.name[0].upper() + other.name[1:]
            found.append(LeftOut(name, reason, is_missing=bool(beside and same_frames)))
    return tuple(found)


def _belong_together(one: Stack, other: Stack) -> bool:
    """Of one study and frame of reference, and parallel."""
    parallel = abs(float(one.first.normal @ other.first.normal)) >= np.cos(np.radians(_PARALLEL_DEGREES))
    return parallel and one.first.study[1] == other.first.study[1] and _reference(one) == _reference(other)


def _reference(stack: Stack) -> str:
    """Its frame of reference; "" where anonymization gave it several."""
    references = {header.frame_of_reference for header in chain.from_iterable(stack.slices)}
    return references.pop() if len(references) == 1 else ""


def _difference(header: ImageHeader, usual: ImageHeader) -> str:
    """What keeps an image from being a slice of the stack of another; "" where nothing does."""
    if header.size_px != usual.size_px:
        (rows, columns), (usual_rows, usual_columns) = header.size_px, usual.size_px
        return f"has images of {rows} x {columns} pixels where the other slices have {usual_rows} x {usual_columns}"
    if not np.allclose(header.spacing_mm, usual.spacing_mm, rtol=1e-3):
        own, others = (" x ".join(f"{value:.4g}" for value in image.spacing_mm) for image in (header, usual))
        return f"has pixels of {own} mm where the other slices have {others} mm"
    if same_orientation(header, usual):
        return "" if is_alike(header, usual) else "is named or was taken as another kind of image"
    cosine = min(float(header.row_axis @ usual.row_axis), float(header.column_axis @ usual.column_axis))
    angle = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return f"is turned by {angle:.1f} degrees against the other slices"


def _intervals_between(other: Stack, stack: Stack) -> Array:
    """Distance of each slice of a stack from the nearest slice of another, in slice intervals of that one."""
    normal = stack.first.normal
    own, there = (np.array([float(images[0].center_mm @ normal) for images in part.slices]) for part in (other, stack))
    interval = np.percentile(np.diff(np.sort(there)), 50, method="lower")
    return np.asarray(np.abs(own[:, np.newaxis] - there[np.newaxis, :]).min(axis=1) / interval)
