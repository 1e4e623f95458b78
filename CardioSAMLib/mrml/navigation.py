"""Which frame and slice of a study is looked at, and how to get to another."""

from __future__ import annotations

import slicer
import slicer.util

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.mrml.geometry import ras_position
from CardioSAMLib.mrml.studies import SceneStudy


def shown_frame(study: SceneStudy) -> int:
    """The 0-based frame that the browser shows; 0 for a volume of one frame."""
    browser = study.browser
    return 0 if browser is None else max(int(browser.GetSelectedItemNumber()), 0)


def show_frame(study: SceneStudy, frame: int) -> None:
    """Has the browser show a frame. Raises UnusableInput where there is none such."""
    browser = study.browser
    frames = 1 if browser is None else int(browser.GetNumberOfItems())
    if not 0 <= frame < frames:
        raise UnusableInput(f"{study.name} has no frame {frame}; choose one from 0 to {frames - 1}.")
    if browser is not None:
        browser.SetSelectedItemNumber(frame)


def go_to(study: SceneStudy, frame: int | None, slice_number: int | None) -> tuple[float, float, float]:
    """Shows a frame (None: stays at the one shown) and brings a slice (None: the middle one) into the slice views.

    Returns the center of the slice, RAS in mm, on which all views are set.
    Raises UnusableInput where there is no such frame or slice, or the volume is gone.
    """
    volume = study.volume
    if volume is None or volume.GetImageData() is None:
        raise UnusableInput(f"The volume of {study.name} is no longer in the scene; load it again.")
    columns, rows, slices = volume.GetImageData().GetDimensions()
    number = (slices - 1) // 2 if slice_number is None else slice_number
    if not 0 <= number < slices:
        raise UnusableInput(f"{study.name} has no slice {number}; choose one from 0 to {slices - 1}.")
    if frame is not None:
        show_frame(study, frame)
    center = ras_position(volume, (number, (rows - 1) / 2.0, (columns - 1) / 2.0))
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *center, slicer.vtkMRMLSliceNode.OffsetJumpSlice)
    return center
