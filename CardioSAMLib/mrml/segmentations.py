"""`CineSegmentation` <-> a segmentation sequence that plays together with its cine.

Whole studies are written into the sequence, past the proxy: with save-changes on, the proxy's content goes into
the item that happens to be selected.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.labels import CineSegmentation, Provenance, Structure
from CardioSAMLib.mrml.cines import CineNodes, add_to_browser, nodes_of_volume
from CardioSAMLib.mrml.geometry import local_matrix
from CardioSAMLib.mrml.parts import Part, Parts, finished
from CardioSAMLib.mrml.segments import FrameLabels, LabelmapImporter, add_segments, read_labels
from CardioSAMLib.mrml.written_slices import look_of, mark_written

PROVENANCE_ATTRIBUTE = "CardioSAM.Provenance"
FRAMES_ATTRIBUTE = "CardioSAM.SegmentedFrames"


@dataclass(frozen=True)
class SegmentationNodes:
    """The contours of a cine in the scene, and the volume they lie on.

    segmentation: the node that the views show and the editors edit. sequence, browser: None for a plain volume, whose
    one frame is in the segmentation itself.
    """

    volume: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode
    sequence: slicer.vtkMRMLSequenceNode | None = None
    browser: slicer.vtkMRMLSequenceBrowserNode | None = None

    @property
    def frames(self) -> int:
        return 1 if self.sequence is None else int(self.sequence.GetNumberOfDataNodes())

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows and columns of the cine."""
        return _shape_of(self.volume)

    @property
    def ijk_to_ras(self) -> Array:
        """Of the cine, without its parent transforms: the contours belong to its voxels, wherever it is moved."""
        return local_matrix(self.volume)

    @property
    def shown_frame(self) -> int:
        return 0 if self.browser is None else int(self.browser.GetSelectedItemNumber())

    @property
    def keeper(self) -> slicer.vtkMRMLNode:
        """The node whose attributes speak of all frames."""
        return self.segmentation if self.sequence is None else self.sequence

    def item(self, frame: int) -> slicer.vtkMRMLSegmentationNode:
        """The node that holds a frame. Raises IndexError if the cine has no such frame."""
        if not 0 <= frame < self.frames:
            raise IndexError(f"There is no frame {frame} among {self.frames}.")
        return self.segmentation if self.sequence is None else self.sequence.GetNthDataNode(frame)


@dataclass(frozen=True)
class ReadBack:
    """The contours as they are in the scene now. messages: what had to be resolved or left out, in plain sentences."""

    segmentation: CineSegmentation
    messages: tuple[str, ...]


def segmentation_nodes(
    volume_node: slicer.vtkMRMLScalarVolumeNode, segmentation: CineSegmentation, name: str = "Contours"
) -> SegmentationNodes:
    """A segmentation as new nodes of the scene, in the browser of the cine; a frame not segmented has empty segments.

    Raises UnusableInput where it does not fit the cine.
    """
    cine = nodes_of_volume(volume_node)
    frames = 1 if cine is None else cine.sequence.GetNumberOfDataNodes()
    _check_fit(segmentation, (frames, *_shape_of(volume_node)))
    nodes = empty_nodes(volume_node, name)
    write_segmentation(nodes, segmentation)
    return nodes


def empty_nodes(volume_node: slicer.vtkMRMLScalarVolumeNode, name: str = "Contours") -> SegmentationNodes:
    """New nodes with our segments, empty in every frame of the cine that the volume shows."""
    scene = slicer.mrmlScene
    name = scene.GenerateUniqueName(name)
    cine = nodes_of_volume(volume_node)
    if cine is None:
        plain = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        plain.CreateDefaultDisplayNodes()
        add_segments(plain.GetSegmentation())
        nodes = SegmentationNodes(volume_node, plain)
    else:
        sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", f"{name} sequence")
        _fill_empty(sequence, cine)
        proxy = add_to_browser(cine.browser, sequence, name)
        # What an editor changes in the proxy is changed in the frame that is shown.
        cine.browser.SetSaveChanges(sequence, True)
        nodes = SegmentationNodes(volume_node, proxy, sequence, cine.browser)
    _follow(nodes)
    nodes.segmentation.GetDisplayNode().SetVisibility2DOutline(True)
    nodes.segmentation.GetDisplayNode().SetOpacity2DFill(0.25)
    return nodes


