"""Images without content, as exports fill them in for missing ones: of all readers the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from CardioSAMLib.cine import Array, Cine, Geometry, QualityNote


def without_blank_images(cine: Cine) -> Cine:
    """The cine with the nearest frame of its slice in place of each image that has one value only, and without slices
    that have no other images; notes say so. The volume of such a slice is interpolated from its neighbors."""
    blank = cine.pixels.min(axis=(2, 3)) == cine.pixels.max(axis=(2, 3))
    if not blank.any():
        return cine
    kept = np.flatnonzero(~blank.all(axis=0))
    if len(kept) < 2:
        return cine  # nothing to measure: what comes next says so
    pixels = cine.pixels.copy()
    notes = [_left_out(number) for number in np.flatnonzero(blank.all(axis=0)).tolist()]
    for number in kept[blank[:, kept].any(axis=0)].tolist():
        frames = np.flatnonzero(blank[:, number])
        pixels[frames, number] = pixels[_nearest(blank[:, number]), number]
        notes.append(_filled(number, frames.tolist()))
    geometry = cine.geometry if len(kept) == cine.slices else _geometry_of(cine, kept)
    return replace(cine, pixels=np.ascontiguousarray(pixels[:, kept]), geometry=geometry, notes=(*cine.notes, *notes))


def _nearest(blank: Array) -> Array:
    """Of each blank frame the nearest of the others; the beat is a circle."""
    others, frames = np.flatnonzero(~blank), len(blank)
    distances = np.abs(np.flatnonzero(blank)[:, np.newaxis] - others)
    return np.asarray(others[np.minimum(distances, frames - distances).argmin(axis=1)])


def _geometry_of(cine: Cine, kept: Array) -> Geometry:
    positions = cine.geometry.slice_offsets_mm(cine.slices)[kept]
    origin = np.asarray(cine.geometry.world_of((0.0, 0.0, float(kept[0]))))
    regular = np.allclose(np.diff(positions), cine.geometry.spacing_mm[2], rtol=1e-3)
    return replace(
        cine.geometry,
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        slice_positions_mm=None if regular else tuple((positions - positions[0]).tolist()),
    )


def _filled(number: int, frames: list[int]) -> QualityNote:
    named = ", ".join(map(str, frames))
    message = f"Frame(s) {named} of a slice have blank images; they show the image that is nearest in time."
    return QualityNote("missing_frames", "warning", message, slice=number)


def _left_out(number: int) -> QualityNote:
    message = f"Slice {number} of the file has blank images only and was left out; those after it have other numbers."
    return QualityNote("slice_left_out", "warning", message)
