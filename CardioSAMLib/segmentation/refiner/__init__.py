"""The refiner (Cohen Indelman 2024): coarse contours become points, and points better contours."""

from CardioSAMLib.segmentation.refiner.mode import REFINER_MODES, Negatives, RefinerMode, RefinerOptions
from CardioSAMLib.segmentation.refiner.refine import refine

__all__ = ["REFINER_MODES", "Negatives", "RefinerMode", "RefinerOptions", "refine"]