def _fill_empty(sequence: slicer.vtkMRMLSequenceNode, cine: CineNodes) -> None:
    """An item with empty segments for each frame of the cine, at the cine's own index values, which pair the frames."""
    sequence.SetIndexType(cine.sequence.GetIndexType())
    sequence.SetIndexName(cine.sequence.GetIndexName())
    sequence.SetIndexUnit(cine.sequence.GetIndexUnit())
    empty = LabelmapImporter(local_matrix(cine.volume)).fill(np.zeros(_shape_of(cine.volume), dtype=np.uint8))
    for number in range(cine.sequence.GetNumberOfDataNodes()):
        sequence.SetDataNodeAtValue(empty, cine.sequence.GetNthIndexValue(number))


def nodes_of_segmentation(
    segmentation_node: slicer.vtkMRMLSegmentationNode, volume_node: slicer.vtkMRMLScalarVolumeNode
) -> SegmentationNodes:
    """The nodes behind a segmentation of the scene that lies on that volume.

    Raises UnusableInput where the two do not play together.
    """
    cine = nodes_of_volume(volume_node)
    if cine is None:
        return SegmentationNodes(volume_node, segmentation_node)
    sequence = cine.browser.GetSequenceNode(segmentation_node)
    if sequence is None or sequence.GetNumberOfDataNodes() != cine.sequence.GetNumberOfDataNodes():
        raise UnusableInput(
            f"The segmentation {segmentation_node.GetName()} does not play together with {volume_node.GetName()}; "
            "choose the segmentation that was made for this cine."
        )
    return SegmentationNodes(volume_node, segmentation_node, sequence, cine.browser)


def write_segmentation(nodes: SegmentationNodes, segmentation: CineSegmentation) -> None:
    """Replaces the contours of all frames; segments of the user's own stay.

    Raises UnusableInput where the segmentation does not fit the cine.
    """
    _check_fit(segmentation, (nodes.frames, *nodes.shape))
    write_frames(nodes, dict(enumerate(segmentation.labels)))
    nodes.keeper.SetAttribute(PROVENANCE_ATTRIBUTE, json.dumps(_as_json(segmentation.provenance)))
    nodes.keeper.SetAttribute(FRAMES_ATTRIBUTE, json.dumps(segmentation.segmented_frames))


def write_frames(nodes: SegmentationNodes, labels_of_frame: Mapping[int, Array]) -> None:
    """Replaces the contours of some frames, given as uint8 `(slices, rows, columns)` in the `STORAGE` order."""
    importer = LabelmapImporter(nodes.ijk_to_ras)

    def put(frame: int) -> Array:
        importer.replace(nodes.item(frame).GetSegmentation(), labels_of_frame[frame])
        return labels_of_frame[frame]

    finished(put_in_parts(nodes, {frame: range(len(labels)) for frame, labels in labels_of_frame.items()}, put))


def put_in_parts(
    nodes: SegmentationNodes, written: Mapping[int, Iterable[int]], put: Callable[[int], Array]
) -> Parts[None]:
    """Has `put` change the contours of frames, some frames at a time.

    put: changes the segments of a frame, and returns its labels then. written: the frames, and in each the slices that
    are ours; what else has changed there is still a person's (see `changed_slices`).
    """
    waiting = list(written)
    while waiting:
        part, labels = Part(), dict[int, Array]()
        if nodes.browser is not None:
            nodes.browser.SetPlaybackActive(False)
        with slicer.util.RenderBlocker():
            while waiting and not (labels and part.is_over):
                frame = waiting.pop(0)
                labels[frame] = put(frame)
            if nodes.browser is not None and nodes.shown_frame in labels:
                slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(nodes.browser)
            _follow(nodes)
        mark_written(nodes.keeper, {(f, n): look_of(labels[f][n]) for f in labels for n in written[f]})
        nodes.keeper.SetAttribute(FRAMES_ATTRIBUTE, json.dumps(sorted({*_stored_frames(nodes), *labels})))
        if waiting:
            yield


