"""The form of the phantom's heart: surfaces whose volumes are known in closed form.

Heart coordinates: `along_mm` runs down the long axis, 0 in the basal plane at end-diastole and growing to the apex;
`radius_mm` and `angle_rad` are polar in the plane across it, the angle counted from image right (patient's left)
downward. Each surface is given by the radius at which a ray from the axis meets it, so a point is classified by
comparing radii, and the area of a cross-section is half the integral of the squared radius over the angle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array

# The ventricle is widest a little below the mitral valve: share of its length from base to apex.
_WIDEST = 0.15
_BASE_REACH = _WIDEST / (1.0 - _WIDEST)
# Integral over the length (as a share) of the profile 1 - ((s - widest) / (1 - widest))^2, from base to apex.
_LV_FORM = (1.0 - _WIDEST) * (2.0 / 3.0 + _BASE_REACH - _BASE_REACH**3 / 3.0)

# The right ventricle's area falls from base to apex as (1 - s)(1 + bulge s); its integral is 1/2 + bulge/6.
_RV_BULGE = 0.6
_RV_FORM = 0.5 + _RV_BULGE / 6.0
_RV_LENGTH = 0.86
RV_DIRECTION_RAD = math.radians(186.0)
RV_HALF_ANGLE_RAD = math.radians(74.0)

_APICAL_WALL_MM = (6.0, 9.0)
# Waves of the squared radius around the axis, mean zero: they bend the outline and leave every area as it is.
_WAVES = ((2, 0.07, 0.6), (3, 0.035, 1.9), (5, 0.02, 0.3))


@dataclass(frozen=True)
class HeartSize:
    """What the phantom's heart measures. Volumes of the blood pools at end-diastole (ed) and end-systole (es).

    length_mm: basal plane to epicardial apex at end-diastole. basal_motion_mm: way of the basal plane to the apex.
    """

    lv_ed_ml: float
    lv_es_ml: float
    rv_ed_ml: float
    rv_es_ml: float
    myocardium_ml: float
    length_mm: float
    basal_motion_mm: float


@dataclass(frozen=True)
class Heart:
    """The heart in one frame. Lengths along the axis are in heart coordinates; volumes are exact."""

    lv_ml: float
    rv_ml: float
    myocardium_ml: float
    base_mm: float
    cavity_apex_mm: float
    apex_mm: float

    @property
    def cavity_radius_mm(self) -> float:
        """Largest radius of the cavity: the root of its largest cross-section over pi."""
        return _lv_radius_mm(self.lv_ml, self.cavity_apex_mm - self.base_mm)

    @property
    def epicardium_radius_mm(self) -> float:
        """Largest radius of the epicardium, so that the wall between it and the cavity has its fixed volume."""
        return _lv_radius_mm(self.lv_ml + self.myocardium_ml, self.apex_mm - self.base_mm)

    @property
    def rv_length_mm(self) -> float:
        return _RV_LENGTH * (self.apex_mm - self.base_mm)

    @property
    def rv_base_area_mm2(self) -> float:
        return 1000.0 * self.rv_ml / (_RV_FORM * self.rv_length_mm)


@dataclass(frozen=True)
class Rays:
    """What of the surfaces depends on the direction alone, for points of any shape; it is the same in every frame.

    outline: squared radius of the left ventricle as a multiple of its mean over the angle.
    crescent: height of the right ventricle over the epicardium, 1 in its middle, 0 outside the insertion points.
    """

    outline: Array
    crescent: Array


@dataclass(frozen=True)
class Surfaces:
    """Radii in mm of the three surfaces at given points; 0 for a ray that does not meet the surface.

    The right ventricle lies between epicardium and rv_outer.
    """

    endocardium: Array
    epicardium: Array
    rv_outer: Array


def contraction(frames: int) -> Array:
    """How far each frame is from end-diastole (0) to end-systole (1), float `(frames,)`; frame 0 is end-diastole.

    Ejection in the first 35 % of the cycle, rapid filling, diastasis, atrial filling. End-systole falls on a frame.
    """
    end_systole = end_systolic_frame(frames) / frames
    rest = 1.0 - end_systole
    knots = np.array([0.0, end_systole, end_systole + 0.42 * rest, end_systole + 0.75 * rest, 1.0])
    levels = np.array([0.0, 1.0, 0.25, 0.2, 0.0])
    phase = np.arange(frames) / frames
    piece = np.clip(np.searchsorted(knots, phase, side="right") - 1, 0, 3)
    share = (phase - knots[piece]) / (knots[piece + 1] - knots[piece])
    ease = 0.5 - 0.5 * np.cos(np.pi * share)
    return np.asarray(levels[piece] + (levels[piece + 1] - levels[piece]) * ease)


def end_systolic_frame(frames: int) -> int:
    return max(1, round(0.35 * frames))


def heart_at(size: HeartSize, contracted: float) -> Heart:
    """The heart, contracted by a share from 0 (end-diastole) to 1 (end-systole)."""
    relaxed_wall, contracted_wall = _APICAL_WALL_MM
    return Heart(
        lv_ml=size.lv_ed_ml + contracted * (size.lv_es_ml - size.lv_ed_ml),
        rv_ml=size.rv_ed_ml + contracted * (size.rv_es_ml - size.rv_ed_ml),
        myocardium_ml=size.myocardium_ml,
        base_mm=contracted * size.basal_motion_mm,
        cavity_apex_mm=size.length_mm - relaxed_wall - contracted * (contracted_wall - relaxed_wall),
        apex_mm=size.length_mm,
    )


def rays_at(angle_rad: Array) -> Rays:
    """The direction's part of the surfaces, for angles of any shape."""
    outline = np.ones_like(angle_rad)
    for order, height, start in _WAVES:
        outline += height * np.cos(order * (angle_rad - start))
    from_middle = np.mod(angle_rad - RV_DIRECTION_RAD + np.pi, 2.0 * np.pi) - np.pi
    crescent = np.maximum(0.0, 1.0 - (from_middle / RV_HALF_ANGLE_RAD) ** 2)
    return Rays(outline, crescent)


