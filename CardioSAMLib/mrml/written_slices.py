"""Which slices a person has changed since we wrote them: a fingerprint of each written slice, kept in the scene."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
import slicer

from CardioSAMLib.cine import Array

WRITTEN_ATTRIBUTE = "CardioSAM.WrittenSlices"
_EMPTY = ""


def look_of(labels: Array) -> str:
    """Fingerprint of the labels of a slice, uint8 `(rows, columns)`; the same for all slices without contours."""
    if not labels.any():
        return _EMPTY
    # Not Python's hash: it differs from one start to the next, and scenes are saved.
    return hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=8).hexdigest()


def mark_written(keeper: slicer.vtkMRMLNode, looks: Mapping[tuple[int, int], str]) -> None:
    """Remembers in a node's attribute how slices look, by (frame, slice)."""
    written = _read(keeper)
    for (frame, number), look in looks.items():
        written.setdefault(str(frame), {})[str(number)] = look
    keeper.SetAttribute(WRITTEN_ATTRIBUTE, json.dumps(written))


def changed_slices(keeper: slicer.vtkMRMLNode, looks: Mapping[int, Sequence[str]]) -> tuple[tuple[int, int], ...]:
    """The (frame, slice) that look different now. looks: of all slices of frames, by frame."""
    written = _read(keeper)
    return tuple(
        (frame, number)
        for frame, of_frame in looks.items()
        for number, look in enumerate(of_frame)
        # Slices that were never written are empty in the scene.
        if look != written.get(str(frame), {}).get(str(number), _EMPTY)
    )


def _read(keeper: slicer.vtkMRMLNode) -> dict[str, dict[str, str]]:
    written: dict[str, dict[str, str]] = json.loads(keeper.GetAttribute(WRITTEN_ATTRIBUTE) or "{}")
    return written
