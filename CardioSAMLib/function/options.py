"""What a user may choose about the measurements."""

from __future__ import annotations

from dataclasses import dataclass

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.function.body_size import BSA_FORMULAS


@dataclass(frozen=True)
class MeasureOptions:
    """ed_frame, es_frame: 0-based, where the user has chosen them; None: found on the curve of the left ventricle.

    bsa_formula: a name in `BSA_FORMULAS`. excluded: (frame, slice) pairs, 0-based, that are not counted;
    end-diastole and end-systole are found as if they were.
    Raises UnusableInput for values that cannot be.
    """

    ed_frame: int | None = None
    es_frame: int | None = None
    bsa_formula: str = "mosteller"
    excluded: frozenset[tuple[int, int]] = frozenset()

    def __post_init__(self) -> None:
        if self.bsa_formula not in BSA_FORMULAS:
            raise UnusableInput(
                f"There is no body surface formula {self.bsa_formula!r}; choose one of: {', '.join(BSA_FORMULAS)}."
            )
        if self.ed_frame is not None and self.ed_frame == self.es_frame:
            raise UnusableInput(
                "End-diastole and end-systole were given as the same frame; choose two, or leave one out."
            )