def read_frame(nodes: SegmentationNodes, frame: int) -> FrameLabels:
    """The contours of one frame as they are in the scene now."""
    return read_labels(nodes.item(frame).GetSegmentation(), nodes.ijk_to_ras, nodes.shape)


def segmentation_of(
    nodes: SegmentationNodes, read: Callable[[SegmentationNodes, int], FrameLabels] = read_frame
) -> ReadBack:
    """The contours of all frames as they are now, drawn by whom it may be.

    Raises UnusableInput where there are none in any frame.
    """
    frames = [read(nodes, frame) for frame in range(nodes.frames)]
    labels = np.stack([frame.labels for frame in frames])
    drawn = {int(frame) for frame in np.flatnonzero(labels.any(axis=(1, 2, 3)))}
    segmented = sorted(drawn | set(_stored_frames(nodes)))
    if not segmented:
        raise UnusableInput(f"{nodes.segmentation.GetName()} has no contours yet; segment the cine first.")
    return ReadBack(CineSegmentation(labels, tuple(segmented), provenance_of(nodes)), _messages(frames))


def provenance_of(nodes: SegmentationNodes) -> Provenance:
    """Who drew the contours, as far as the scene says; a person where it says nothing."""
    return Provenance(**json.loads(nodes.keeper.GetAttribute(PROVENANCE_ATTRIBUTE) or '{"model_id": "expert"}'))


def _shape_of(volume_node: slicer.vtkMRMLScalarVolumeNode) -> tuple[int, int, int]:
    columns, rows, slices = volume_node.GetImageData().GetDimensions()
    return slices, rows, columns


def _check_fit(segmentation: CineSegmentation, shape: tuple[int, ...]) -> None:
    if segmentation.labels.shape != shape:
        raise UnusableInput(
            f"The segmentation has the shape {segmentation.labels.shape} and the cine {shape}; segment this cine again."
        )


def _messages(frames: list[FrameLabels]) -> tuple[str, ...]:
    messages = []
    overlapping = [frame for frame in frames if frame.overlap_voxels]
    if overlapping:
        voxels = sum(frame.overlap_voxels for frame in overlapping)
        messages.append(
            f"Segments overlapped in {_count(voxels, 'voxel')} of {_count(len(overlapping), 'frame')}; "
            "LV was kept before MYO, and MYO before RV."
        )
    for structure in Structure:
        without = sum(structure in frame.missing for frame in frames)
        if without:
            messages.append(
                f"The segment {structure.name} was missing in {_count(without, 'frame')}; it counts as empty."
            )
    for name in dict.fromkeys(name for frame in frames for name in frame.unknown):
        messages.append(f"The segment {name} is none of LV, MYO and RV; it was not used.")
    return tuple(messages)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _follow(nodes: SegmentationNodes) -> None:
    """Puts the contours under the transform of their volume, with its grid as that of the editors."""
    nodes.segmentation.SetAndObserveTransformNodeID(nodes.volume.GetTransformNodeID())
    nodes.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(nodes.volume)


def _as_json(provenance: Provenance) -> dict[str, Any]:
    return {**asdict(provenance), "settings": dict(provenance.settings)}


def _stored_frames(nodes: SegmentationNodes) -> list[int]:
    frames: list[int] = json.loads(nodes.keeper.GetAttribute(FRAMES_ATTRIBUTE) or "[]")
    return frames
