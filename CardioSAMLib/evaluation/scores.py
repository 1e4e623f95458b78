"""What scoring gives: one row per structure and frame, one per slice, one per study, and what could not be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from CardioSAMLib.labels import Structure


class Phase(str, Enum):
    """The two frames of a cine that data sets label: end-diastole and end-systole."""

    ED = "ED"
    ES = "ES"


class Emptiness(str, Enum):
    """Which mask of a pair has nothing in it (docs/metrics.md). Such pairs are scored and counted, never dropped."""

    NEITHER = ""
    BOTH = "both_empty"
    MISSED = "missed"
    SPURIOUS = "spurious"


class Region(str, Enum):
    """Where in the ventricle a slice lies: thirds of the slices in which the reference has myocardium, base first, what
    is left over to the middle. OUTSIDE: slices without reference myocardium."""

    BASE = "base"
    MID = "mid"
    APEX = "apex"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class VolumeScore:
    """One structure in one frame, scored in 3D. values: by metric key, never NaN."""

    patient: str
    group: str
    phase: Phase
    structure: Structure
    emptiness: Emptiness
    values: Mapping[str, float]


@dataclass(frozen=True)
class SliceScore:
    """One structure in one slice (0-based) of one frame, scored in 2D. values: by metric key, never NaN."""

    patient: str
    group: str
    phase: Phase
    structure: Structure
    slice_number: int
    region: Region
    emptiness: Emptiness
    values: Mapping[str, float]


@dataclass(frozen=True)
class StudyScore:
    """The measurements of one study from predicted and from reference contours.

    predicted, reference: `lv_edv_ml`, `lv_esv_ml`, `lv_ef_percent`, `lv_mass_ed_g`, `rv_edv_ml`, `rv_esv_ml`,
    `rv_ef_percent`; None where contours do not allow the value. seconds: time of the prediction, None where it was
    made elsewhere.
    """

    patient: str
    group: str
    predicted: Mapping[str, float | None]
    reference: Mapping[str, float | None]
    seconds: float | None


@dataclass(frozen=True)
class Problem:
    """Something that could not be scored. code: `missing`, `ambiguous`, `unreadable`, `other_grid`, `unknown_label`,
    `no_heart` or `no_reference`. message: one plain sentence."""

    patient: str
    code: str
    message: str


@dataclass(frozen=True)
class PatientScores:
    """All that one patient gives; empty rows where only problems came of it."""

    patient: str
    volumes: tuple[VolumeScore, ...]
    slices: tuple[SliceScore, ...]
    study: StudyScore | None
    problems: tuple[Problem, ...]
