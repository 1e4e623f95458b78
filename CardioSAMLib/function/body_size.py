"""Body surface area, by which volumes and mass are indexed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType


def _mosteller(height_cm: float, weight_kg: float) -> float:
    return math.sqrt(height_cm * weight_kg / 3600.0)


def _du_bois(height_cm: float, weight_kg: float) -> float:
    return 0.007184 * math.pow(weight_kg, 0.425) * math.pow(height_cm, 0.725)


BSA_FORMULAS: Mapping[str, Callable[[float, float], float]] = MappingProxyType(
    {"mosteller": _mosteller, "du-bois": _du_bois}
)
"""By name: (height in cm, weight in kg) -> m².

Mosteller, N Engl J Med 1987;317:1098. Du Bois and Du Bois, Arch Intern Med 1916;17:863.
"""


def body_surface_area_m2(height_cm: float, weight_kg: float, formula: str) -> float:
    """Body surface area in m² by a formula of `BSA_FORMULAS`."""
    return BSA_FORMULAS[formula](height_cm, weight_kg)
