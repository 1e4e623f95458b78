"""The slice views on the planes of a stack: its slices in the red view, cuts along the stack in the others.

Slicer's own "rotate to volume plane" gives the red view the plane next to axial: in a short-axis stack, which is
oblique, that is as often a cut along the heart.
"""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util

from CardioSAMLib.cine import Array
from CardioSAMLib.mrml.geometry import ras_position, world_matrix

# Directions of the stack (0 along a row, 1 down a column, 2 up the stack, with sign) on the screen: to the right, up,
# and away. The slices lie as in the files: rows from left to right, the first on top.
_COLUMN, _ROW, _STACK = 0, 1, 2
_PLANES = {
    "Red": ((_COLUMN, 1.0), (_ROW, -1.0), (_STACK, 1.0)),
    "Green": ((_COLUMN, 1.0), (_STACK, 1.0), (_ROW, 1.0)),
    "Yellow": ((_ROW, 1.0), (_STACK, 1.0), (_COLUMN, 1.0)),
}


def show_stack(volume_node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Has the three slice views show a volume, whole and centered; views of other names stay as they are.

    Raises UnusableInput where a parent transform of the volume is not linear.
    """
    directions = world_matrix(volume_node)[:3, :3]
    directions = directions / np.linalg.norm(directions, axis=0)
    center = _center_of(volume_node)
    application_logic = slicer.app.applicationLogic()
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        logic = application_logic.GetSliceLogic(view)
        if view.GetLayoutName() not in _PLANES or logic is None:
            continue
        logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume_node.GetID())
        _turn(view, np.stack([sign * directions[:, axis] for axis, sign in _PLANES[view.GetLayoutName()]], axis=1))
        logic.FitSliceToBackground()
        view.JumpSliceByCentering(*center)


def _turn(view: slicer.vtkMRMLSliceNode, axes: Array) -> None:
    """axes: float (3, 3), a column each for right, up and away on the screen, in RAS."""
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    slicer.util.updateVTKMatrixFromArray(view.GetSliceToRAS(), matrix)
    view.UpdateMatrices()


def _center_of(volume_node: slicer.vtkMRMLScalarVolumeNode) -> tuple[float, float, float]:
    """The middle of the image, on a slice and not between two."""
    columns, rows, slices = volume_node.GetImageData().GetDimensions()
    return ras_position(volume_node, ((slices - 1) // 2, (rows - 1) / 2.0, (columns - 1) / 2.0))
