"""All nodes and choices that belong to one study of the scene, kept together so that two studies never mix."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import slicer
import slicer.util

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.function import MeasureOptions
from CardioSAMLib.labels import Structure

FrameSlices = frozenset[tuple[int, int]]
"""(frame, slice) pairs, 0-based."""

_ATTRIBUTE = "CardioSAM."
_STUDY_ID = _ATTRIBUTE + "Study"
_UID_NAME = "CardioSAM"
_VOLUME = "volume"
_SEGMENTATION = "segmentation"


class SceneStudy:
    """A study of the scene: handle on the scripted node that holds its choices and refers to its nodes.

    Nothing is kept outside of the scene, so a study is the same after saving and loading. Two handles on one node are
    equal. Other nodes of the study are found by role, a word chosen by the file that makes them.
    """

    def __init__(self, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        self.node = node

    @staticmethod
    def of(volume_node: slicer.vtkMRMLScalarVolumeNode) -> SceneStudy:
        """The study of a volume, made at first use. For a cine, the volume is the one shown (the browser's proxy).

        Raises UnusableInput if the volume is not in a scene.
        """
        study = SceneStudy.found(volume_node)
        return _new_study(volume_node) if study is None else study

    @staticmethod
    def found(volume_node: slicer.vtkMRMLScalarVolumeNode) -> SceneStudy | None:
        """The study of a volume; None if there is none yet."""
        return next((study for study in all_studies() if study.volume == volume_node), None)

    @property
    def name(self) -> str:
        return str(self.node.GetName())

    @property
    def volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume that is shown; None if it was removed from the scene."""
        return self.node.GetNodeReference(_VOLUME)

    @property
    def browser(self) -> slicer.vtkMRMLSequenceBrowserNode | None:
        """The sequence browser that plays the volume; None for a volume of one frame."""
        if self.volume is None:
            return None
        return slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(self.volume)

    @property
    def segmentation(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The segmentation node that holds the contours; None before there are any."""
        return self.node.GetNodeReference(_SEGMENTATION)

    @segmentation.setter
    def segmentation(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        self.put(_SEGMENTATION, node)

    def part(self, role: str) -> slicer.vtkMRMLNode | None:
        """The first node of that role; None if there is none or it was removed from the scene."""
        return next(iter(self.parts(role)), None)

    def parts(self, role: str) -> tuple[slicer.vtkMRMLNode, ...]:
        """All nodes of that role that are still in the scene."""
        count = self.node.GetNumberOfNodeReferences(role)
        nodes = (self.node.GetNthNodeReference(role, number) for number in range(count))
        return tuple(node for node in nodes if node is not None)

    def put(self, role: str, node: slicer.vtkMRMLNode) -> None:
        """Makes a node the only one of that role. The one before stays in the scene."""
        self.node.RemoveNodeReferenceIDs(role)
        self.add(role, node)

    def add(self, role: str, node: slicer.vtkMRMLNode) -> None:
        """Adds a node to those of that role, and moves it into the study's folder."""
        self.node.AddNodeReferenceID(role, node.GetID())
        _move_into(self._folder(), node)

    def obtain(self, role: str, class_name: str, name: str) -> slicer.vtkMRMLNode:
        """The node of that role; a new one of that MRML class and name if there is none."""
        node = self.part(role)
        if node is None:
            node = slicer.mrmlScene.AddNewNodeByClass(class_name, name)
            self.put(role, node)
        return node

    def remove(self, role: str) -> None:
        """Removes the nodes of that role from the scene."""
        for node in self.parts(role):
            slicer.mrmlScene.RemoveNode(node)
        self.node.RemoveNodeReferenceIDs(role)

    @property
    def locked(self) -> FrameSlices:
        """Slices that are finished: neither propagation nor a new segmentation may change them."""
        return self._pairs("Locked")

    @locked.setter
    def locked(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._set_pairs("Locked", pairs)

    @property
    def corrected(self) -> FrameSlices:
        """Slices whose contours a person has changed."""
        return self._pairs("Corrected")

    @corrected.setter
    def corrected(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._set_pairs("Corrected", pairs)

    @property
    def excluded(self) -> FrameSlices:
        """Slices that are not counted; the same as `measuring.excluded`."""
        return self.measuring.excluded

    @excluded.setter
    def excluded(self, pairs: Iterable[tuple[int, int]]) -> None:
        self.measuring = replace(self.measuring, excluded=_frame_slices(pairs))

    @property
    def frozen(self) -> frozenset[Structure]:
        """Structures that are finished in all slices ("LV is done")."""
        return frozenset(Structure[name] for name in self._stored("Frozen", []))

    @frozen.setter
    def frozen(self, structures: Iterable[Structure]) -> None:
        self._store("Frozen", sorted(structure.name for structure in structures))

    @property
    def measuring(self) -> MeasureOptions:
        """The reader's choices about the measurements: key frames, body surface formula, slices not counted."""
        stored = dict(self._stored("Measuring", {}))
        return MeasureOptions(**{**stored, "excluded": _frame_slices(stored.get("excluded", ()))})

    @measuring.setter
    def measuring(self, options: MeasureOptions) -> None:
        self._store("Measuring", {**asdict(options), "excluded": sorted(options.excluded)})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SceneStudy) and bool(self.node == other.node)

    def __hash__(self) -> int:
        return hash(self.node)

    def _folder(self) -> int:
        hierarchy = _hierarchy()
        uid = self.node.GetAttribute(_STUDY_ID)
        found = int(hierarchy.GetItemByUID(_UID_NAME, uid))
        if found:
            return found
        folder = int(hierarchy.CreateFolderItem(_home_of(self.volume), self.name))
        hierarchy.SetItemUID(folder, _UID_NAME, uid)
        return folder

    def _pairs(self, key: str) -> FrameSlices:
        return _frame_slices(self._stored(key, []))

    def _set_pairs(self, key: str, pairs: Iterable[tuple[int, int]]) -> None:
        self._store(key, sorted(_frame_slices(pairs)))

    def _stored(self, key: str, default: Any) -> Any:
        text = self.node.GetAttribute(_ATTRIBUTE + key)
        return default if text is None else json.loads(text)

    def _store(self, key: str, value: Any) -> None:
        self.node.SetAttribute(_ATTRIBUTE + key, json.dumps(value))


def all_studies() -> tuple[SceneStudy, ...]:
    """The studies of the scene, in the order in which they were made."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
    return tuple(SceneStudy(node) for node in nodes if node.GetAttribute(_STUDY_ID))


def _new_study(volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> SceneStudy:
    if volume_node is None or volume_node.GetScene() is None:
        raise UnusableInput("There is no volume in the scene to make a study of; load or choose one.")
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", volume_node.GetName())
    # Its own id, not the node's: MRML renames nodes where a scene is added to another.
    node.SetAttribute(_STUDY_ID, uuid.uuid4().hex)
    study = SceneStudy(node)
    # The reference first: the folder is made where the volume lies.
    node.SetNodeReferenceID(_VOLUME, volume_node.GetID())
    study.put(_VOLUME, volume_node)
    return study


def _frame_slices(pairs: Iterable[Iterable[int]]) -> FrameSlices:
    return frozenset((int(frame), int(number)) for frame, number in pairs)


def _hierarchy() -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def _home_of(volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> int:
    """The item under which the volume lies: its DICOM study, or the scene."""
    hierarchy = _hierarchy()
    item = 0 if volume_node is None else hierarchy.GetItemByDataNode(volume_node)
    return int(hierarchy.GetItemParent(item)) if item else int(hierarchy.GetSceneItemID())


def _move_into(folder: int, node: slicer.vtkMRMLNode) -> None:
    hierarchy = _hierarchy()
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, folder)
    else:
        hierarchy.CreateItem(folder, node)
