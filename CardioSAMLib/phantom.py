"""A beating heart on the short axis whose volumes are known exactly: the demo's input and the tests' ground truth.

The heart is a formula (`phantom_shape`), evaluated on the grid that the options ask for; its look is made by
`phantom_picture`. Nothing is drawn on a finer grid first, so the truth does not depend on any grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from CardioSAMLib.cine import Array, Cine, Geometry, Patient, UnusableInput
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.phantom_picture import HEART_REACH_MM, Plane, Texture, chest, lay_heart
from CardioSAMLib.phantom_shape import (
    Heart,
    HeartSize,
    contraction,
    end_systolic_frame,
    heart_at,
    rays_at,
    surfaces_at,
)

MYOCARDIUM_DENSITY_G_ML = 1.05
"""Density behind the phantom's true mass, as in the SCMR post-processing statement (Schulz-Menger 2020)."""

# A usual short-axis plane, right-handed, seen from the feet as in DICOM: columns grow to the patient's left and back,
# rows to the feet, slices from apex to base. The columns of the matrix are these three directions.
_RIGHT, _DOWN, _TO_BASE = (0.7071, 0.7071, 0.0), (-0.3536, 0.3536, -0.8660), (-0.6124, 0.6124, 0.5)
_BLOOD_SIGNAL = 300.0
_PLANES_PER_SLICE = 5


@dataclass(frozen=True)
class PhantomOptions:
    """What heart is made, and on what grid it is seen. The defaults are those of a healthy adult at 1.5 T.

    spacing_mm: between rows, columns and slices; the gap is the last one minus slice_thickness_mm.
    length_mm: basal plane to epicardial apex at end-diastole. basal_motion_mm: how far the basal plane moves to the
        apex in systole. tilt_deg: angle of the long axis to the stack's normal, the apex up.
    bias_field: relative fall of the signal over 200 mm away from the coil on the chest.
    noise_sigma: standard deviation of the Rician noise, as a share of the blood's signal.
    heart_offset_mm: of the heart toward higher rows, columns and slices, from where it lies centered in the image and
        with its basal plane at end-diastole half a slice interval beyond the last (most basal) slice.

    Raises UnusableInput for a heart that cannot be.
    """

    rows: int = 216
    columns: int = 216
    slices: int = 10
    frames: int = 20
    spacing_mm: tuple[float, float, float] = (1.4, 1.4, 10.0)
    slice_thickness_mm: float = 8.0
    heart_rate_bpm: float = 65.0
    lv_edv_ml: float = 130.0
    lv_ef_percent: float = 60.0
    rv_edv_ml: float = 142.0
    rv_ef_percent: float = 55.0
    mass_g: float = 115.0
    length_mm: float = 92.0
    basal_motion_mm: float = 10.0
    tilt_deg: float = 4.0
    papillary_muscles: bool = True
    bias_field: float = 0.2
    noise_sigma: float = 0.02
    heart_offset_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    patient: Patient = field(default_factory=lambda: Patient(sex="F", age_years=45.0, height_cm=170.0, weight_kg=68.0))
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, self.slices) < 1 or self.frames < 2:
            raise UnusableInput("The phantom needs at least 1 row, column and slice, and 2 frames to beat.")
        if min(self.lv_edv_ml, self.rv_edv_ml, self.mass_g, self.slice_thickness_mm) <= 0:
            raise UnusableInput("The phantom's volumes, mass and slice thickness must be greater than 0.")
        if not (0 < self.lv_ef_percent < 100 and 0 < self.rv_ef_percent < 100):
            raise UnusableInput("The phantom's ejection fractions must lie between 0 and 100 %.")
        if self.basal_motion_mm < 0 or self.length_mm < self.basal_motion_mm + 30:
            raise UnusableInput("The phantom's length must be at least 30 mm more than the motion of its base.")
        if not 0 <= abs(self.tilt_deg) <= 45 or self.noise_sigma < 0:
            raise UnusableInput("The phantom's tilt must be at most 45 degrees and its noise at least 0.")


