"""The labels of one frame <-> the segments of one segmentation: ids, terminology, colors, one shared labelmap."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.mrml.written_slices import look_of
from CardioSAMLib.resources import resources_dir

BINARY_LABELMAP = "Binary labelmap"
CLOSED_SURFACE = "Closed surface"
TERMINOLOGY_CONTEXT = "CardioSAM"

STRUCTURES = tuple(STORAGE.structures[value] for value in sorted(STORAGE.structures))
"""In the order of our labels 1, 2, 3, on which the import of a labelmap relies."""

PRECEDENCE = (Structure.LV, Structure.MYO, Structure.RV)
"""Who keeps a voxel that two segments claim."""

_SAME_GRID_PX = 0.01


def segment_id(structure: Structure) -> str:
    """The id of a structure's segment, the same in every frame and every study: "LV", "MYO", "RV"."""
    return structure.name


def terminology_file() -> Path:
    """The terminology of our segments; Slicer's own lists lack the myocardium of the left ventricle."""
    return resources_dir() / "terminology.json"


def load_terminology() -> None:
    """Makes the terminology selectable in the application. Raises RuntimeError where its file is damaged."""
    logic = slicer.modules.terminologies.logic()
    if logic.LoadTerminologyFromFile(str(terminology_file())) != TERMINOLOGY_CONTEXT:
        raise RuntimeError(f"{terminology_file()} is no terminology; install CardioSAM again.")


def terminology_entry(structure: Structure) -> str:
    """The structure as Slicer writes terminology: context, category, type; no modifier, no anatomic region."""
    codes = f"SCT^123037004^Anatomical Structure~SCT^{structure.snomed_code}^{structure.meaning}"
    return f"{TERMINOLOGY_CONTEXT}~{codes}~^^~~^^~^^"


def add_segments(segmentation: slicer.vtkSegmentation) -> None:
    """Our three segments, empty, to a segmentation that lacks them."""
    for structure in STRUCTURES:
        if segmentation.GetSegment(segment_id(structure)) is not None:
            continue
        segment = slicer.vtkSegment()
        segment.SetName(structure.meaning)
        segment.SetColor(*(part / 255.0 for part in structure.color_rgb))
        segment.SetTag(segment.GetTerminologyEntryTagName(), terminology_entry(structure))
        segmentation.AddSegment(segment, segment_id(structure))


@dataclass
class LabelmapImporter:
    """Turns label arrays into segments, in a scene of its own: the nodes in between are never seen by the user.

    There no parent transform can reach them either, so that voxels go into voxels. ijk_to_ras: of the cine, without
    its parent transforms.
    """

    ijk_to_ras: Array
    _scene: Any = field(init=False)
    _labelmap: Any = field(init=False)
    node: Any = field(init=False)

    def __post_init__(self) -> None:
        self._scene = slicer.vtkMRMLScene()
        self._labelmap = self._scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        self.node = self._scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        add_segments(self.node.GetSegmentation())
        matrix = vtk.vtkMatrix4x4()
        slicer.util.updateVTKMatrixFromArray(matrix, self.ijk_to_ras)
        self._labelmap.SetIJKToRASMatrix(matrix)

    def fill(self, labels: Array) -> slicer.vtkMRMLSegmentationNode:
        """The scratch node with the labels of a frame, uint8 `(slices, rows, columns)` in the `STORAGE` order.

        One import for all structures: one layer, in which segments cannot overlap.
        """
        slicer.util.updateVolumeFromArray(self._labelmap, labels)
        self.node.SetReferenceImageGeometryParameterFromVolumeNode(self._labelmap)
        ids = vtk.vtkStringArray()
        for structure in STRUCTURES:
            ids.InsertNextValue(segment_id(structure))
        logic = slicer.modules.segmentations.logic()
        if not logic.ImportLabelmapToSegmentationNode(self._labelmap, self.node, ids):
            raise RuntimeError("3D Slicer did not take the contours of a frame.")
        return self.node

    def replace(self, segmentation: slicer.vtkSegmentation, labels: Array) -> None:
        """Puts the labels of a frame into our segments of a segmentation; other segments stay as they are."""
        add_segments(segmentation)
        filled = self.fill(labels).GetSegmentation()
        image = slicer.vtkOrientedImageData()
        image.DeepCopy(filled.GetSegment(segment_id(STRUCTURES[0])).GetRepresentation(BINARY_LABELMAP))
        for structure in STRUCTURES:
            segment = segmentation.GetSegment(segment_id(structure))
            segment.SetLabelValue(STORAGE.value_of(structure))
            segment.AddRepresentation(BINARY_LABELMAP, image)
            # Slicer would go on showing the surface of the contours of before.
            segment.RemoveRepresentation(CLOSED_SURFACE)


