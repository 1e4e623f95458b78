"""Markups of a study <-> prompts: points as fiducial lists, one per structure and sign, and boxes as ROI nodes.

Only nodes that the study refers to are prompts, never every markup of the scene. A point's frame stands in its
description and a box's in an attribute; the slice is where it lies, so that a prompt that was dragged is never wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import slicer
import slicer.util

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.mrml.geometry import ras_position, slice_position
from CardioSAMLib.mrml.prompt_boxes import box_of, fit_to_slice
from CardioSAMLib.mrml.studies import FrameSlices, SceneStudy
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, SlicePrompts, StructurePrompts

_BOXES = "boxes"
_STRUCTURE_ATTRIBUTE = "CardioSAM.Structure"
_FRAME_ATTRIBUTE = "CardioSAM.Frame"
_GLYPHS = {True: "Circle2D", False: "ThickCross2D"}
# Seen on every gray and on every structure: a cross in the structure's color is lost on its own contour.
_NEGATIVE_COLOR = (1.0, 1.0, 0.0)
_FRAME_PATTERN = re.compile(r"frame (\d+)")

PlacedPrompt = tuple[str, str]
"""Ids of a node and of one of its points; "" for a box as a whole."""

_NOWHERE: Mapping[PlacedPrompt, int] = {}


@dataclass(frozen=True)
class _PlacedPoint:
    """A control point of one of the lists. frame: None before `take_new_prompts`."""

    node: slicer.vtkMRMLMarkupsFiducialNode
    index: int
    structure: Structure
    positive: bool
    frame: int | None

    @property
    def placed(self) -> PlacedPrompt:
        return self.node.GetID(), self.node.GetNthControlPointID(self.index)

    def remove(self) -> None:
        self.node.RemoveNthControlPoint(self.index)


def point_list(study: SceneStudy, structure: Structure, positive: bool) -> slicer.vtkMRMLMarkupsFiducialNode:
    """The fiducial list that takes positive or negative points of a structure, made at first use."""
    role = _role(structure, positive)
    existing = study.part(role)
    if existing is not None:
        return existing
    node = study.obtain(role, "vtkMRMLMarkupsFiducialNode", f"{structure.name} {'+' if positive else '-'}")
    _prepare(study, node, structure)
    node.SetControlPointLabelFormat("")
    display = node.GetDisplayNode()
    display.SetGlyphTypeFromString(_GLYPHS[positive])
    if not positive:
        display.SetSelectedColor(_NEGATIVE_COLOR)
    return node


def new_box(study: SceneStudy, structure: Structure) -> slicer.vtkMRMLMarkupsROINode:
    """An ROI node that waits for its two corners; `take_new_prompts` makes it a prompt."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", f"{structure.name} box")
    study.add(_BOXES, node)
    _prepare(study, node, structure)
    node.SetAttribute(_STRUCTURE_ATTRIBUTE, structure.name)
    node.GetDisplayNode().SetFillVisibility(False)
    return node


def new_prompts(study: SceneStudy) -> frozenset[PlacedPrompt]:
    """The points and boxes that were placed since the last `take_new_prompts`."""
    points = {point.placed for point in _points(study) if point.frame is None}
    return frozenset(points | {_placed_box(node) for node in _boxes(study) if _frame_of_box(node) is None})


def take_new_prompts(study: SceneStudy, frame: int, placed_in: Mapping[PlacedPrompt, int] = _NOWHERE) -> FrameSlices:
    """Points and boxes that were placed since the last call become prompts; returns their slices.

    placed_in: the frame that was shown when each was placed; frame: that of those which are not among them.
    A box is turned onto the pixels and flattened onto its slice: what is seen is what the model gets. It replaces an
    earlier one of the same structure there.
    Raises UnusableInput where one lies outside of the image; it is removed again, the others are taken.
    """
    volume = _volume(study)
    taken, problems = set(), []
    fresh = [point for point in _points(study) if point.frame is None]
    # From the last index on, so that removing one leaves the others where they are.
    for point in reversed(fresh):
        try:
            number, _ = _slice_and_point(volume, point)
        except UnusableInput as error:
            point.remove()
            problems.append(error)
            continue
        own_frame = placed_in.get(point.placed, frame)
        point.node.SetNthControlPointDescription(point.index, f"frame {own_frame}")
        taken.add((own_frame, number))
    for node in _boxes(study):
        if _frame_of_box(node) is not None:
            continue
        own_frame = placed_in.get(_placed_box(node), frame)
        try:
            taken.add((own_frame, _take_box(study, volume, node, own_frame)))
        except UnusableInput as error:
            slicer.mrmlScene.RemoveNode(node)
            problems.append(error)
    if problems:
        raise problems[0]
    return frozenset(taken)


