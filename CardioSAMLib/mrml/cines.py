"""`Cine` <-> a volume sequence with its browser and the proxy volume that the views show."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util

from CardioSAMLib.cine import Array, Cine, Geometry, Patient, QualityNote, UnusableInput
from CardioSAMLib.io.timing import frame_interval_ms, no_frame_times, one_frame
from CardioSAMLib.mrml.geometry import geometry_of_matrix, local_matrix, matrix_of, set_geometry, world_matrix
from CardioSAMLib.mrml.parts import Part, Parts, finished
from CardioSAMLib.mrml.slice_order import right_handed

FACTS_ATTRIBUTE = "CardioSAM.Cine"
"""Attribute of the sequence: what MRML has no place for (heart rate, patient without a name, notes), as JSON."""

_TIME_UNITS = {"ms", "msec", "millisecond", "milliseconds", "s", "sec", "second", "seconds"}
_NO_VOLUMES = (np.float16, np.int64, np.uint64)
_FASTEST_PLAYBACK_FPS = 30.0
_SAME_PLACE_MM = 1e-4


@dataclass(frozen=True)
class CineNodes:
    """A cine in the scene. volume: the proxy, which shows the frame that is selected in the browser."""

    sequence: slicer.vtkMRMLSequenceNode
    browser: slicer.vtkMRMLSequenceBrowserNode
    volume: slicer.vtkMRMLScalarVolumeNode


def cine_nodes(cine: Cine, name: str = "Cine") -> CineNodes:
    """A cine as new nodes of the scene, first frame shown. name: of the proxy; made unique, and never a patient's.

    The index is the frame's time in ms, or its number where the times are not known. A left-handed stack is turned
    around (`slice_order`): what is to be shown with these nodes is made from `cine_of(nodes.volume)`.
    """
    return finished(cine_nodes_in_parts(right_handed(cine), name))


def cine_nodes_in_parts(cine: Cine, name: str = "Cine") -> Parts[CineNodes]:
    """As `cine_nodes`, some frames at a time; the cine must be right-handed.

    The nodes are added to the scene in the last part.
    """
    sequence = slicer.vtkMRMLSequenceNode()
    yield from _fill_in_parts(sequence, cine)
    yield
    scene = slicer.mrmlScene
    name = scene.GenerateUniqueName(name)
    sequence.SetName(f"{name} sequence")
    with slicer.util.RenderBlocker():
        scene.AddNode(sequence)
        browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
        volume = add_to_browser(browser, sequence, name)
        _show(volume, cine.pixels)
    if cine.frame_interval_ms is not None:
        browser.SetPlaybackRateFps(min(1000.0 / cine.frame_interval_ms, _FASTEST_PLAYBACK_FPS))
    return CineNodes(sequence, browser, volume)


def nodes_of_volume(volume_node: slicer.vtkMRMLScalarVolumeNode) -> CineNodes | None:
    """The sequence and browser behind a proxy volume, whoever made them; None for a plain volume."""
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(volume_node)
    return None if browser is None else CineNodes(browser.GetSequenceNode(volume_node), browser, volume_node)


def add_to_browser(
    browser: slicer.vtkMRMLSequenceBrowserNode, sequence: slicer.vtkMRMLSequenceNode, name: str
) -> slicer.vtkMRMLDisplayableNode:
    """Lets a browser play a sequence, and returns its new proxy, named so and with a display node."""
    browser.AddSynchronizedSequenceNode(sequence)
    # A new browser may have nothing selected; an editable sequence would then get an item at 0, besides its own.
    if browser.GetSelectedItemNumber() < 0:
        browser.SelectFirstItem()
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    proxy = browser.GetProxyNode(sequence)
    proxy.SetName(name)
    proxy.CreateDefaultDisplayNodes()
    return proxy


def cine_of(volume_node: slicer.vtkMRMLScalarVolumeNode) -> Cine:
    """The cine that a proxy volume shows, all frames; a plain volume is a cine of one frame.

    The geometry is where the volume stands in the views, under its parent transforms. Raises UnusableInput where the
    volume is empty or in color, its frames differ in size or place, or a parent transform is not linear.
    """
    nodes = nodes_of_volume(volume_node)
    frames = [volume_node] if nodes is None else _items(nodes.sequence)
    for frame in frames:
        _check(frame, frames[0])
    pixels = np.stack([slicer.util.arrayFromVolume(frame) for frame in frames])
    facts = {} if nodes is None else _facts_of(nodes.sequence)
    times = None if nodes is None else _frame_times_ms(nodes.sequence, stated="source" in facts)
    return Cine(
        # No cine needs double precision, and networks and files take single.
        pixels=pixels.astype(np.float32) if pixels.dtype == np.float64 else pixels,
        geometry=_geometry_of(volume_node, facts),
        frame_times_ms=times,
        heart_rate_bpm=facts.get("heart_rate_bpm"),
        patient=Patient(**facts.get("patient", {})),
        source=facts.get("source", "a volume of the scene"),
        notes=tuple(QualityNote(**note) for note in facts["notes"]) if "notes" in facts else _notes(len(frames), times),
    )


def _fill_in_parts(sequence: slicer.vtkMRMLSequenceNode, cine: Cine) -> Parts[None]:
    timed = cine.frame_times_ms is not None
    sequence.SetIndexType(slicer.vtkMRMLSequenceNode.NumericIndex)
    sequence.SetIndexName("time" if timed else "frame")
    sequence.SetIndexUnit("ms" if timed else "")
    sequence.SetAttribute(FACTS_ATTRIBUTE, json.dumps(_facts_from(cine)))
    values: Sequence[float] = cine.frame_times_ms or range(cine.frames)
    scratch = slicer.vtkMRMLScalarVolumeNode()
    set_geometry(scratch, cine.geometry)
    part = Part()
    for frame, value in zip(cine.pixels, values, strict=True):
        if part.is_over:
            yield
            part = Part()
        # Half precision and integers of 64 bits are no volumes in 3D Slicer; single precision holds any gray value.
        slicer.util.updateVolumeFromArray(scratch, frame.astype(np.float32) if frame.dtype in _NO_VOLUMES else frame)
        # The sequence keeps a copy of the node. repr, so that a time comes back as the same number.
        sequence.SetDataNodeAtValue(scratch, repr(value))


def _show(volume: slicer.vtkMRMLScalarVolumeNode, pixels: Array) -> None:
    """One window for all frames: an automatic one, made anew for each, would flicker."""
    low, high = np.percentile(pixels[:, :, ::2, ::2], (1.0, 99.0)).tolist()
    display = volume.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(low, max(high, low + 1.0))


def _facts_from(cine: Cine) -> dict[str, Any]:
    return {
        "source": cine.source,
        "heart_rate_bpm": cine.heart_rate_bpm,
        "patient": dataclasses.asdict(cine.patient),
        "notes": [dataclasses.asdict(note) for note in cine.notes],
        "geometry": dataclasses.asdict(cine.geometry),
    }


def _facts_of(sequence: slicer.vtkMRMLSequenceNode) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(sequence.GetAttribute(FACTS_ATTRIBUTE) or "{}")
    return facts


def _items(sequence: slicer.vtkMRMLSequenceNode) -> list[slicer.vtkMRMLVolumeNode]:
    if sequence.GetNumberOfDataNodes() == 0:
        raise UnusableInput(f"The sequence {sequence.GetName()} has no frames; choose another one.")
    return [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]


def _check(frame: slicer.vtkMRMLNode, first: slicer.vtkMRMLVolumeNode) -> None:
    name = first.GetName()
    if not frame.IsA("vtkMRMLScalarVolumeNode") or frame.GetImageData() is None:
        raise UnusableInput(f"{name} holds no image; choose a gray volume or a sequence of gray volumes.")
    image = frame.GetImageData()
    if image.GetNumberOfScalarComponents() != 1:
        raise UnusableInput(
            f"{name} has {image.GetNumberOfScalarComponents()} values per voxel (a color image?); choose a gray volume."
        )
    same_size = image.GetDimensions() == first.GetImageData().GetDimensions()
    if not same_size or not np.allclose(local_matrix(frame), local_matrix(first), atol=1e-3):
        raise UnusableInput(f"The frames of {name} differ in size or place; choose a cine of one and the same stack.")


def _frame_times_ms(sequence: slicer.vtkMRMLSequenceNode, stated: bool) -> tuple[float, ...] | None:
    """stated: the times were written by us; those of other loaders may be placeholders, or in another unit."""
    unit = (sequence.GetIndexUnit() or "").strip().lower()
    if unit not in _TIME_UNITS or sequence.GetIndexType() != slicer.vtkMRMLSequenceNode.NumericIndex:
        return None
    values = [float(sequence.GetNthIndexValue(number)) for number in range(sequence.GetNumberOfDataNodes())]
    if stated:
        return tuple(values)
    if len(values) < 2:
        return None
    interval = float(np.median(np.diff(values)))
    interval_ms = frame_interval_ms(interval)
    return None if interval_ms is None else tuple(value * interval_ms / interval for value in values)


def _geometry_of(volume_node: slicer.vtkMRMLVolumeNode, facts: dict[str, Any]) -> Geometry:
    """Where the volume stands now, with the irregular positions of its slices where we know them.

    The stated geometry itself where it still holds: through a matrix it comes back with other last digits, and volumes
    measured here would not be equal to those from the file.
    """
    matrix = world_matrix(volume_node)
    if "geometry" not in facts:
        return geometry_of_matrix(matrix)
    stated = Geometry(**facts["geometry"])
    if np.allclose(matrix, matrix_of(stated), rtol=0.0, atol=_SAME_PLACE_MM):
        return stated
    stretch = float(np.linalg.norm(matrix[:3, 2])) / stated.spacing_mm[2]
    positions = stated.slice_positions_mm
    return geometry_of_matrix(matrix, None if positions is None else [position * stretch for position in positions])


def _notes(frames: int, times: tuple[float, ...] | None) -> tuple[QualityNote, ...]:
    if frames == 1:
        return (one_frame(),)
    return () if times is not None else (no_frame_times(),)