@dataclass(frozen=True)
class FrameLabels:
    """What the segments of a frame say. labels: uint8 `(slices, rows, columns)` in the `STORAGE` order.

    overlap_voxels: voxels that several of our segments claimed. missing: structures without a segment.
    unknown: names of segments that are none of our structures.
    """

    labels: Array
    overlap_voxels: int
    missing: tuple[Structure, ...]
    unknown: tuple[str, ...]

    @cached_property
    def looks(self) -> tuple[str, ...]:
        """`look_of` each slice."""
        return tuple(map(look_of, self.labels))


def read_labels(segmentation: slicer.vtkSegmentation, ijk_to_ras: Array, shape: tuple[int, ...]) -> FrameLabels:
    """The labels of one frame on the grid `ijk_to_ras` of `(slices, rows, columns)`, by fixed rules (`PRECEDENCE`).

    Raises UnusableInput where the segmentation holds surfaces only.
    """
    labels = np.zeros(shape, dtype=np.uint8)
    overlap, missing = 0, []
    claimed = np.zeros(shape, dtype=bool)
    for structure in PRECEDENCE:
        segment = segmentation.GetSegment(segment_id(structure))
        if segment is None:
            missing.append(structure)
            continue
        mask = _mask(segment, ijk_to_ras, shape)
        overlap += int(np.count_nonzero(mask & claimed))
        labels[mask & ~claimed] = STORAGE.value_of(structure)
        claimed |= mask
    ours = {segment_id(structure) for structure in STRUCTURES}
    names = {segmentation.GetNthSegmentID(n): n for n in range(segmentation.GetNumberOfSegments())}
    unknown = tuple(segmentation.GetNthSegment(number).GetName() for id_, number in names.items() if id_ not in ours)
    return FrameLabels(labels, overlap, tuple(missing), unknown)


def _mask(segment: slicer.vtkSegment, ijk_to_ras: Array, shape: tuple[int, ...]) -> Array:
    """bool `(slices, rows, columns)`. An editor may have grown, shrunk or moved the labelmap's extent."""
    mask = np.zeros(shape, dtype=bool)
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if image is None:
        if segment.GetRepresentation(CLOSED_SURFACE) is not None:
            raise UnusableInput(
                f"The segment {segment.GetName()} is a surface without voxels; "
                "make Binary labelmap its source representation in the module Segmentations."
            )
        return mask
    if image.IsEmpty():
        return mask
    shift = _shift(image, ijk_to_ras)
    if shift is None:
        image = _resampled(image, ijk_to_ras, shape)
        shift = (0, 0, 0)
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    extent = image.GetExtent()
    into, out_of = [], []
    for axis, size in enumerate(shape):
        # Array axes run slice, row, column; an extent runs column, row, slice.
        first = extent[2 * (2 - axis)] + shift[axis]
        start, stop = max(first, 0), min(first + values.shape[axis], size)
        into.append(slice(start, max(start, stop)))
        out_of.append(slice(start - first, max(start, stop) - first))
    mask[tuple(into)] = values[tuple(out_of)] == segment.GetLabelValue()
    return mask


def _shift(image: slicer.vtkOrientedImageData, ijk_to_ras: Array) -> tuple[int, int, int] | None:
    """Whole voxels (slice, row, column) from an image's indices to the grid's; None where the grids differ."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    between = np.linalg.solve(ijk_to_ras, slicer.util.arrayFromVTKMatrix(matrix))
    steps = np.rint(between[:3, 3])
    reach = max(image.GetDimensions())
    if np.abs(between[:3, :3] - np.eye(3)).max() * reach > _SAME_GRID_PX:
        return None
    if np.abs(between[:3, 3] - steps).max() > _SAME_GRID_PX:
        return None
    column, row, slice_number = steps.astype(int).tolist()
    return slice_number, row, column


def _resampled(
    image: slicer.vtkOrientedImageData, ijk_to_ras: Array, shape: tuple[int, ...]
) -> slicer.vtkOrientedImageData:
    """The nearest label at each voxel of the grid."""
    matrix = vtk.vtkMatrix4x4()
    slicer.util.updateVTKMatrixFromArray(matrix, ijk_to_ras)
    grid, resampled = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
    grid.SetExtent(0, shape[2] - 1, 0, shape[1] - 1, 0, shape[0] - 1)
    grid.SetImageToWorldMatrix(matrix)
    grid.AllocateScalars(image.GetScalarType(), 1)
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    if not resample(image, grid, resampled, False):
        raise RuntimeError("3D Slicer did not resample a segment.")
    return resampled