def remove_unfinished_boxes(study: SceneStudy, but: slicer.vtkMRMLMarkupsNode | None) -> None:
    """Removes the boxes of which a corner was never placed, but for the one that is being placed now."""
    for node in study.parts(_BOXES):
        if node is not but and not node.GetControlPointPlacementComplete():
            slicer.mrmlScene.RemoveNode(node)


def prompt_nodes(study: SceneStudy) -> tuple[slicer.vtkMRMLMarkupsNode, ...]:
    """All point lists and boxes of a study, with those that are still being placed."""
    lists = (study.part(_role(structure, positive)) for structure in Structure for positive in (True, False))
    return (*(node for node in lists if node is not None), *study.parts(_BOXES))


def prompts_of(study: SceneStudy, frame: int, slice_number: int, existing: Array | None = None) -> SlicePrompts | None:
    """All prompts of a slice at a frame, the study's frozen structures included; None where there are none.

    existing: labels uint8 `(rows, columns)` as they are. A structure with prompts then also shows the model its present
    contour, as a correction needs it; one without a contour that has negative points only is left out.
    Raises UnusableInput where a prompt of the frame was dragged off the image, or the prompts contradict each other.
    """
    volume = _volume(study)
    points: dict[Structure, list[PointPrompt]] = {structure: [] for structure in Structure}
    boxes: dict[Structure, BoxPrompt] = {}
    for placed in _points(study):
        if placed.frame == frame:
            number, point = _slice_and_point(volume, placed)
            if number == slice_number:
                points[placed.structure].append(point)
    for node in _boxes(study):
        if _frame_of_box(node) == frame:
            number, box = box_of(volume, node)
            if number == slice_number:
                boxes[_structure_of(node)] = box
    prompted = [structure for structure in Structure if points[structure] or structure in boxes]
    masks = _masks(existing, prompted)
    if existing is not None:
        # Negative points alone say nothing where nothing is drawn, as after they have emptied a structure.
        prompted = [s for s in prompted if s in masks or s in boxes or any(point.positive for point in points[s])]
    if not prompted:
        return None
    return SlicePrompts(
        frame,
        slice_number,
        tuple(StructurePrompts(s, tuple(points[s]), boxes.get(s), masks.get(s)) for s in prompted),
        study.frozen,
    )


def marks_of_slices(study: SceneStudy) -> dict[tuple[int, int], frozenset[object]]:
    """What was placed on each (frame, slice), only to be compared: it differs where the prompts do.

    Unlike prompts, it need not make sense: a structure may have negative points only, a point may contradict a box.
    """
    volume = _volume(study)
    marks: dict[tuple[int, int], set[object]] = {}
    for placed in _points(study):
        number, row, column = (round(index, 3) for index in slice_position(volume, _world(placed)))
        if placed.frame is not None:
            key = placed.frame, math.floor(number + 0.5)
            marks.setdefault(key, set()).add((placed.structure, placed.positive, row, column))
    for node in _boxes(study):
        frame = _frame_of_box(node)
        with suppress(UnusableInput):  # dragged off the image
            number, box = box_of(volume, node)
            if frame is not None:
                marks.setdefault((frame, number), set()).add((_structure_of(node), box))
    return {key: frozenset(found) for key, found in marks.items()}


def place_prompts(study: SceneStudy, prompts: SlicePrompts) -> None:
    """Puts prompts into the scene as if they had been clicked, in place of those of their slice. Masks are left out."""
    remove_prompts(study, prompts.frame, prompts.slice_number)
    volume = _volume(study)
    for own in prompts.structures:
        for point in own.points:
            ras = ras_position(volume, (prompts.slice_number, point.row_px, point.column_px))
            node = point_list(study, own.structure, point.positive)
            index = node.AddControlPointWorld(*ras)
            node.SetNthControlPointDescription(index, f"frame {prompts.frame}")
        if own.box is not None:
            node = new_box(study, own.structure)
            fit_to_slice(volume, node, own.box, prompts.slice_number)
            node.SetAttribute(_FRAME_ATTRIBUTE, str(prompts.frame))


def remove_prompts(study: SceneStudy, frame: int, slice_number: int) -> None:
    """Removes all prompts of a slice at a frame from the scene."""
    volume = _volume(study)
    for point in reversed(list(_points(study))):
        here = math.floor(slice_position(volume, _world(point))[0] + 0.5) == slice_number
        if point.frame == frame and here:
            point.remove()
    for node in _boxes(study):
        if _frame_of_box(node) == frame and box_of(volume, node)[0] == slice_number:
            slicer.mrmlScene.RemoveNode(node)


