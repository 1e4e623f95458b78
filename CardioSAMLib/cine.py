"""The image side of a study: `Cine`, its `Geometry`, its `Patient`, and what was noticed about them.

Arrays are `(frames, slices, rows, columns)`. World coordinates are LPS millimeters, as in DICOM and ITK.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Severity = Literal["info", "warning", "error"]

PLAUSIBLE_BPM = (20.0, 300.0)
"""Lowest and highest heart rate. Beyond them no cine can be acquired: a unit was mistaken."""
_IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


class UnusableInput(ValueError):
    """Input that cannot be used. Its text is one plain sentence for the user: what is wrong and what to do."""


@dataclass(frozen=True)
class QualityNote:
    """One thing a reader of the numbers should know. frame and slice are 0-based; None means the whole study."""

    code: str
    severity: Severity
    message: str
    frame: int | None = None
    slice: int | None = None


@dataclass(frozen=True)
class Geometry:
    """Where a short-axis stack lies in the patient.

    spacing_mm: distance between neighboring rows, columns, and slices (gap included), in that order.
    origin_mm: LPS position of the center of the first voxel (row 0, column 0, slice 0).
    direction: 3x3, as in ITK: its columns are the LPS unit vectors along which the column index, the row index and
        the slice index grow. May be left-handed.
    slice_positions_mm: distance of each slice from the first along the slice direction, strictly increasing, where the
        slices are not equally spaced; spacing_mm[2] is then the usual interval. None for equal spacing.

    Raises UnusableInput where a value cannot be a geometry.
    """

    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[tuple[float, float, float], ...] = _IDENTITY
    slice_positions_mm: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        spacing = np.asarray(self.spacing_mm, dtype=float)
        if spacing.shape != (3,) or not np.all(np.isfinite(spacing)) or np.any(spacing <= 0):
            raise UnusableInput(
                f"The spacing {_plain(spacing)} mm is not three positive numbers; correct the header of the image."
            )
        origin = np.asarray(self.origin_mm, dtype=float)
        if origin.shape != (3,) or not np.all(np.isfinite(origin)):
            raise UnusableInput(
                f"The origin {_plain(origin)} mm is not three numbers; correct the header of the image."
            )
        direction = np.asarray(self.direction, dtype=float)
        if direction.shape != (3, 3) or not np.allclose(direction.T @ direction, np.eye(3), atol=1e-3):
            raise UnusableInput(
                "The orientation in the header is not made of three perpendicular unit vectors; "
                "correct the header or export the image again."
            )
        object.__setattr__(self, "spacing_mm", tuple(spacing.tolist()))
        object.__setattr__(self, "origin_mm", tuple(origin.tolist()))
        object.__setattr__(self, "direction", tuple(map(tuple, direction.tolist())))
        if self.slice_positions_mm is not None:
            positions = np.asarray(self.slice_positions_mm, dtype=float)
            rising = positions.ndim == 1 and np.all(np.isfinite(positions)) and bool(np.all(np.diff(positions) > 0))
            if not rising or positions.size == 0 or positions[0] != 0.0:
                raise UnusableInput("The slice positions must start at 0 and grow from slice to slice.")
            object.__setattr__(self, "slice_positions_mm", tuple(positions.tolist()))

    @property
    def pixel_area_mm2(self) -> float:
        return self.spacing_mm[0] * self.spacing_mm[1]

    @property
    def voxel_volume_ml(self) -> float:
        """Volume that one voxel stands for, gap included, where the slices are equally spaced."""
        return self.pixel_area_mm2 * self.spacing_mm[2] / 1000.0

    def slice_intervals_mm(self, slices: int) -> Array:
        """Length along the slice direction that each slice stands for, float `(slices,)`.

        A slice covers half the way to each neighbor, so a missing slice is replaced by the linear interpolation of
        its neighbors' areas. The end slices cover half the usual interval outward: with equal spacing each slice
        stands for one whole interval (the convention of ACDC's volumes; docs/methods.md).
        """
        usual = self.spacing_mm[2]
        if self.slice_positions_mm is None:
            return np.full(slices, usual)
        self._check_slices(slices)
        gaps = np.diff(self.slice_positions_mm)
        intervals: Array = (np.concatenate([[usual], gaps]) + np.concatenate([gaps, [usual]])) / 2.0
        return intervals

    def slice_offsets_mm(self, slices: int) -> Array:
        """Distance of each slice from the first along the slice direction, float `(slices,)`."""
        if self.slice_positions_mm is None:
            return np.arange(slices) * self.spacing_mm[2]
        self._check_slices(slices)
        return np.asarray(self.slice_positions_mm)

    def world_of(self, index_rcs: npt.ArrayLike) -> Array:
        """LPS position in mm, float `(..., 3)`, of continuous indices (row, column, slice), `(..., 3)`."""
        index = np.asarray(index_rcs, dtype=float)
        along_slices = index[..., 2] * self.spacing_mm[2]
        if self.slice_positions_mm is not None and len(self.slice_positions_mm) > 1:
            numbers = np.arange(len(self.slice_positions_mm), dtype=float)
            along_slices = _interpolate(index[..., 2], numbers, np.asarray(self.slice_positions_mm))
        steps = np.stack(
            [index[..., 1] * self.spacing_mm[1], index[..., 0] * self.spacing_mm[0], along_slices], axis=-1
        )
        world: Array = np.asarray(self.origin_mm) + steps @ np.asarray(self.direction).T
        return world

    def index_of(self, world_mm: npt.ArrayLike) -> Array:
        """Continuous index (row, column, slice), float `(..., 3)`, of LPS positions in mm `(..., 3)`."""
        steps = (np.asarray(world_mm, dtype=float) - np.asarray(self.origin_mm)) @ np.asarray(self.direction)
        slice_number = steps[..., 2] / self.spacing_mm[2]
        if self.slice_positions_mm is not None and len(self.slice_positions_mm) > 1:
            numbers = np.arange(len(self.slice_positions_mm), dtype=float)
            slice_number = _interpolate(steps[..., 2], np.asarray(self.slice_positions_mm), numbers)
        return np.stack([steps[..., 1] / self.spacing_mm[0], steps[..., 0] / self.spacing_mm[1], slice_number], axis=-1)

    def _check_slices(self, slices: int) -> None:
        if self.slice_positions_mm is not None and len(self.slice_positions_mm) != slices:
            raise ValueError(f"The geometry has {len(self.slice_positions_mm)} slice positions, not {slices}.")


@dataclass(frozen=True)
class Patient:
    """What the measurements are indexed by. None where the file does not say. No name: it never leaves the files."""

    sex: Literal["F", "M"] | None = None
    age_years: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None

    def __post_init__(self) -> None:
        if self.sex not in (None, "F", "M"):
            raise UnusableInput(f"Sex {self.sex!r} is not known; give F or M, or leave it out.")
        # Sizes outside these limits are typing errors or wrong units (DICOM has meters, ACDC has cm).
        _check_range("height", self.height_cm, 40.0, 250.0, "cm")
        _check_range("weight", self.weight_kg, 2.0, 350.0, "kg")
        _check_range("age", self.age_years, 0.0, 130.0, "years")


@dataclass(frozen=True)
class Cine:
    """A short-axis cine: one stack of slices at each frame of the heart's cycle.

    pixels: float32 or integer `(frames, slices, rows, columns)`. Slices run base to apex or apex to base, as acquired.
    frame_times_ms: time of each frame after the R wave, `(frames,)`, strictly increasing; None where not known.
    source: what it was read from, as a sentence for reports; never a patient's name.
    notes: what the reader had to mend or leave out.

    Raises UnusableInput where the values cannot be a cine.
    """

    pixels: Array
    geometry: Geometry
    frame_times_ms: tuple[float, ...] | None = None
    heart_rate_bpm: float | None = None
    patient: Patient = field(default_factory=Patient)
    source: str = ""
    notes: tuple[QualityNote, ...] = ()

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.ndim != 4 or 0 in pixels.shape:
            raise UnusableInput(
                f"The image has the shape {pixels.shape}; a cine needs frames, slices, rows and columns, none empty."
            )
        if pixels.dtype.kind not in "iuf":
            raise UnusableInput(f"The pixels are of type {pixels.dtype}; a cine needs gray values (integer or float).")
        if pixels.dtype.kind == "f" and not np.all(np.isfinite(pixels)):
            raise UnusableInput("The image has pixels that are not numbers (NaN or infinite); export it again.")
        if pixels.min() == pixels.max():
            raise UnusableInput("All pixels of the image have the same value; it shows nothing. Export it again.")
        self.geometry.slice_intervals_mm(self.slices)
        if self.frame_times_ms is not None:
            times = np.asarray(self.frame_times_ms, dtype=float)
            if times.shape != (self.frames,):
                raise UnusableInput(f"There are {times.size} frame times for {self.frames} frames; give one per frame.")
            if not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
                raise UnusableInput("The frame times do not grow from frame to frame; correct them or leave them out.")
            object.__setattr__(self, "frame_times_ms", tuple(times.tolist()))
        _check_range("heart rate", self.heart_rate_bpm, *PLAUSIBLE_BPM, "beats per minute")

    @property
    def frames(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def slices(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def frame_interval_ms(self) -> float | None:
        """Median time between frames; RR interval / frames where only the heart rate is known."""
        if self.frame_times_ms is not None and self.frames > 1:
            return float(np.median(np.diff(self.frame_times_ms)))
        if self.heart_rate_bpm is not None and self.frames > 1:
            return 60000.0 / self.heart_rate_bpm / self.frames
        return None


def _plain(values: Array) -> str:
    return " x ".join(f"{value:g}" for value in np.ravel(values))


def _check_range(name: str, value: float | None, low: float, high: float, unit: str) -> None:
    if value is not None and not low <= value <= high:
        raise UnusableInput(f"A {name} of {value:g} {unit} cannot be; give one from {low:g} to {high:g} {unit}.")


def _interpolate(x: Array, xs: Array, ys: Array) -> Array:
    """Piecewise linear, continued in a straight line beyond both ends (np.interp would stay flat there)."""
    piece = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    slope = (ys[piece + 1] - ys[piece]) / (xs[piece + 1] - xs[piece])
    return np.asarray(ys[piece] + slope * (x - xs[piece]))
