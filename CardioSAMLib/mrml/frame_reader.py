"""Reading contours again and again: a frame is read anew only where its segments were changed."""

from __future__ import annotations

from typing import Any

from CardioSAMLib.mrml.segmentations import SegmentationNodes, read_frame
from CardioSAMLib.mrml.segments import BINARY_LABELMAP, FrameLabels


class FrameReader:
    """`read_frame` with a memory. What it returns must not be changed."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, FrameLabels]] = {}

    def __call__(self, nodes: SegmentationNodes, frame: int) -> FrameLabels:
        """The contours of one frame as they are in the scene now."""
        signature = _signature(nodes, frame)
        kept = self._kept.get(frame)
        if kept is None or kept[0] != signature:
            kept = self._kept[frame] = (signature, read_frame(nodes, frame))
        return kept[1]


def _signature(nodes: SegmentationNodes, frame: int) -> Any:
    """Changes with any segment of a frame, and with the grid. VTK gives each change a time of its own."""
    segmentation = nodes.item(frame).GetSegmentation()
    segments = []
    for number in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(number)
        image = segment.GetRepresentation(BINARY_LABELMAP)
        changed = (segment.GetMTime(), None if image is None else image.GetMTime())
        segments.append((segmentation.GetNthSegmentID(number), changed))
    return segmentation, tuple(segments), nodes.ijk_to_ras.tobytes()
