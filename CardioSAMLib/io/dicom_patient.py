"""Sex, age, height and weight of a DICOM file; values that cannot be are left out with a note."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

from pydicom.dataset import Dataset

from CardioSAMLib.cine import Patient, QualityNote
from CardioSAMLib.io.dicom_files import number, text

_YEARS_PER_UNIT = {"Y": 1.0, "M": 1.0 / 12.0, "W": 7.0 / 365.25, "D": 1.0 / 365.25}


def patient_of(dataset: Dataset) -> tuple[Patient, tuple[QualityNote, ...]]:
    """The patient and notes on implausible values, which become None (limits of `Patient`)."""
    size_m = number(dataset, "PatientSize")
    height, height_notes = _plausible("height", None if size_m is None else 100.0 * size_m, 40.0, 250.0, "cm")
    weight, weight_notes = _plausible("weight", number(dataset, "PatientWeight"), 2.0, 350.0, "kg")
    age, age_notes = _plausible("age", _age_years(dataset), 0.0, 130.0, "years")
    return Patient(_sex(dataset), age, height, weight), (*height_notes, *weight_notes, *age_notes)


def _sex(dataset: Dataset) -> Literal["F", "M"] | None:
    letter = text(dataset, "PatientSex").upper()
    return "F" if letter == "F" else "M" if letter == "M" else None


def _plausible(
    name: str, value: float | None, low: float, high: float, unit: str
) -> tuple[float | None, tuple[QualityNote, ...]]:
    if value is None or low <= value <= high:
        return value, ()
    message = f"The {name} of {value:g} {unit} in the file cannot be and was left out."
    return None, (QualityNote(f"implausible_{name}", "info", message),)


def _age_years(dataset: Dataset) -> float | None:
    """From PatientAge ("045Y"), else from the dates of birth and study, which anonymizers blank ("00000000")."""
    stated = re.fullmatch(r"(\d{1,3})([YMWD])", text(dataset, "PatientAge").upper())
    if stated:
        return int(stated.group(1)) * _YEARS_PER_UNIT[stated.group(2)]
    born, studied = _date(text(dataset, "PatientBirthDate")), _date(text(dataset, "StudyDate"))
    if born is None or studied is None:
        return None
    return float(studied.year - born.year - ((studied.month, studied.day) < (born.month, born.day)))


def _date(digits: str) -> date | None:
    if not re.fullmatch(r"\d{8}", digits):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
