"""What every automatic segmenter offers, and how one is made from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from CardioSAMLib.cine import Cine
from CardioSAMLib.labels import CineSegmentation
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.resources import ModelCard


class Segmenter(Protocol):
    """Draws LV, MYO and RV on frames of a short-axis cine."""

    def segment(self, cine: Cine, frames: Sequence[int], progress: Progress = silent) -> CineSegmentation:
        """Labels of the given 0-based frames on the cine's own grid; the other frames stay background."""
        ...


def segmenter_of(card: ModelCard) -> Segmenter:
    """The segmenter of a catalogue entry.

    Raises UnusableInput if its file is missing, is not the one of the catalogue, or wants another preprocessing.
    """
    from CardioSAMLib.segmentation.automatic import CropSegmenter
    from CardioSAMLib.segmentation.onnx_network import OnnxNetwork

    return CropSegmenter(OnnxNetwork(card), card)
