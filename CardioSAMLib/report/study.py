"""All that is known of one analyzed study when its outputs are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from CardioSAMLib.cine import Cine, QualityNote, UnusableInput
from CardioSAMLib.function.cardiac_function import CardiacFunction
from CardioSAMLib.labels import CineSegmentation
from CardioSAMLib.resources import ModelCard

_SEVERITY_ORDER = ("error", "warning", "info")


@dataclass(frozen=True)
class Study:
    """A cine, its contours and what follows from them.

    title: the study's name for people, free text; never a patient's name.
    notes: all that was noticed, by the reader, the measurements and the quality checks, in any order.
    model: who drew the contours; None for contours of a person.
    settings: name and value of each setting that shaped the numbers, for the report.

    Raises UnusableInput if contours or frames do not belong to the cine.
    """

    title: str
    cine: Cine
    segmentation: CineSegmentation
    function: CardiacFunction
    notes: tuple[QualityNote, ...] = ()
    model: ModelCard | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.segmentation.check_fits(self.cine)
        for frame in (self.function.ed_frame, self.function.es_frame):
            if frame is not None and not 0 <= frame < self.cine.frames:
                raise UnusableInput(f"Frame {frame} is not among the cine's {self.cine.frames}; measure this cine.")
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    @property
    def key_frames(self) -> tuple[tuple[str, int], ...]:
        """("ED", frame) and, where there is an end-systole, ("ES", frame); frames 0-based."""
        ed, es = self.function.ed_frame, self.function.es_frame
        return (("ED", ed),) if es is None else (("ED", ed), ("ES", es))

    @property
    def sorted_notes(self) -> tuple[QualityNote, ...]:
        """Each note once, errors first, and among equals in the order given.

        With a note on the label file where the slices are not equally spaced, as NIfTI has one spacing for all.
        """
        notes = list(dict.fromkeys(self.notes))
        if self.cine.geometry.slice_positions_mm is not None:
            notes.append(_unequal_slices_note(self.cine.geometry.spacing_mm[2]))
        return tuple(sorted(notes, key=lambda note: _SEVERITY_ORDER.index(note.severity)))


def _unequal_slices_note(interval_mm: float) -> QualityNote:
    return QualityNote(
        "label_file_equal_spacing",
        "info",
        f"segmentation.nii.gz places the slices {interval_mm:g} mm apart, the usual interval of this stack, because "
        "the format has no unequal spacing; the measurements use the true positions.",
    )