def surfaces_at(heart: Heart, along_mm: Array, rays: Rays) -> Surfaces:
    """The surfaces in the planes `along_mm`, same shape as the rays. Above the basal plane there are none."""
    cavity = _lv_profile(along_mm, heart.base_mm, heart.cavity_apex_mm) * heart.cavity_radius_mm**2
    wall = _lv_profile(along_mm, heart.base_mm, heart.apex_mm) * heart.epicardium_radius_mm**2
    epicardium_squared = wall * rays.outline
    # The crescent adds `lift * crescent` to the squared radius, so its area is lift/2 times the crescent's integral
    # over the angle (4/3 of the half angle) whatever the epicardium's radius is.
    lift = _rv_area_mm2(heart, along_mm) * 2.0 / (RV_HALF_ANGLE_RAD * 4.0 / 3.0)
    rv_squared = np.where(lift * rays.crescent > 0.0, epicardium_squared + lift * rays.crescent, 0.0)
    return Surfaces(np.sqrt(cavity * rays.outline), np.sqrt(epicardium_squared), np.sqrt(rv_squared))


def _lv_radius_mm(volume_ml: float, length_mm: float) -> float:
    return math.sqrt(1000.0 * volume_ml / (math.pi * _LV_FORM * length_mm))


def _lv_profile(along_mm: Array, base_mm: float, apex_mm: float) -> Array:
    share = (along_mm - base_mm) / (apex_mm - base_mm)
    profile = 1.0 - ((share - _WIDEST) / (1.0 - _WIDEST)) ** 2
    return np.where((share >= 0.0) & (share <= 1.0), np.maximum(profile, 0.0), 0.0)


def _rv_area_mm2(heart: Heart, along_mm: Array) -> Array:
    share = (along_mm - heart.base_mm) / heart.rv_length_mm
    profile = (1.0 - share) * (1.0 + _RV_BULGE * share)
    return heart.rv_base_area_mm2 * np.where((share >= 0.0) & (share <= 1.0), np.maximum(profile, 0.0), 0.0)
