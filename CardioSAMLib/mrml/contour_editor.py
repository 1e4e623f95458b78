"""Changing contours of the scene slice by slice, as clicks do; and finding what a person drew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from CardioSAMLib.cine import Array
from CardioSAMLib.mrml.parts import Parts, finished
from CardioSAMLib.mrml.segmentations import SegmentationNodes, put_in_parts, read_frame
from CardioSAMLib.mrml.segments import FrameLabels, LabelmapImporter
from CardioSAMLib.mrml.written_slices import changed_slices, mark_written

SliceLabels = Mapping[tuple[int, int], Array]
"""Labels of slices by (frame, slice), 0-based: uint8 `(rows, columns)` in the `STORAGE` order."""


class ContourEditor:
    """Writes slices of the contours of one cine. read: how a frame is read; what it returns is not changed."""

    def __init__(
        self, nodes: SegmentationNodes, read: Callable[[SegmentationNodes, int], FrameLabels] = read_frame
    ) -> None:
        self.nodes = nodes
        self._read = read
        # Kept from click to click: making and removing its scene costs more than the writing itself.
        self._importer = LabelmapImporter(nodes.ijk_to_ras)

    def labels_of(self, frame: int) -> Array:
        """uint8 `(slices, rows, columns)` as they are now; not to be changed."""
        return self._read(self.nodes, frame).labels

    def write(self, labels_of_slice: SliceLabels) -> SliceLabels:
        """Replaces the contours of slices; the other slices of the frames stay. Returns the contours they had before.

        Raises IndexError if there is no such frame or slice.
        """
        return finished(self.write_in_parts(labels_of_slice))

    def write_in_parts(self, labels_of_slice: SliceLabels) -> Parts[SliceLabels]:
        """As `write`, some frames at a time; nothing is written where a slice does not exist."""
        by_frame: dict[int, dict[int, Array]] = defaultdict(dict)
        for (frame, slice_number), labels in labels_of_slice.items():
            self._check(frame, slice_number)
            by_frame[frame][slice_number] = labels
        before: dict[tuple[int, int], Array] = {}

        def put(frame: int) -> Array:
            former = self.labels_of(frame)
            before.update({(frame, number): former[number] for number in by_frame[frame]})
            labels = former.copy()
            for number, new in by_frame[frame].items():
                labels[number] = new
            self._importer.replace(self.nodes.item(frame).GetSegmentation(), labels)
            # Read back here and not all frames at once by whoever asks next.
            return self.labels_of(frame)

        yield from put_in_parts(self.nodes, by_frame, put)
        return before

    def edited_slices(self) -> tuple[tuple[int, int], ...]:
        """(frame, slice) of all slices that a person has changed, in Segment Editor or elsewhere, since our writing."""
        looks = {frame: self._read(self.nodes, frame).looks for frame in range(self.nodes.frames)}
        return changed_slices(self.nodes.keeper, looks)

    def accept(self, slices: Iterable[tuple[int, int]]) -> None:
        """Takes slices as they are now: `edited_slices` names them no more until they are changed again."""
        mark_written(self.nodes.keeper, {(f, number): self._read(self.nodes, f).looks[number] for f, number in slices})

    def _check(self, frame: int, slice_number: int) -> None:
        slices = self.nodes.shape[0]
        if not 0 <= frame < self.nodes.frames:
            raise IndexError(f"There is no frame {frame} among {self.nodes.frames}.")
        if not 0 <= slice_number < slices:
            raise IndexError(f"There is no slice {slice_number} among {slices}.")
