"""Mass of the left ventricular wall."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array, Geometry

DENSITY_G_ML = 1.05


def myocardial_mass_g(myocardium: Array, geometry: Geometry) -> float:
    """Mass of the left ventricular wall in grams; papillary muscles count where the contours put them.

    myocardium: bool `(slices, rows, columns)`, one frame.
    Raises ValueError if the mask is empty: a mass of zero would read like a measurement.
    Density 1.05 g/mL, as in the SCMR post-processing statement (Schulz-Menger 2020).
    """
    areas_mm2 = np.count_nonzero(myocardium, axis=(1, 2)) * geometry.pixel_area_mm2
    volume_ml = float(areas_mm2 @ geometry.slice_intervals_mm(len(myocardium))) / 1000.0
    if volume_ml == 0.0:
        raise ValueError("The mask of the myocardium is empty; it has no mass.")
    return DENSITY_G_ML * volume_ml
