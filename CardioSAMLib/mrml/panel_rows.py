"""What the panel shows of models, cines, slices and results, as lines and rows of text; no widgets here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from CardioSAMLib.cine import Cine, QualityNote
from CardioSAMLib.contour_comparison import SHOWN_METRICS, ContourComparison
from CardioSAMLib.function import CardiacFunction
from CardioSAMLib.mrml.packages import needs_torch
from CardioSAMLib.mrml.session import SliceEffect, StudySession
from CardioSAMLib.report.rows import format_value, measurement_rows
from CardioSAMLib.resources import ModelCard


@dataclass(frozen=True)
class Cell:
    """A cell of a table. explanation: its tool tip. ticked: None where there is nothing to tick."""

    text: str
    explanation: str = ""
    ticked: bool | None = None


CellRow = tuple[Cell, ...]


def model_line(card: ModelCard) -> str:
    """License, size and training data, which the user must see before the first use."""
    size = f"{card.total_bytes / 1e6:.1f} MB" + ("" if card.is_here else ", not downloaded yet")
    return f"License {card.license}; {size}; trained on {card.training_data}"


def download_question(card: ModelCard) -> str:
    """What the user agrees to."""
    return (
        f"{card.title} is not on this computer. Download {card.total_bytes / 1e6:.1f} MB from {card.url}?\n\n"
        f"License: {card.license}. Its checksum is compared with that of the catalogue. Nothing is sent. It can be "
        "removed again in this panel."
    )


def device_line(card: ModelCard) -> str:
    """On what a model computes."""
    if needs_torch(card):
        return "PyTorch: a GPU where there is one; on a processor this takes minutes"
    return "processor; no GPU is needed"


def cine_line(cine: Cine) -> str:
    """Size, grid and heart rate of a cine."""
    row_mm, column_mm, slice_mm = cine.geometry.spacing_mm
    rows, columns = cine.pixels.shape[2:]
    rate = "heart rate unknown" if cine.heart_rate_bpm is None else f"{cine.heart_rate_bpm:.0f} bpm"
    return (
        f"{cine.frames} frames of {cine.slices} slices every {slice_mm:.3g} mm, {rows} × {columns} pixels of "
        f"{row_mm:.3g} × {column_mm:.3g} mm, {rate}"
    )


def slice_line(session: StudySession, frame: int, slice_number: int) -> str:
    """Which slice is shown, and what was said of it."""
    frames, slices = session.cine.pixels.shape[:2]
    key = (frame, slice_number)
    study = session.study
    marks = [word for word, keys in (("corrected", study.corrected), ("locked", study.locked)) if key in keys]
    state = ", ".join(marks) or "as drawn"
    return f"Frame {frame} (0 to {frames - 1}), slice {slice_number} (0 to {slices - 1}): {state}"


def measurement_cells(function: CardiacFunction) -> list[CellRow]:
    """Name, left, right and unit of each measurement; a missing value says why."""
    return [
        (Cell(row.title), *(Cell(value.text, value.reason) for value in (row.lv, row.rv)), Cell(row.unit))
        for row in measurement_rows(function)
    ]


def note_cells(notes: Sequence[QualityNote]) -> list[CellRow]:
    """Severity, frame, slice and text of each note."""
    return [
        (Cell(note.severity), Cell(_place(note.frame)), Cell(_place(note.slice)), Cell(note.message, note.message))
        for note in notes
    ]


def slice_cells(session: StudySession) -> list[CellRow]:
    """Number of each slice, and what it adds to the cavity of the left ventricle in mL at ED and ES.

    The explanation names all structures. No rows before the study was assessed; one column without end-systole.
    """
    frames = [frame for frame in session.key_frames or () if frame is not None]
    columns = [[_effect_cell(effect) for effect in session.slice_effects(frame)] for frame in frames]
    return [(Cell(str(number)), *cells) for number, cells in enumerate(zip(*columns, strict=True))]


def comparison_cells(comparison: ContourComparison) -> list[CellRow]:
    """Frame, structure and the shown metrics of each score."""
    rows = []
    for score in comparison.scores:
        values = [
            Cell(format_value(score.values.get(metric.key), 1 if metric.unit else 3), metric.title)
            for metric in SHOWN_METRICS
        ]
        rows.append((Cell(str(score.frame)), Cell(score.structure.name), *values))
    return rows


def difference_line(comparison: ContourComparison) -> str:
    """What the other contours would change: "LV Ejection fraction -1.2 points; ..."."""
    known = [row for row in comparison.differences if row.difference is not None]
    return "; ".join(f"{row.title} {row.difference:+.1f} {row.difference_unit}" for row in known)


def _effect_cell(effect: SliceEffect) -> Cell:
    parts = {"LV": effect.lv_ml, "MYO": effect.myo_ml, "RV": effect.rv_ml}
    told = ", ".join(f"{name} {ml:.1f} mL" for name, ml in parts.items())
    return Cell(f"{effect.lv_ml:.1f}", f"{told}{'' if effect.included else ', not counted'}", effect.included)


def _place(number: int | None) -> str:
    return "" if number is None else str(number)
