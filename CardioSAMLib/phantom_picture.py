"""How the phantom looks: a balanced steady-state (SSFP) picture of its heart and of the chest around it.

Signals are shares of the blood's. The signal of a tissue is laid over what lies below it, with an edge as wide as a
pixel, which is the partial volume in the plane; across the plane, several planes within the slice are averaged.
Only the look is made here: which voxel belongs to which structure is decided by `phantom_shape`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.phantom_shape import RV_DIRECTION_RAD, RV_HALF_ANGLE_RAD, Heart, Rays, surfaces_at

# Medians of ACDC's patient061 (1.5 T), as shares of the left ventricle's blood; fat and organs read off its pictures.
BLOOD, RV_BLOOD, MUSCLE, FAT, LUNG, LIVER, SPLEEN, AIR = 1.0, 0.83, 0.35, 1.05, 0.1, 0.32, 0.42, 0.015

_RV_WALL_MM = 3.0
_ATRIAL_WALL_MM = 1.2
# The free wall is thin and loses signal where fat touches it (opposed phases in a voxel: the black line of SSFP).
_RV_WALL_SIGNAL = 0.2
# Trabeculae keep their volume while the cavity contracts. Depth times radius of the cavity, and radius at which they
# would fill the blood pool next to the wall.
_TRABECULAE_MM2 = 85.0
_TRABECULAE_CLOSED_MM = 9.0
# Papillary muscles: angle, and from where to where on the cavity's length.
_PAPILLARIES = ((-0.55, 0.25, 0.80), (2.05, 0.22, 0.76))
_PAPILLARY_RADIUS_MM = 5.2
# Chambers above the basal plane: center to the right and downward of the axis, half axes, turn, signal.
_CHAMBERS = (
    (14.0, 16.0, 36.0, 25.0, -0.35, BLOOD),  # left atrium
    (-39.0, 13.0, 19.0, 24.0, 0.3, RV_BLOOD),  # right atrium
    (2.0, -17.0, 13.0, 12.0, 0.0, BLOOD),  # aortic root
    (-27.0, -24.0, 16.0, 12.0, -0.5, RV_BLOOD),  # right ventricular outflow
)
HEART_REACH_MM = 95.0
"""No part of the heart or of the fat on it lies farther from the axis in the plane."""


@dataclass(frozen=True)
class Plane:
    """Points of one plane in heart coordinates; all float32 `(rows, columns)`.

    right_mm, down_mm: across the axis, toward image right and down.
    """

    along_mm: Array
    right_mm: Array
    down_mm: Array
    radius_mm: Array
    angle_rad: Array
    rays: Rays


@dataclass(frozen=True)
class Texture:
    """A smooth random pattern that is a function of the place in mm, and so the same on every grid."""

    waves_per_mm: Array
    starts_rad: Array

    @staticmethod
    def random(seed: int, waves: int = 16) -> Texture:
        generator = np.random.default_rng(seed)
        lengths_mm = generator.uniform(7.0, 45.0, waves)
        directions = generator.normal(size=(waves, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return Texture(2.0 * np.pi * directions / lengths_mm[:, None], generator.uniform(0.0, 2.0 * np.pi, waves))

    def at(self, right_mm: Array, down_mm: Array, along_mm: float) -> Array:
        """Values of mean 0 and standard deviation 1, of the shape of the points."""
        total = np.zeros_like(right_mm)
        for (along_right, along_down, along_axis), start in zip(
            self.waves_per_mm.tolist(), self.starts_rad.tolist(), strict=True
        ):
            total += np.cos(along_right * right_mm + along_down * down_mm + (along_axis * along_mm + start))
        return np.asarray(total * math.sqrt(2.0 / len(self.starts_rad)))


def chest(right_mm: Array, down_mm: Array, along_mm: float, pixel_mm: float, seed: int) -> Array:
    """Signal of all but the heart in one plane, `(rows, columns)`; the points are counted from the heart's axis."""
    picture = np.full_like(right_mm, AIR)
    skin = _depth_below_skin_mm(right_mm, down_mm)
    bearing = np.arctan2(down_mm - 25.0, right_mm - 35.0)
    fat_mm = 9.0 + 5.0 * np.cos(2.0 * bearing + 0.5)
    _paint(picture, 0.5, -skin, pixel_mm)
    _paint(picture, FAT, 2.0 - skin, pixel_mm)
    _paint(picture, MUSCLE * 0.9, fat_mm - skin, pixel_mm)
    ribs = np.sin(11.0 * bearing + 0.06 * along_mm) * 5.0 + np.sin(23.0 * bearing) * 2.0 - 1.0
    _paint(picture, FAT * 0.6, np.maximum(np.abs(skin - fat_mm - 9.0) - 2.5, -ribs), pixel_mm)
    thorax = fat_mm + 17.0 - skin
    _paint(picture, FAT * 0.9, thorax - 2.0, pixel_mm)
    _paint(picture, LUNG, thorax, pixel_mm)
    _add_lung_vessels(picture, right_mm, down_mm, along_mm, pixel_mm, seed, thorax)
    _add_abdomen(picture, right_mm, down_mm, along_mm, pixel_mm, thorax)
    return picture