@dataclass(frozen=True)
class VentricleTruth:
    """Exact volumes of a ventricle's blood pool; volumes_ml has one value per frame."""

    edv_ml: float
    esv_ml: float
    volumes_ml: tuple[float, ...]

    @property
    def ef_percent(self) -> float:
        return 100.0 * (self.edv_ml - self.esv_ml) / self.edv_ml


@dataclass(frozen=True)
class PhantomTruth:
    """What a perfect measurement of the phantom gives. The mass of the wall is the same in every frame."""

    ed_frame: int
    es_frame: int
    mass_g: float
    lv: VentricleTruth
    rv: VentricleTruth


@dataclass(frozen=True)
class Phantom:
    """A cine, the label of each voxel by its center in all frames, and the exact volumes."""

    cine: Cine
    segmentation: CineSegmentation
    truth: PhantomTruth


def make_phantom(options: PhantomOptions | None = None) -> Phantom:
    """The beating heart that the options describe; the same options give the same pixels."""
    options = options or PhantomOptions()
    geometry = Geometry(options.spacing_mm, direction=_direction())
    rr_ms = 60000.0 / options.heart_rate_bpm
    cine = Cine(
        pixels=_pixels(options),
        geometry=geometry,
        frame_times_ms=tuple(rr_ms * frame / options.frames for frame in range(options.frames)),
        heart_rate_bpm=options.heart_rate_bpm,
        patient=options.patient,
        source="Synthetic beating heart (phantom)",
    )
    segmentation = CineSegmentation(phantom_labels(options), tuple(range(options.frames)), Provenance("phantom"))
    return Phantom(cine, segmentation, phantom_truth(options))


def phantom_truth(options: PhantomOptions) -> PhantomTruth:
    """The exact volumes alone; they depend on no grid."""
    hearts = _hearts(options)
    es_frame = end_systolic_frame(options.frames)
    lv = tuple(heart.lv_ml for heart in hearts)
    rv = tuple(heart.rv_ml for heart in hearts)
    return PhantomTruth(
        ed_frame=0,
        es_frame=es_frame,
        mass_g=options.mass_g,
        lv=VentricleTruth(lv[0], lv[es_frame], lv),
        rv=VentricleTruth(rv[0], rv[es_frame], rv),
    )


def phantom_labels(options: PhantomOptions) -> Array:
    """uint8 `(frames, slices, rows, columns)` in the storage order: what lies at the center of each voxel.

    Without the picture, which takes most of the time of `make_phantom`.
    """
    hearts = _hearts(options)
    labels = np.zeros((options.frames, options.slices, options.rows, options.columns), dtype=np.uint8)
    for slice_number in range(options.slices):
        plane = _plane(options, slice_number, 0.0)
        for frame, heart in enumerate(hearts):
            surfaces = surfaces_at(heart, plane.along_mm, plane.rays)
            picture = labels[frame, slice_number]
            picture[plane.radius_mm < surfaces.rv_outer] = STORAGE.value_of(Structure.RV)
            picture[plane.radius_mm < surfaces.epicardium] = STORAGE.value_of(Structure.MYO)
            picture[plane.radius_mm < surfaces.endocardium] = STORAGE.value_of(Structure.LV)
    return labels


def _hearts(options: PhantomOptions) -> tuple[Heart, ...]:
    size = HeartSize(
        lv_ed_ml=options.lv_edv_ml,
        lv_es_ml=options.lv_edv_ml * (1.0 - options.lv_ef_percent / 100.0),
        rv_ed_ml=options.rv_edv_ml,
        rv_es_ml=options.rv_edv_ml * (1.0 - options.rv_ef_percent / 100.0),
        myocardium_ml=options.mass_g / MYOCARDIUM_DENSITY_G_ML,
        length_mm=options.length_mm,
        basal_motion_mm=options.basal_motion_mm,
    )
    return tuple(heart_at(size, float(contracted)) for contracted in contraction(options.frames))


