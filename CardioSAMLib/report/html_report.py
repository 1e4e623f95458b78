"""report.html: one self-contained file that a reader can check, print and archive."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from itertools import groupby
from string import Template

from CardioSAMLib import __version__
from CardioSAMLib.cine import QualityNote
from CardioSAMLib.function.mass import DENSITY_G_ML
from CardioSAMLib.report.curves import curves_svg
from CardioSAMLib.report.rows import Cell, Row, measurement_rows
from CardioSAMLib.report.slice_picture import slice_svg
from CardioSAMLib.report.slice_view import slice_views
from CardioSAMLib.report.structure_style import OUTLINE_NAMES
from CardioSAMLib.report.study import Study

_SEVERITY_WORDS = {"error": "Error", "warning": "Warning", "info": "Note"}
_SEX_WORDS = {"F": "female", "M": "male"}

# What is shown large: ventricle and key in METRICS.
_HEADLINE = (("lv", "ef_percent"), ("lv", "edv_ml"), ("lv", "esv_ml"), ("lv", "mass_ed_g"), ("rv", "ef_percent"))


def report_html(study: Study) -> bytes:
    """The report, UTF-8: pictures inside, no scripts, nothing loaded from elsewhere, all text escaped."""
    template = Template(files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    rows = measurement_rows(study.function)
    page = template.substitute(
        style=files("CardioSAMLib").joinpath("page_style.css").read_text(encoding="utf-8"),
        title=escape(study.title or "Cardiac cine MR"),
        patient=escape(_patient_line(study)),
        study=escape(_study_line(study)),
        headline=_headline(rows),
        measurements="\n".join(_table_row(row) for row in rows),
        curves=base64.b64encode(curves_svg(study)).decode(),
        notes=_notes(study.sorted_notes),
        legend=_legend(),
        pictures=len(study.key_frames),
        slices=_slices(study),
        details=_details(study),
        version=escape(__version__),
    )
    return page.encode()


def _patient_line(study: Study) -> str:
    patient, bsa_m2 = study.cine.patient, study.function.bsa_m2
    formula = study.function.bsa_formula.replace("-", " ").title()
    known = [
        text
        for value, text in (
            (patient.sex, _SEX_WORDS.get(patient.sex or "", "")),
            (patient.age_years, f"{patient.age_years:.0f} years" if patient.age_years is not None else ""),
            (patient.height_cm, f"{patient.height_cm:.0f} cm" if patient.height_cm is not None else ""),
            (patient.weight_kg, f"{patient.weight_kg:.0f} kg" if patient.weight_kg is not None else ""),
            (
                bsa_m2,
                f"body surface {bsa_m2:.2f} m² ({formula} formula)" if bsa_m2 is not None else "",
            ),
        )
        if value is not None
    ]
    return ", ".join(known) if known else "sex, age, height and weight unknown"


def _study_line(study: Study) -> str:
    cine, heart_rate = study.cine, study.function.heart_rate_bpm
    row_mm, column_mm, slice_mm = cine.geometry.spacing_mm
    about = "about " if cine.geometry.slice_positions_mm is not None else ""
    parts = [
        f"{_count(cine.frames, 'frame')} of {_count(cine.slices, 'slice')}",
        f"pixels of {row_mm:.2f} × {column_mm:.2f} mm",
        f"slices {about}{slice_mm:.1f} mm apart",
        f"heart rate {heart_rate:.0f}/min" if heart_rate is not None else "heart rate unknown",
        *(f"{name} at frame {frame}" for name, frame in study.key_frames),
    ]
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _headline(rows: tuple[Row, ...]) -> str:
    by_key = {row.key: row for row in rows}
    tiles = []
    for side, key in _HEADLINE:
        row = by_key[key]
        cell = row.lv if side == "lv" else row.rv
        unit = f' <span class="unit">{escape(row.unit)}</span>' if not cell.reason else ""
        name = f"{side.upper()} {row.title[0].lower()}{row.title[1:]}"
        tiles.append(f'<div class="{side}"><dt>{escape(name)}</dt><dd>{escape(cell.text)}{unit}</dd></div>')
    return "\n".join(tiles)


def _table_row(row: Row) -> str:
    if row.lv.reason and row.lv == row.rv:
        cells = _table_cell(row.lv, ' colspan="2"')
    else:
        cells = _table_cell(row.lv) + _table_cell(row.rv)
    return f'<tr><th scope="row">{escape(row.title)}</th>{cells}<td class="unit">{escape(row.unit)}</td></tr>'


def _table_cell(cell: Cell, span: str = "") -> str:
    if cell.reason:
        return f'<td class="missing"{span}>{escape(cell.text)} <small>{escape(cell.reason)}</small></td>'
    return f"<td{span}>{escape(cell.text)}</td>"


def _notes(notes: Iterable[QualityNote]) -> str:
    items = [
        f'<li class="{note.severity}"><b>{_SEVERITY_WORDS[note.severity]}</b>'
        f"<span>{escape(note.message)}{_place(note)}</span></li>"
        for note in notes
    ]
    return f'<ul class="notes">{"".join(items)}</ul>' if items else "<p>Nothing was noticed.</p>"


def _place(note: QualityNote) -> str:
    places = [
        f"{name} {number}" for name, number in (("frame", note.frame), ("slice", note.slice)) if number is not None
    ]
    return f' <span class="place">{", ".join(places)}</span>' if places else ""


def _legend() -> str:
    return "".join(
        f'<span><i style="background:{structure.hex_color}"></i>{escape(name)}</span>'
        for structure, name in OUTLINE_NAMES.items()
    )


def _slices(study: Study) -> str:
    """A figure per slice with one picture per key frame, so that the page can flow on any width."""
    by_frame = [(name, slice_views(study, frame)) for name, frame in study.key_frames]
    figures = []
    for number in range(study.cine.slices):
        pictures = "".join(slice_svg(views[number], name) for name, views in by_frame)
        figures.append(f"<figure><figcaption>Slice {number}</figcaption><div>{pictures}</div></figure>")
    return "\n".join(figures)


def _details(study: Study) -> str:
    function = study.function
    settings = {**study.segmentation.provenance.settings, **study.settings}
    facts = {
        **_drawn_by(study),
        "Source": study.cine.source or "not said",
        **settings,
        "Slices with LV": _slice_ranges(function.lv_slices_ed, function.lv_slices_es),
        "Slices with RV": _slice_ranges(function.rv_slices_ed, function.rv_slices_es),
        "Volumes": "sum over the slices of area times slice interval",
        "Mass": f"volume of the wall times {DENSITY_G_ML} g/mL",
    }
    return "\n".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())


def _drawn_by(study: Study) -> dict[str, str]:
    card = study.model
    if card is None:
        return {"Contours by": study.segmentation.provenance.model_id}
    return {
        "Contours by": f"{card.title} ({card.id}), version {card.version}",
        "License of the model": card.license,
        "Trained on": card.training_data,
        "SHA-256 of the model": card.sha256,
    }


def _slice_ranges(at_ed: tuple[int, ...], at_es: tuple[int, ...]) -> str:
    """As in: ED 1–8; ES 2–5, 7."""
    named = (("ED", at_ed), ("ES", at_es))
    return "; ".join(f"{name} {', '.join(_runs(slices))}" for name, slices in named if slices) or "none"


def _runs(numbers: tuple[int, ...]) -> Iterator[str]:
    # Rising numbers less their rank are the same within a run of neighbors.
    for _, group in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        yield str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}"
