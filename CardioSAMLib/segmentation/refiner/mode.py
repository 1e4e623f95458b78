"""The refiner as it was published and as it was meant, and what a caller chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Literal

from CardioSAMLib.cine import UnusableInput


class Negatives(str, Enum):
    """Which points say where the structure is not: none, random ones of its surroundings, or optimized ones (NPPR)."""

    none = "none"
    random = "random"
    nppr = "nppr"


@dataclass(frozen=True)
class RefinerMode:
    """The choices on which publication (Cohen Indelman 2024) and correction differ.

    relative_threshold: whether a probability map is cut a second time, at a share of its highest value.
    count_by: how the number of positives is chosen.
    loss: of the optimization; "positive" is -mean(T log p), which predicting everything makes smallest.
    frame_px: side of the image in which coordinates are optimized; the step is the same number in each, so it is a
        step of 0.4 % of the image in a frame of 1, and none to speak of in one of 1024.
    weight_decay: of the coordinates; it pulls them to the corner.
    on_surroundings: whether a point that has left the surroundings is brought back to their nearest pixel.
    """

    name: str
    relative_threshold: bool
    count_by: Literal["silhouette", "inertia"]
    loss: Literal["bce", "positive"]
    frame_px: float
    weight_decay: float
    on_surroundings: bool


LITERAL = RefinerMode("literal", False, "inertia", "positive", 1024.0, 1e-2, False)
CORRECTED = RefinerMode("corrected", True, "silhouette", "bce", 1.0, 0.0, True)
REFINER_MODES: Mapping[str, RefinerMode] = MappingProxyType({mode.name: mode for mode in (LITERAL, CORRECTED)})


@dataclass(frozen=True)
class RefinerOptions:
    """How contours are refined. seed: of the clusters' starts and of where negatives begin.

    negatives: random ones need the core installation only; optimized ones torch and onnx, see docs/promptable.md.

    Raises UnusableInput for other modes or negatives, and seeds below 0.
    """

    mode: RefinerMode = CORRECTED
    negatives: Negatives = Negatives.random
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.mode, RefinerMode):
            raise UnusableInput(
                f"{self.mode!r} is no mode; give one of REFINER_MODES, which are named {' and '.join(REFINER_MODES)}."
            )
        if self.seed < 0:
            raise UnusableInput(f"The seed is {self.seed}; give 0 or more.")
        try:
            object.__setattr__(self, "negatives", Negatives(self.negatives))
        except ValueError as error:
            names = ", ".join(each.value for each in Negatives)
            raise UnusableInput(f"There are no negatives {self.negatives!r}; choose one of: {names}.") from error
