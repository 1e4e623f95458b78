"""Scores as rows of text and numbers, and back: what the CSV files and the stored patients are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from CardioSAMLib.evaluation.scores import (
    Emptiness,
    PatientScores,
    Phase,
    Problem,
    Region,
    SliceScore,
    StudyScore,
    VolumeScore,
)
from CardioSAMLib.labels import Structure

CASES, SLICES, STUDIES, PROBLEMS = "cases.csv", "slices.csv", "studies.csv", "problems.csv"
FILES = (CASES, SLICES, STUDIES, PROBLEMS)

Row = Mapping[str, Any]

_CASE_COLUMNS = ("patient", "group", "phase", "structure", "emptiness")
_SLICE_COLUMNS = ("patient", "group", "phase", "structure", "slice", "region", "emptiness")
_STUDY_COLUMNS = ("patient", "group", "seconds")
_PROBLEM_COLUMNS = ("patient", "code", "message")
_PREDICTED, _REFERENCE = "_predicted", "_reference"


def rows_of(name: str, patients: Iterable[PatientScores]) -> tuple[tuple[str, ...], list[Row]]:
    """Columns and rows of one of the `FILES`. Floats keep all their digits; None is an empty cell in CSV."""
    rows: list[Row] = []
    for patient in patients:
        rows += _ROWS_OF[name](patient)
    first = _COLUMNS[name]
    more = dict.fromkeys(key for row in rows for key in row if key not in first)
    return (*first, *more), rows


def patients_of(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[PatientScores, ...]:
    """The patients whose rows, by file, these are, in the order of their names. Raises KeyError or ValueError where a
    row is not one of ours."""
    names = sorted({row["patient"] for part in rows.values() for row in part})
    mine: dict[str, dict[str, list[Row]]] = {name: {file: [] for file in FILES} for name in names}
    for file, part in rows.items():
        for row in part:
            mine[row["patient"]][file].append(row)
    return tuple(_patient(name, mine[name]) for name in names)


def _patient(name: str, rows: Mapping[str, Sequence[Row]]) -> PatientScores:
    studies = [_study(row) for row in rows[STUDIES]]
    return PatientScores(
        patient=name,
        volumes=tuple(_volume(row) for row in rows[CASES]),
        slices=tuple(_slice(row) for row in rows[SLICES]),
        study=studies[0] if studies else None,
        problems=tuple(Problem(row["patient"], row["code"], row["message"]) for row in rows[PROBLEMS]),
    )


def _case_rows(patient: PatientScores) -> list[Row]:
    return [
        {
            "patient": score.patient,
            "group": score.group,
            "phase": score.phase.value,
            "structure": score.structure.name,
            "emptiness": score.emptiness.value,
            **score.values,
        }
        for score in patient.volumes
    ]


def _slice_rows(patient: PatientScores) -> list[Row]:
    return [
        {
            "patient": score.patient,
            "group": score.group,
            "phase": score.phase.value,
            "structure": score.structure.name,
            "slice": score.slice_number,
            "region": score.region.value,
            "emptiness": score.emptiness.value,
            **score.values,
        }
        for score in patient.slices
    ]


def _study_rows(patient: PatientScores) -> list[Row]:
    study = patient.study
    if study is None:
        return []
    values: dict[str, Any] = {"patient": study.patient, "group": study.group, "seconds": study.seconds}
    for key in study.predicted:
        values[key + _PREDICTED] = study.predicted[key]
        values[key + _REFERENCE] = study.reference[key]
    return [values]


def _problem_rows(patient: PatientScores) -> list[Row]:
    return [
        {"patient": problem.patient, "code": problem.code, "message": problem.message} for problem in patient.problems
    ]


_ROWS_OF = {CASES: _case_rows, SLICES: _slice_rows, STUDIES: _study_rows, PROBLEMS: _problem_rows}
_COLUMNS = {CASES: _CASE_COLUMNS, SLICES: _SLICE_COLUMNS, STUDIES: _STUDY_COLUMNS, PROBLEMS: _PROBLEM_COLUMNS}


def _volume(row: Row) -> VolumeScore:
    return VolumeScore(
        patient=row["patient"],
        group=row["group"],
        phase=Phase(row["phase"]),
        structure=Structure[row["structure"]],
        emptiness=Emptiness(row["emptiness"]),
        values=_metrics(row, _CASE_COLUMNS),
    )


def _slice(row: Row) -> SliceScore:
    return SliceScore(
        patient=row["patient"],
        group=row["group"],
        phase=Phase(row["phase"]),
        structure=Structure[row["structure"]],
        slice_number=int(row["slice"]),
        region=Region(row["region"]),
        emptiness=Emptiness(row["emptiness"]),
        values=_metrics(row, _SLICE_COLUMNS),
    )


def _study(row: Row) -> StudyScore:
    keys = [key.removesuffix(_PREDICTED) for key in row if key.endswith(_PREDICTED)]
    return StudyScore(
        patient=row["patient"],
        group=row["group"],
        predicted={key: _number(row[key + _PREDICTED]) for key in keys},
        reference={key: _number(row[key + _REFERENCE]) for key in keys},
        seconds=_number(row["seconds"]),
    )


def _metrics(row: Row, others: Sequence[str]) -> dict[str, float]:
    return {key: float(value) for key, value in row.items() if key not in others and value not in ("", None)}


def _number(value: Any) -> float | None:
    return None if value in ("", None) else float(value)
