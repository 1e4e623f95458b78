"""Which slice of a study the slice views show."""

from __future__ import annotations

import math

import slicer
import slicer.util

from CardioSAMLib.mrml.geometry import slice_position
from CardioSAMLib.mrml.studies import SceneStudy

_FIRST_VIEW = "Red"


def first_view() -> slicer.vtkMRMLSliceNode | None:
    """The slice view that is looked at first: the red one where it is in the scene; None without any."""
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return min(views, key=lambda view: view.GetLayoutName() != _FIRST_VIEW, default=None)


def shown_slice(study: SceneStudy) -> int | None:
    """The 0-based slice nearest to the center of the first slice view; None without a view or an image."""
    view, volume = first_view(), study.volume
    if view is None or volume is None or volume.GetImageData() is None:
        return None
    to_ras = view.GetSliceToRAS()
    center = [to_ras.GetElement(axis, 3) for axis in range(3)]
    slices = int(volume.GetImageData().GetDimensions()[2])
    return min(max(math.floor(slice_position(volume, center)[0] + 0.5), 0), slices - 1)