def lay_heart(picture: Array, heart: Heart, planes: tuple[Plane, ...], pixel_mm: float, papillaries: bool) -> Array:
    """The picture `(rows, columns)` with the heart of one frame on it, averaged over the planes of a slice."""
    total = np.zeros_like(picture)
    for plane in planes:
        # A tilted basal plane crosses the slice; its edge is as wide as the others.
        below = np.clip(0.5 + (plane.along_mm - heart.base_mm) / pixel_mm, 0.0, 1.0)
        atria, ventricles = picture.copy(), picture.copy()
        if np.any(below < 1.0):
            _paint_atria(atria, plane, heart, pixel_mm)
        if np.any(below > 0.0):
            _paint_ventricles(ventricles, heart, plane, pixel_mm, papillaries)
        total += atria + below * (ventricles - atria)
    return np.asarray(total / len(planes))


def _paint_ventricles(picture: Array, heart: Heart, plane: Plane, pixel_mm: float, papillaries: bool) -> None:
    along_mm = np.maximum(plane.along_mm, heart.base_mm)
    surfaces = surfaces_at(heart, along_mm, plane.rays)
    radius = plane.radius_mm
    wall_mm = np.where(surfaces.rv_outer > 0.0, _RV_WALL_MM, 0.0)
    outside = np.maximum(surfaces.epicardium, surfaces.rv_outer + wall_mm)
    share = np.minimum((along_mm - heart.base_mm) / (heart.apex_mm - heart.base_mm), 1.0)
    # Fat fills the grooves where the right ventricle meets the left, and the one to the atria; elsewhere the
    # pericardium's thin fat is mixed with what lies beside it.
    groove = np.exp(-(((np.abs(_from_rv(plane.angle_rad)) - RV_HALF_ANGLE_RAD) / 0.22) ** 2))
    groove = np.maximum(groove, 0.5 * np.exp(-share / 0.04))
    rim_mm = np.where(outside > 0.0, 2.0 + 5.0 * groove * (1.0 - 0.5 * share), -pixel_mm)
    beside_rv = surfaces.rv_outer > 0.0
    _paint(picture, FAT * (0.3 + 0.15 * beside_rv + 0.4 * groove), radius - outside - rim_mm, 2.0 * pixel_mm)
    _paint(picture, np.where(beside_rv, _RV_WALL_SIGNAL, MUSCLE), radius - outside, pixel_mm)
    # Contours of ACDC count the trabeculae next to the walls to the blood pool.
    depth_mm = _TRABECULAE_MM2 / heart.cavity_radius_mm
    blood_share = 1.0 - min(0.6, _TRABECULAE_CLOSED_MM / heart.cavity_radius_mm)
    _paint(picture, RV_BLOOD * blood_share, radius - surfaces.rv_outer, pixel_mm)
    _paint(picture, RV_BLOOD, radius - surfaces.rv_outer + depth_mm, 2.0 * depth_mm)
    _paint(picture, MUSCLE, radius - surfaces.epicardium, pixel_mm)
    _paint(picture, BLOOD * blood_share, radius - surfaces.endocardium, pixel_mm)
    _paint(picture, BLOOD, radius - surfaces.endocardium + depth_mm, 2.0 * depth_mm)
    if papillaries:
        _paint_papillaries(picture, heart, plane, surfaces.endocardium, pixel_mm)


def _paint_papillaries(picture: Array, heart: Heart, plane: Plane, endocardium: Array, pixel_mm: float) -> None:
    share = (plane.along_mm - heart.base_mm) / (heart.cavity_apex_mm - heart.base_mm)
    for angle, start, end in _PAPILLARIES:
        length = np.clip((share - start) / (end - start), 0.0, 1.0)
        if not np.any(length * (1.0 - length)):
            continue
        thickness = _PAPILLARY_RADIUS_MM * np.sqrt(4.0 * length * (1.0 - length))
        # They are rooted in the wall: their center lies where two thirds of them stand out into the blood.
        distance = np.maximum(0.0, endocardium - 0.8 * thickness)
        aside = np.hypot(
            plane.right_mm - distance * math.cos(angle),
            plane.down_mm - distance * math.sin(angle),
        )
        edge = np.where(thickness > 0.0, aside - thickness, pixel_mm)
        _paint(picture, MUSCLE, np.maximum(edge, plane.radius_mm - endocardium), pixel_mm)


def _paint_atria(picture: Array, plane: Plane, heart: Heart, pixel_mm: float) -> None:
    above_mm = np.maximum(heart.base_mm - plane.along_mm, 0.0)
    roundness = np.sqrt(np.maximum(0.0, 1.0 - (above_mm / 60.0) ** 2))
    edges = [_ellipse_edge_mm(plane, chamber[:5], roundness) for chamber in _CHAMBERS]
    nearest = np.minimum.reduce(edges)
    _paint(picture, FAT * 0.45, nearest - 4.0, 2.0 * pixel_mm)
    _paint(picture, MUSCLE, nearest - _ATRIAL_WALL_MM, pixel_mm)
    for edge, (*_, signal) in zip(edges, _CHAMBERS, strict=True):
        _paint(picture, MUSCLE, edge - _ATRIAL_WALL_MM, pixel_mm)
        _paint(picture, signal, edge, pixel_mm)


