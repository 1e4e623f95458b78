"""What a search may vary: named parameters between bounds, linear or logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from CardioSAMLib.cine import Array, UnusableInput

Values = Mapping[str, float]
"""One value per parameter, by its name: a point of the space."""


@dataclass(frozen=True)
class Parameter:
    """A number between two bounds, both included. scale: a "log" one is searched by its order of magnitude."""

    name: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    def __post_init__(self) -> None:
        if self.scale not in ("linear", "log"):
            raise UnusableInput(f"{self.name} has the scale {self.scale!r}; choose linear or log.")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UnusableInput(f"{self.name} cannot lie between {self.low:g} and {self.high:g}; give a lower low.")
        if self.scale == "log" and self.low <= 0.0:
            raise UnusableInput(f"{self.name} is searched on a log scale; its low must be above 0.")

    def value_at(self, share: float) -> float:
        """The value at a share 0..1 of the way from low to high, on this scale."""
        if self.scale == "log":
            value = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            value = self.low + share * (self.high - self.low)
        return min(max(value, self.low), self.high)  # rounding must not pass a bound


@dataclass(frozen=True)
class SearchSpace:
    """The parameters that are searched together. Raises UnusableInput where there is none, or a name comes twice."""

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        if not names or len(set(names)) < len(names):
            raise UnusableInput("A search space needs one or more parameters, each with a name of its own.")

    def __len__(self) -> int:
        return len(self.parameters)

    def values_at(self, position: Array | Sequence[float]) -> dict[str, float]:
        """The values at a position in the unit cube, float `(parameters,)`."""
        return {
            parameter.name: parameter.value_at(float(share))
            for parameter, share in zip(self.parameters, position, strict=True)
        }
