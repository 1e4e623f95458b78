"""What contours mean (floor 2): volumes, end-diastole and end-systole, mass, curves."""

from CardioSAMLib.function.body_size import BSA_FORMULAS, body_surface_area_m2
from CardioSAMLib.function.cardiac_function import METRICS, CardiacFunction, Metric, VentricleFunction, VolumeCurves
from CardioSAMLib.function.curve import HarmonicFit, PeakRates, fit_cycle, peak_rates
from CardioSAMLib.function.exclusion import without_slices
from CardioSAMLib.function.frames import check_named_frames, end_diastole_and_end_systole
from CardioSAMLib.function.mass import myocardial_mass_g
from CardioSAMLib.function.measure import measure
from CardioSAMLib.function.options import MeasureOptions
from CardioSAMLib.function.volumes import slice_areas_mm2, slice_volumes_ml, slices_with, volumes_ml

__all__ = [
    "BSA_FORMULAS",
    "METRICS",
    "CardiacFunction",
    "HarmonicFit",
    "MeasureOptions",
    "Metric",
    "PeakRates",
    "VentricleFunction",
    "VolumeCurves",
    "body_surface_area_m2",
    "check_named_frames",
    "end_diastole_and_end_systole",
    "fit_cycle",
    "measure",
    "myocardial_mass_g",
    "peak_rates",
    "slice_areas_mm2",
    "slice_volumes_ml",
    "slices_with",
    "volumes_ml",
    "without_slices",
]