def show_prompts(study: SceneStudy, frame: int) -> None:
    """Shows the prompts of a frame, and those that were just placed, and hides those of the others."""
    for point in _points(study):
        visible = point.frame in (None, frame)
        if point.node.GetNthControlPointVisibility(point.index) != visible:
            point.node.SetNthControlPointVisibility(point.index, visible)
    for node in _boxes(study):
        node.GetDisplayNode().SetVisibility(_frame_of_box(node) in (None, frame))


def _points(study: SceneStudy) -> Iterator[_PlacedPoint]:
    """All points that have a position; those that are still being placed have none."""
    for structure in Structure:
        for positive in (True, False):
            for node in study.parts(_role(structure, positive)):
                for index in range(node.GetNumberOfControlPoints()):
                    if node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined:
                        found = _FRAME_PATTERN.fullmatch(node.GetNthControlPointDescription(index))
                        yield _PlacedPoint(node, index, structure, positive, int(found[1]) if found else None)


def _boxes(study: SceneStudy) -> tuple[slicer.vtkMRMLMarkupsROINode, ...]:
    """The ROI nodes whose corners are both placed."""
    return tuple(node for node in study.parts(_BOXES) if node.GetControlPointPlacementComplete())


def _slice_and_point(volume: slicer.vtkMRMLScalarVolumeNode, placed: _PlacedPoint) -> tuple[int, PointPrompt]:
    position = slice_position(volume, _world(placed))
    if not _is_inside(volume, position):
        raise UnusableInput(
            f"A point of {placed.node.GetName()} lies outside of the image; put it on one of the slices, or remove it."
        )
    return math.floor(position[0] + 0.5), PointPrompt(position[1], position[2], placed.positive)


def _take_box(
    study: SceneStudy, volume: slicer.vtkMRMLScalarVolumeNode, node: slicer.vtkMRMLMarkupsROINode, frame: int
) -> int:
    structure = _structure_of(node)
    number, box = box_of(volume, node)
    for other in _boxes(study):
        same = _structure_of(other) is structure and _frame_of_box(other) == frame
        if same and box_of(volume, other)[0] == number:
            slicer.mrmlScene.RemoveNode(other)
    fit_to_slice(volume, node, box, number)
    node.SetAttribute(_FRAME_ATTRIBUTE, str(frame))
    return number


def _prepare(study: SceneStudy, node: slicer.vtkMRMLMarkupsNode, structure: Structure) -> None:
    """Under the transform of the volume, so that prompts move with it; in the structure's color."""
    node.SetAndObserveTransformNodeID(_volume(study).GetTransformNodeID())
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    # Control points are "selected" unless the user says otherwise.
    display.SetSelectedColor([part / 255.0 for part in structure.color_rgb])
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)


def _masks(existing: Array | None, structures: list[Structure]) -> Mapping[Structure, Array]:
    if existing is None:
        return {}
    masks = {structure: np.asarray(existing == STORAGE.value_of(structure)) for structure in structures}
    return {structure: mask for structure, mask in masks.items() if mask.any()}


def _volume(study: SceneStudy) -> slicer.vtkMRMLScalarVolumeNode:
    if study.volume is None:
        raise UnusableInput(f"The volume of {study.name} is no longer in the scene; load it again.")
    return study.volume


def _is_inside(volume_node: slicer.vtkMRMLScalarVolumeNode, position: tuple[float, float, float]) -> bool:
    """Whether a (slice, row, column) lies in a voxel: within half a slice interval of the nearest slice, too."""
    sizes = volume_node.GetImageData().GetDimensions()[::-1]
    return all(-0.5 <= index < size - 0.5 for index, size in zip(position, sizes, strict=True))


def _world(placed: _PlacedPoint) -> tuple[float, float, float]:
    x, y, z = placed.node.GetNthControlPointPositionWorld(placed.index)
    return x, y, z


def _placed_box(node: slicer.vtkMRMLMarkupsROINode) -> PlacedPrompt:
    return node.GetID(), ""


def _structure_of(node: slicer.vtkMRMLMarkupsROINode) -> Structure:
    return Structure[node.GetAttribute(_STRUCTURE_ATTRIBUTE)]


def _frame_of_box(node: slicer.vtkMRMLMarkupsROINode) -> int | None:
    frame = node.GetAttribute(_FRAME_ATTRIBUTE)
    return None if frame is None else int(frame)


def _role(structure: Structure, positive: bool) -> str:
    return f"{'positive' if positive else 'negative'} points {structure.name}"
