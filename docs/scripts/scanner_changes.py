"""What scanners and operators do to a cine, done on purpose: changed images with the labels that belong to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, Cine, Geometry
from CardioSAMLib.labels import Structure, base_to_apex

SEED = 0
OFF_CENTER_MM = 40.0
_CLASSES = 1 + len(Structure)

Changed = tuple[Cine, Array]
"""A cine, and its labels `(frames, slices, rows, columns)`."""


@dataclass(frozen=True)
class Change:
    """key: in the JSON. title: in the table. make: of a cine and its labels."""

    key: str
    title: str
    make: Callable[[Cine, Array], Changed]


def _same(cine: Cine, labels: Array) -> Changed:
    return cine, labels


def _axes(change: Callable[[Array], Array], turned: bool = False) -> Callable[[Cine, Array], Changed]:
    """Mirrors or turns in the plane; where rows become columns their spacing does, too."""

    def make(cine: Cine, labels: Array) -> Changed:
        row, column, slices = cine.geometry.spacing_mm
        spacing = (column, row, slices) if turned else cine.geometry.spacing_mm
        pixels = np.ascontiguousarray(change(cine.pixels))
        changed = replace(cine, pixels=pixels, geometry=replace(cine.geometry, spacing_mm=spacing))
        return changed, np.ascontiguousarray(change(labels))

    return make


def _gray(change: Callable[[Array], Array]) -> Callable[[Cine, Array], Changed]:
    """Changes float64 values of which the brightest hundredth is 1 or more."""

    def make(cine: Cine, labels: Array) -> Changed:
        top = float(np.percentile(cine.pixels, 99.0))
        changed = change(cine.pixels.astype(float) / top) * top
        return replace(cine, pixels=changed.astype(np.float32)), labels

    return make


def _noise(share: float) -> Callable[[Array], Array]:
    """Rician noise (Gudbjartsson 1995); share: its standard deviation in each channel, of the bright values."""

    def change(values: Array) -> Array:
        real, imaginary = np.random.default_rng(SEED).normal(0.0, share, (2, *values.shape))
        return np.asarray(np.hypot(values + real, imaginary))

    return change


def _bias(values: Array) -> Array:
    """Half as bright on one side as in the middle, half as bright again on the other."""
    across = np.linspace(0.5, 1.5, values.shape[-1])
    return np.asarray(values * across)


def _resampled(pixel_mm: float) -> Callable[[Cine, Array], Changed]:
    def make(cine: Cine, labels: Array) -> Changed:
        row, column, _ = cine.geometry.spacing_mm
        zoom = (row / pixel_mm, column / pixel_mm)
        pixels = np.stack([[_zoomed(plane, zoom) for plane in stack] for stack in cine.pixels])
        shares: Array = np.stack(
            [[[_zoomed(plane == value, zoom) for plane in stack] for stack in labels] for value in range(_CLASSES)]
        )
        before, after = cine.pixels.shape[2:], pixels.shape[2:]
        spacing = (row * before[0] / after[0], column * before[1] / after[1], cine.geometry.spacing_mm[2])
        changed = replace(cine, pixels=pixels, geometry=replace(cine.geometry, spacing_mm=spacing))
        return changed, shares.argmax(axis=0).astype(np.uint8)

    return make


def _zoomed(plane: Array, zoom: tuple[float, float]) -> Array:
    """Smoothed first where the grid gets coarser, as a coarser scan averages over its pixels."""
    sigmas = [max(0.5 * (1.0 / factor - 1.0), 0.0) for factor in zoom]
    smooth = ndimage.gaussian_filter(np.asarray(plane, np.float32), sigmas, mode="nearest")
    return np.asarray(ndimage.zoom(smooth, zoom, order=1, mode="nearest", grid_mode=True))


def _off_center(cine: Cine, labels: Array) -> Changed:
    """The image moved by 40 mm along its rows; what comes in at the side is the edge, going on."""
    by = round(OFF_CENTER_MM / cine.geometry.spacing_mm[1])
    pixels = np.concatenate([np.repeat(cine.pixels[..., :1], by, axis=-1), cine.pixels[..., :-by]], axis=-1)
    moved = np.concatenate([np.zeros_like(labels[..., :by]), labels[..., :-by]], axis=-1)
    return replace(cine, pixels=pixels), moved


def _without(end: str, count: int) -> Callable[[Cine, Array], Changed]:
    """Without so many slices that show heart at the base or the apex, and all beyond them."""

    def make(cine: Cine, labels: Array) -> Changed:
        order = base_to_apex(labels[0])
        ordered = list(order) if end == "base" else list(order)[::-1]
        last = ordered[min(count, len(ordered) - 3)]
        upward = ordered[0] < ordered[-1]
        kept = slice(last, None) if upward else slice(None, last + 1)
        return replace(cine, pixels=cine.pixels[:, kept], geometry=_cut(cine.geometry, kept)), labels[:, kept]

    return make


def _cut(geometry: Geometry, kept: slice) -> Geometry:
    if geometry.slice_positions_mm is None:
        return geometry
    positions = geometry.slice_positions_mm[kept]
    return replace(geometry, slice_positions_mm=tuple(place - positions[0] for place in positions))


CHANGES = (
    Change("none", "as acquired", _same),
    Change("mirrored", "mirrored left to right", _axes(lambda values: values[..., ::-1])),
    Change("upside-down", "mirrored top to bottom", _axes(lambda values: values[..., ::-1, :])),
    Change("turned-90", "turned by 90°", _axes(lambda values: np.rot90(values, 1, (-2, -1)), turned=True)),
    Change("turned-180", "turned by 180°", _axes(lambda values: np.rot90(values, 2, (-2, -1)))),
    Change("turned-270", "turned by 270°", _axes(lambda values: np.rot90(values, 3, (-2, -1)), turned=True)),
    Change("reversed", "slices from the other end", _axes(lambda values: values[:, ::-1])),
    Change("times-10", "intensities times 10", _gray(lambda values: 10.0 * values)),
    Change("offset", "intensities plus an offset", _gray(lambda values: values + 0.5)),
    Change("gamma-0.6", "gamma 0.6 (flat contrast)", _gray(lambda values: np.abs(values) ** 0.6)),
    Change("gamma-1.6", "gamma 1.6 (steep contrast)", _gray(lambda values: np.abs(values) ** 1.6)),
    Change("bias", "coil shading, 0.5 to 1.5 from side to side", _gray(_bias)),
    Change("noise-5", "Rician noise, 5 % of the bright values", _gray(_noise(0.05))),
    Change("noise-10", "Rician noise, 10 %", _gray(_noise(0.10))),
    Change("noise-20", "Rician noise, 20 %", _gray(_noise(0.20))),
    *(Change(f"pixel-{mm}", f"pixels of {mm} mm", _resampled(mm)) for mm in (1.0, 1.5, 2.0, 2.5)),
    Change("off-center", f"heart {OFF_CENTER_MM:.0f} mm off its place", _off_center),
    Change("no-base-1", "without the most basal slice of the heart", _without("base", 1)),
    Change("no-base-2", "without the two most basal slices", _without("base", 2)),
    Change("no-apex-1", "without the most apical slice", _without("apex", 1)),
    Change("no-apex-2", "without the two most apical slices", _without("apex", 2)),
)
