"""Which slices a person has changed since we wrote them: a fingerprint of each written slice, kept in the scene."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import numpy as np
import slicer

from CardioSAMLib.cine import Array

WRITTEN_ATTRIBUTE = "CardioSAM.WrittenSlices"


def mark_written(keeper: slicer.vtkMRMLNode, frame: int, slices: Iterable[int], labels: Array) -> None:
    """Remembers in a node's attribute how slices of a frame look. labels: uint8 `(slices, rows, columns)`."""
    written = _read(keeper)
    # Slices that were never written are empty in the scene.
    marks = written.setdefault(str(frame), [_fingerprint(np.zeros_like(labels[0]))] * len(labels))
    for number in slices:
        marks[number] = _fingerprint(labels[number])
    keeper.SetAttribute(WRITTEN_ATTRIBUTE, json.dumps(written))


def changed_slices(keeper: slicer.vtkMRMLNode, frame: int, labels: Array) -> tuple[int, ...]:
    """The slices of a frame that look different now. labels: uint8 `(slices, rows, columns)`."""
    marks = _read(keeper).get(str(frame)) or [_fingerprint(np.zeros_like(labels[0]))] * len(labels)
    return tuple(number for number, part in enumerate(labels) if _fingerprint(part) != marks[number])


def _read(keeper: slicer.vtkMRMLNode) -> dict[str, list[str]]:
    written: dict[str, list[str]] = json.loads(keeper.GetAttribute(WRITTEN_ATTRIBUTE) or "{}")
    return written


def _fingerprint(labels: Array) -> str:
    # Not Python's hash: it differs from one start to the next, and scenes are saved.
    return hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=8).hexdigest()
