"""ROI nodes <-> boxes in the pixels of a slice, however the ROI and the volume are turned."""

from __future__ import annotations

import itertools
import math

import numpy as np
import slicer
import slicer.util
import vtk

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.mrml.geometry import local_matrix, slice_position
from CardioSAMLib.prompts import BoxPrompt

# Less than the whole interval, so that the planes of the neighboring slices do not touch it.
_DEPTH = 0.9
_ROUNDING = 1e-6
_CORNERS = tuple(itertools.product((-0.5, 0.5), repeat=3))
_EDGES = tuple(
    (a, b)
    for a, b in itertools.combinations(range(8), 2)
    if sum(x != y for x, y in zip(_CORNERS[a], _CORNERS[b], strict=True)) == 1
)


def box_of(
    volume_node: slicer.vtkMRMLScalarVolumeNode, roi_node: slicer.vtkMRMLMarkupsROINode
) -> tuple[int, BoxPrompt]:
    """The slice in which the center of an ROI lies, and the box around what the ROI cuts out of it.

    What reaches beyond the image is cut off. Raises UnusableInput where the ROI lies outside of it or has no area.
    """
    slices, rows, columns = slicer.util.arrayFromVolume(volume_node).shape
    to_world = slicer.util.arrayFromVTKMatrix(roi_node.GetObjectToWorldMatrix())
    sides = np.array([*roi_node.GetSize(), 1.0])
    corners = [to_world @ (np.array([*corner, 1.0]) * sides) for corner in _CORNERS]
    center = slice_position(volume_node, to_world[:3, 3])
    number = math.floor(center[0] + 0.5)
    if not 0 <= number < slices:
        raise UnusableInput(f"The box {roi_node.GetName()} lies beyond the stack; draw it on one of its slices.")
    cut = _cut(np.array([slice_position(volume_node, corner[:3]) for corner in corners]), float(number))
    first, last = cut.min(axis=0), cut.max(axis=0)
    if np.any(last < -0.5) or np.any(first > np.array([rows, columns]) - 0.5):
        raise UnusableInput(f"The box {roi_node.GetName()} lies beside the image; draw it on the image.")
    first, last = np.maximum(first, 0.0), np.minimum(last, np.array([rows, columns]) - 1.0)
    return number, BoxPrompt(first[0], first[1], last[0], last[1])


def fit_to_slice(
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    roi_node: slicer.vtkMRMLMarkupsROINode,
    box: BoxPrompt,
    slice_number: int,
) -> None:
    """Makes an ROI show that box: along the pixels, on its own slice only, under the transform of the volume."""
    ijk_to_ras = local_matrix(volume_node)
    steps_mm = np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    center = (box.first_column_px + box.last_column_px, box.first_row_px + box.last_row_px, 2.0 * slice_number)
    placed = np.eye(4)
    placed[:3, :2] = ijk_to_ras[:3, :2] / steps_mm[:2]
    # Right-handed whatever the volume is: a mirrored ROI cannot be drawn, and a box is the same either way.
    placed[:3, 2] = np.cross(placed[:3, 0], placed[:3, 1])
    placed[:3, 3] = (ijk_to_ras @ [*(value / 2.0 for value in center), 1.0])[:3]
    matrix = vtk.vtkMatrix4x4()
    slicer.util.updateVTKMatrixFromArray(matrix, placed)
    width, height = box.last_column_px - box.first_column_px, box.last_row_px - box.first_row_px
    modifying = roi_node.StartModify()
    roi_node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    roi_node.SetAndObserveObjectToNodeMatrix(matrix)
    roi_node.SetSize(width * steps_mm[0], height * steps_mm[1], _DEPTH * steps_mm[2])
    roi_node.EndModify(modifying)


def _cut(corners: Array, plane: float) -> Array:
    """Where the edges of a box with these corners (slice, row, column) `(8, 3)` pass a slice: (row, column) `(n, 2)`.

    A box that ends before the slice, as a flat one between two slices does, is cut at its end.
    """
    plane = float(np.clip(plane, corners[:, 0].min(), corners[:, 0].max()))
    points = []
    for a, b in _EDGES:
        low, high = sorted((corners[a], corners[b]), key=lambda corner: float(corner[0]))
        if low[0] - _ROUNDING <= plane <= high[0] + _ROUNDING:
            length = high[0] - low[0]
            # An edge in the plane of the slice is cut at both ends, by itself and by its neighbors.
            share = 0.0 if length < _ROUNDING else min(max((plane - low[0]) / length, 0.0), 1.0)
            points.append((low + share * (high - low))[1:])
    return np.array(points)
