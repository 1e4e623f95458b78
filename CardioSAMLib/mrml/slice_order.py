"""The order of slices that survives saving: 3D Slicer's file readers turn left-handed stacks around
(`vtkMRMLVolumeArchetypeStorageNode::ForceRightHandedIJKCoordinateSystem`).

A left-handed volume comes back from a saved scene with its slices in the other order, in the same place. All that
is kept by slice number (locks, prompts, corrections) would then speak of other slices; so no left-handed stack goes
into the scene.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from CardioSAMLib.cine import Cine, QualityNote


def right_handed(cine: Cine) -> Cine:
    """The same cine at the same place, its slices in the order that makes its axes right-handed."""
    direction = np.asarray(cine.geometry.direction)
    if np.linalg.det(direction) > 0:
        return cine
    last = cine.slices - 1
    positions = cine.geometry.slice_positions_mm
    geometry = replace(
        cine.geometry,
        origin_mm=tuple(cine.geometry.world_of([0.0, 0.0, float(last)]).tolist()),
        direction=tuple(map(tuple, (direction * [1.0, 1.0, -1.0]).tolist())),
        slice_positions_mm=None if positions is None else tuple(positions[-1] - p for p in reversed(positions)),
    )
    notes = tuple(note if note.slice is None else _at(note, last - note.slice) for note in cine.notes)
    return replace(cine, pixels=np.ascontiguousarray(cine.pixels[:, ::-1]), geometry=geometry, notes=notes)


def _at(note: QualityNote, slice_number: int) -> QualityNote:
    return replace(note, slice=slice_number)
