"""Voxels <-> positions in the scene: our LPS geometry and MRML's RAS matrices, parent transforms included.

A matrix `ijk_to_ras` is 4x4 and takes (column, row, slice, 1) to RAS millimeters. This is the one place where LPS
becomes RAS and back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
import slicer.util
import vtk

from CardioSAMLib.cine import Array, Geometry, UnusableInput

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def matrix_of(geometry: Geometry) -> Array:
    """ijk_to_ras of a geometry. MRML has one distance between slices: the usual one, where they are irregular."""
    row_mm, column_mm, slice_mm = geometry.spacing_mm
    ijk_to_lps = np.eye(4)
    ijk_to_lps[:3, :3] = np.asarray(geometry.direction) * [column_mm, row_mm, slice_mm]
    ijk_to_lps[:3, 3] = geometry.origin_mm
    return np.asarray(_LPS_TO_RAS @ ijk_to_lps)


def geometry_of_matrix(ijk_to_ras: Array, slice_positions_mm: Sequence[float] | None = None) -> Geometry:
    """The geometry that a matrix stands for. Raises UnusableInput where its axes are not perpendicular."""
    ijk_to_lps = _LPS_TO_RAS @ ijk_to_ras
    column_mm, row_mm, slice_mm = np.linalg.norm(ijk_to_lps[:3, :3], axis=0).tolist()
    # A collapsed axis is left as it is: Geometry refuses its spacing of 0.
    direction = ijk_to_lps[:3, :3] / np.where([column_mm, row_mm, slice_mm], [column_mm, row_mm, slice_mm], 1.0)
    if column_mm and row_mm and slice_mm and not np.allclose(direction.T @ direction, np.eye(3), atol=1e-3):
        raise UnusableInput(
            "The transform above the volume skews it, and its slices are no longer rectangles; "
            "take the volume out of the transform."
        )
    return Geometry(
        spacing_mm=(row_mm, column_mm, slice_mm),
        origin_mm=(float(ijk_to_lps[0, 3]), float(ijk_to_lps[1, 3]), float(ijk_to_lps[2, 3])),
        direction=tuple(map(tuple, direction.tolist())),
        slice_positions_mm=None if slice_positions_mm is None else tuple(slice_positions_mm),
    )


def set_geometry(volume_node: slicer.vtkMRMLVolumeNode, geometry: Geometry) -> None:
    """Places a volume as the geometry says, before any parent transform."""
    matrix = vtk.vtkMatrix4x4()
    slicer.util.updateVTKMatrixFromArray(matrix, matrix_of(geometry))
    volume_node.SetIJKToRASMatrix(matrix)


def local_matrix(volume_node: slicer.vtkMRMLVolumeNode) -> Array:
    """ijk_to_ras of a volume without its parent transforms."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return np.asarray(slicer.util.arrayFromVTKMatrix(matrix))


def world_matrix(volume_node: slicer.vtkMRMLVolumeNode) -> Array:
    """ijk_to_ras of a volume as it stands in the views, under all its parent transforms.

    Raises UnusableInput where one of them is not linear.
    """
    transform_node = volume_node.GetParentTransformNode()
    if transform_node is None:
        return local_matrix(volume_node)
    if not transform_node.IsTransformToWorldLinear():
        raise UnusableInput(
            f"The volume {volume_node.GetName()} is under a transform that bends it; "
            "take it out of the transform, or harden the transform."
        )
    to_world = vtk.vtkMatrix4x4()
    transform_node.GetMatrixTransformToWorld(to_world)
    return np.asarray(slicer.util.arrayFromVTKMatrix(to_world) @ local_matrix(volume_node))


def slice_position(volume_node: slicer.vtkMRMLVolumeNode, ras: Sequence[float]) -> tuple[float, float, float]:
    """Where a world position lies in a volume: continuous (slice, row_px, column_px), not limited to the image.

    Whole numbers are voxel centers. Raises UnusableInput where a parent transform is not linear.
    """
    column, row, slice_number, _ = np.linalg.solve(world_matrix(volume_node), [*ras, 1.0]).tolist()
    return slice_number, row, column


def ras_position(volume_node: slicer.vtkMRMLVolumeNode, position: Sequence[float]) -> tuple[float, float, float]:
    """The world position, RAS in mm, of a continuous (slice, row_px, column_px): the inverse of `slice_position`."""
    slice_number, row, column = position
    r, a, s, _ = (world_matrix(volume_node) @ [column, row, slice_number, 1.0]).tolist()
    return r, a, s
