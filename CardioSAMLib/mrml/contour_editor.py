"""Changing contours of the scene slice by slice, as clicks do, with undo and redo; and finding what a person drew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import slicer

from CardioSAMLib.cine import Array
from CardioSAMLib.mrml.segmentations import SegmentationNodes, put_frame, read_frame, writing
from CardioSAMLib.mrml.segments import LabelmapImporter
from CardioSAMLib.mrml.written_slices import changed_slices, mark_written

UNDO_STEPS = 20


class ContourEditor:
    """Writes slices of the contours of one cine; each call of `write` is one step of undo.

    Each frame has a `vtkSegmentationHistory` of its own, on the item of the sequence: a state must not come back in
    another frame, and switching frames must not end a history. The histories live as long as this object.
    """

    def __init__(self, nodes: SegmentationNodes) -> None:
        self.nodes = nodes
        # Kept from click to click: making and removing its scene costs more than the writing itself.
        self._importer = LabelmapImporter(nodes.ijk_to_ras)
        self._histories: dict[int, Any] = {}
        self._done: list[tuple[int, ...]] = []
        self._undone: list[tuple[int, ...]] = []

    def write(self, labels_of_slice: Mapping[tuple[int, int], Array]) -> None:
        """Replaces the contours of slices (frame, slice), 0-based; the other slices of the frames stay.

        labels: uint8 `(rows, columns)` in the `STORAGE` order. Raises IndexError if there is no such frame or slice.
        """
        by_frame: dict[int, dict[int, Array]] = defaultdict(dict)
        for (frame, slice_number), labels in labels_of_slice.items():
            by_frame[frame][slice_number] = labels
        new_labels = {frame: self._merged(frame, slices) for frame, slices in by_frame.items()}
        self._save(tuple(by_frame))
        with writing(self.nodes, by_frame):
            for frame, labels in new_labels.items():
                put_frame(self.nodes, self._importer, frame, labels, by_frame[frame])

    @property
    def can_undo(self) -> bool:
        return bool(self._done) and all(self._history(f).IsRestorePreviousStateAvailable() for f in self._done[-1])

    @property
    def can_redo(self) -> bool:
        # An edit by hand ends the redo of its frame.
        return bool(self._undone) and all(self._history(f).IsRestoreNextStateAvailable() for f in self._undone[-1])

    def undo(self) -> tuple[int, ...]:
        """Takes back the last step, and returns the frames that it had changed; none if there is nothing to undo."""
        if not self.can_undo:
            return ()
        self._undone.append(self._done.pop())
        self._restore(self._undone[-1], "RestorePreviousState")
        return self._undone[-1]

    def redo(self) -> tuple[int, ...]:
        """Does the last undone step again, and returns its frames; none if there is nothing to redo."""
        if not self.can_redo:
            return ()
        self._done.append(self._undone.pop())
        self._restore(self._done[-1], "RestoreNextState")
        return self._done[-1]

    def edited_slices(self) -> tuple[tuple[int, int], ...]:
        """(frame, slice) of all slices that a person has changed, in Segment Editor or elsewhere, since our writing."""
        frames = range(self.nodes.frames)
        labels = {frame: read_frame(self.nodes, frame).labels for frame in frames}
        return tuple(
            (f, slice_number) for f in frames for slice_number in changed_slices(self.nodes.keeper, f, labels[f])
        )

    def accept(self, slices: Iterable[tuple[int, int]]) -> None:
        """Takes slices as they are now: `edited_slices` names them no more until they are changed again."""
        for frame, slice_number in slices:
            mark_written(self.nodes.keeper, frame, (slice_number,), read_frame(self.nodes, frame).labels)

    def _merged(self, frame: int, slices: Mapping[int, Array]) -> Array:
        shape = self.nodes.shape
        # Reading takes as long as writing: not where nothing of what is read would stay.
        labels = np.zeros(shape, dtype=np.uint8) if len(slices) == shape[0] else read_frame(self.nodes, frame).labels
        for slice_number, part in slices.items():
            if not 0 <= slice_number < len(labels):
                raise IndexError(f"There is no slice {slice_number} among {len(labels)}.")
            labels[slice_number] = part
        return labels

    def _save(self, frames: tuple[int, ...]) -> None:
        for frame in frames:
            self._history(frame).SaveState()
        self._done = [*self._done, frames][-UNDO_STEPS:]
        self._undone.clear()

    def _history(self, frame: int) -> slicer.vtkSegmentationHistory:
        segmentation = self.nodes.item(frame).GetSegmentation()
        history = self._histories.get(frame)
        if history is None or history.GetSegmentation() is not segmentation:
            history = self._histories[frame] = slicer.vtkSegmentationHistory()
            # One more than the steps: undo itself saves the state that redo returns to.
            history.SetMaximumNumberOfStates(UNDO_STEPS + 1)
            history.SetSegmentation(segmentation)
        return history

    def _restore(self, frames: tuple[int, ...], how: str) -> None:
        before = {frame: read_frame(self.nodes, frame).labels for frame in frames}
        with writing(self.nodes, frames):
            for frame in frames:
                getattr(self._history(frame), how)()
                now = read_frame(self.nodes, frame).labels
                ours = np.flatnonzero((now != before[frame]).any(axis=(1, 2))).tolist()
                mark_written(self.nodes.keeper, frame, ours, now)