def _pixels(options: PhantomOptions) -> Array:
    """int16 `(frames, slices, rows, columns)`: tissue signals with texture, coil profile and noise."""
    hearts = _hearts(options)
    generator = np.random.default_rng([options.seed, 2])
    texture = Texture.random(options.seed)
    pixel_mm = float(np.mean(options.spacing_mm[:2]))
    pixels = np.empty((options.frames, options.slices, options.rows, options.columns), dtype=np.int16)
    for slice_number in range(options.slices):
        right, down, along = _across_mm(options, slice_number, 0.0)
        grain = texture.at(right, down, along)
        coil = np.exp(-options.bias_field * (right + 0.5 * down) / 200.0) * (1.0 + 0.05 * grain)
        still = chest(right, down, along, pixel_mm, options.seed)
        for frame, picture in enumerate(_beating(options, slice_number, still, hearts, pixel_mm)):
            noise = generator.normal(0.0, options.noise_sigma, (2, *still.shape)).astype(np.float32)
            signal = np.hypot(picture * coil + noise[0], noise[1])
            pixels[frame, slice_number] = np.rint(_BLOOD_SIGNAL * signal)
    return pixels


def _beating(
    options: PhantomOptions, slice_number: int, still: Array, hearts: tuple[Heart, ...], pixel_mm: float
) -> Iterator[Array]:
    """The slice in each frame. Only the part of the image that the heart can reach is made anew."""
    offsets = (np.arange(_PLANES_PER_SLICE) + 0.5) / _PLANES_PER_SLICE - 0.5
    planes = [_plane(options, slice_number, float(offset) * options.slice_thickness_mm) for offset in offsets]
    reached = planes[0].radius_mm < HEART_REACH_MM
    rows, columns = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
    if rows.size == 0:
        yield from (still for _ in hearts)
        return
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    cut = tuple(_cut(plane, window) for plane in planes)
    for heart in hearts:
        picture = still.copy()
        picture[window] = lay_heart(still[window], heart, cut, pixel_mm, options.papillary_muscles)
        yield picture


def _cut(plane: Plane, window: tuple[slice, slice]) -> Plane:
    angle = plane.angle_rad[window]
    return Plane(
        along_mm=plane.along_mm[window],
        right_mm=plane.right_mm[window],
        down_mm=plane.down_mm[window],
        radius_mm=plane.radius_mm[window],
        angle_rad=angle,
        rays=rays_at(angle),
    )


def _plane(options: PhantomOptions, slice_number: int, offset_mm: float) -> Plane:
    """Heart coordinates of a plane parallel to a slice, offset_mm from it toward the apex."""
    right, down, depth = _across_mm(options, slice_number, offset_mm)
    # math, not numpy: a numpy scalar would turn the arrays into double precision.
    cosine, sine = math.cos(math.radians(options.tilt_deg)), math.sin(math.radians(options.tilt_deg))
    # Tilted about the heart's middle, so that the tilt does not move the heart out of the center.
    middle = options.length_mm / 2.0
    across = cosine * down - sine * (depth - middle)
    along = middle + sine * down + cosine * (depth - middle)
    angle = np.arctan2(across, right)
    return Plane(along, right, across, np.hypot(right, across), angle, rays_at(angle))


def _across_mm(options: PhantomOptions, slice_number: int, offset_mm: float) -> tuple[Array, Array, float]:
    """Right and down of the heart's middle in the image plane, float32 `(rows, columns)`, and the depth below the
    basal plane at end-diastole along the stack's normal, for an untilted heart."""
    row_mm, column_mm, interval_mm = options.spacing_mm
    rows = (np.arange(options.rows) - (options.rows - 1) / 2.0) * row_mm - options.heart_offset_mm[0]
    columns = (np.arange(options.columns) - (options.columns - 1) / 2.0) * column_mm - options.heart_offset_mm[1]
    down, right = np.meshgrid(rows.astype(np.float32), columns.astype(np.float32), indexing="ij")
    from_base = options.slices - 1 - slice_number
    return right, down, (from_base + 0.5) * interval_mm + options.heart_offset_mm[2] + offset_mm


def _direction() -> tuple[tuple[float, float, float], ...]:
    axes = np.linalg.qr(np.array([_RIGHT, _DOWN, _TO_BASE]).T)[0]
    # The factorization may turn an axis round; each is turned back to the way it was given.
    axes *= np.sign(np.sum(axes * np.array([_RIGHT, _DOWN, _TO_BASE]).T, axis=0))
    return tuple(map(tuple, axes.tolist()))
