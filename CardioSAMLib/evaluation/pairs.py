"""Numbers that belong to the same patients, made ready for statistics: missing ones out, unusable ones refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput

Values: TypeAlias = Sequence[float | None] | Array
"""One number per patient; None where it could not be measured."""

FEWEST_PATIENTS = 3
"""With two patients every correlation is 1 or -1 and nothing is left to estimate an error from."""

EQUAL_WITHIN = 1e-12
"""Relative difference below which two numbers differ by the rounding of floating point only."""


@dataclass(frozen=True, eq=False)
class CompletePairs:
    """Two numbers per patient, both present. first, second: float `(patients,)`. dropped: pairs left out."""

    first: Array
    second: Array
    dropped: int

    @property
    def differences(self) -> Array:
        """First minus second, float `(patients,)`; exactly 0 where they differ by rounding only, so that ties count."""
        differences = self.first - self.second
        rounding = EQUAL_WITHIN * np.maximum(np.abs(self.first), np.abs(self.second))
        return np.where(np.abs(differences) <= rounding, 0.0, differences)


def complete_pairs(first: Values, second: Values) -> CompletePairs:
    """The pairs in which neither number is None.

    Raises UnusableInput if the lengths differ, a number is NaN or infinite, or fewer than `FEWEST_PATIENTS` remain.
    """
    if len(first) != len(second):
        raise UnusableInput(
            f"There are {len(first)} and {len(second)} values; give one of each for every patient, None where missing."
        )
    kept = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(kept) < FEWEST_PATIENTS:
        raise UnusableInput(
            f"Of {len(first)} patients {len(kept)} have both values; statistics need at least {FEWEST_PATIENTS}."
        )
    pairs = finite(np.asarray(kept, dtype=float))
    return CompletePairs(pairs[:, 0], pairs[:, 1], dropped=len(first) - len(kept))


def present(values: Values) -> Array:
    """The values that are not None, float `(patients,)`. Raises UnusableInput if one is NaN or infinite."""
    return finite(np.asarray([value for value in values if value is not None], dtype=float))


def finite(values: Array) -> Array:
    """The values as they are. Raises UnusableInput if one is NaN or infinite."""
    if not np.all(np.isfinite(values)):
        raise UnusableInput("A value is NaN or infinite; give None where a measurement is missing.")
    return values


def all_equal(values: Array, scale: float | None = None) -> bool:
    """Whether the values differ by rounding only. scale: size of the numbers they were computed from, where that is
    larger than the values themselves; None: their own."""
    size = float(np.max(np.abs(values))) if scale is None else scale
    return float(np.ptp(values)) <= EQUAL_WITHIN * size