def _ellipse_edge_mm(plane: Plane, form: tuple[float, ...], size: Array) -> Array:
    """About the distance outside of an ellipse (center, half axes, turn); size: multiplies its half axes."""
    x, y, half_along, half_across, turn = form
    right, down = plane.right_mm - x, plane.down_mm - y
    along = (right * math.cos(turn) + down * math.sin(turn)) / half_along
    across = (down * math.cos(turn) - right * math.sin(turn)) / half_across
    return np.asarray((np.hypot(along, across) - size) * math.sqrt(half_along * half_across))


def _add_abdomen(picture: Array, right: Array, down: Array, along_mm: float, pixel_mm: float, thorax: Array) -> None:
    # The diaphragm is a dome that the heart rests on; toward the apex, where the heart is thin, it stands higher.
    dome = 43.0 - 0.3 * along_mm + 0.0028 * (right + 25.0) ** 2
    below = np.maximum(dome - down, thorax)
    # A wedge of fat fills the corner between chest wall and diaphragm; it is broader at the apex.
    wedge = ((dome - down) - np.minimum(thorax, 0.0) - 22.0 - 0.45 * along_mm) / math.sqrt(2.0)
    _paint(picture, FAT * 0.75, np.maximum(np.maximum(wedge, thorax), right + 20.0 - 0.2 * along_mm), 2.0 * pixel_mm)
    _paint(picture, FAT * 0.9, below, pixel_mm)
    _paint(picture, LIVER, below + 3.0, pixel_mm)
    for x, y, r in ((-60.0, 95.0, 4.0), (-25.0, 80.0, 3.5), (-40.0, 118.0, 5.0)):
        _paint(picture, 0.7, np.maximum(np.hypot(right - x - 0.1 * along_mm, down - y) - r, below + 5.0), pixel_mm)
    stomach = np.maximum(np.hypot((right - 48.0) / 1.3, down - 84.0 - 0.1 * along_mm) - 24.0, below + 4.0)
    _paint(picture, FAT * 0.8, stomach - 3.0, pixel_mm)
    _paint(picture, SPLEEN * 1.4, stomach, pixel_mm)
    _paint(picture, MUSCLE * 0.8, stomach + 7.0, pixel_mm)
    spleen = np.maximum(np.hypot((right - 104.0), (down - 92.0) / 1.5) - 24.0, below + 4.0)
    _paint(picture, FAT * 0.8, spleen - 4.0, pixel_mm)
    _paint(picture, SPLEEN, spleen, pixel_mm)
    spine = np.maximum(np.hypot(right - 62.0, (down - 150.0) / 1.2) - 26.0, thorax + 2.0)
    _paint(picture, MUSCLE * 1.2, spine, pixel_mm)
    aorta = np.hypot(right - 45.0 + 0.1 * along_mm, down - 50.0) - 10.0
    _paint(picture, FAT * 0.5, aorta - 2.5, pixel_mm)
    _paint(picture, BLOOD * 1.05, aorta, pixel_mm)


def _add_lung_vessels(
    picture: Array, right: Array, down: Array, along_mm: float, pixel_mm: float, seed: int, thorax: Array
) -> None:
    generator = np.random.default_rng([seed, 1])
    for _ in range(40):
        x, y = float(generator.uniform(-70.0, 150.0)), float(generator.uniform(-120.0, 40.0))
        radius, signal = float(generator.uniform(0.8, 2.4)), float(generator.uniform(0.25, 0.8))
        slope_right, slope_down = generator.normal(0.0, 0.25, 2).tolist()
        edge = np.hypot(right - x - slope_right * along_mm, down - y - slope_down * along_mm) - radius
        _paint(picture, signal, np.maximum(edge, thorax + 8.0), pixel_mm)


def _depth_below_skin_mm(right_mm: Array, down_mm: Array) -> Array:
    """Roughly how deep a point lies in the body; negative outside. The body is a rounded box, turned by 12 degrees."""
    turn = math.radians(12.0)
    x, y = right_mm - 35.0, down_mm - 25.0
    across = (x * math.cos(turn) - y * math.sin(turn)) / 150.0
    downward = (x * math.sin(turn) + y * math.cos(turn)) / 165.0
    return np.asarray(155.0 * (1.0 - (np.abs(across) ** 2.6 + np.abs(downward) ** 2.6) ** (1.0 / 2.6)))


def _from_rv(angle_rad: Array) -> Array:
    return np.asarray(np.mod(angle_rad - RV_DIRECTION_RAD + np.pi, 2.0 * np.pi) - np.pi)


def _paint(picture: Array, signal: float | Array, edge_mm: Array, pixel_mm: float) -> None:
    """Lays a tissue over the picture where edge_mm (distance outside of its surface) is negative, in place."""
    cover = np.clip(0.5 - edge_mm / pixel_mm, 0.0, 1.0)
    picture += cover * (signal - picture)
