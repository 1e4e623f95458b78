"""Looks over a measured study and lists what its reader should know."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from CardioSAMLib.cine import Cine, QualityNote
from CardioSAMLib.labels import CineSegmentation
from CardioSAMLib.quality.registry import RULES
from CardioSAMLib.quality.rules import Case, Measured


@dataclass(frozen=True)
class QualityReport:
    """All notes of a study: the reader's, those of the measurements, then those of the quality rules."""

    notes: tuple[QualityNote, ...]

    @property
    def failed(self) -> bool:
        """Whether the numbers must not be used before somebody has looked at the contours."""
        return any(note.severity == "error" for note in self.notes)


def check(
    cine: Cine,
    segmentation: CineSegmentation,
    function: Measured,
    excluded: Set[tuple[int, int]] = frozenset(),
) -> QualityReport:
    """Applies every rule of the registry. function: what `function.measure` made of the same cine and segmentation.

    excluded: (frame, slice) pairs, 0-based, that do not enter the measurements: what is wrong in them is not told.
    """
    case = Case(cine, segmentation, function)
    found = tuple(note for rule in RULES for note in rule.notes(case) if (note.frame, note.slice) not in excluded)
    return QualityReport((*cine.notes, *function.notes, *found))
