"""How well volumes, ejection fractions and mass from predicted contours agree with those from the reference."""

from __future__ import annotations

from collections.abc import Sequence

from CardioSAMLib.evaluation.agreement import agreement
from CardioSAMLib.evaluation.measured import measured_of
from CardioSAMLib.evaluation.metrics import STUDY_METRICS, StudyMetric
from CardioSAMLib.evaluation.pairs import FEWEST_PATIENTS
from CardioSAMLib.evaluation.result import Cell, SummaryTable
from CardioSAMLib.evaluation.scores import PatientScores

_COLUMNS = (
    *("measurement", "unit of the error", "patients", "not measured", "bias", "SD", "lower limit", "upper limit"),
    *("MAE", "RMSE", "Pearson r", "Pearson r²", "1 − SSE/SST", "ICC(2,1)", "ICC(3,1)", "CCC", "CV in percent"),
)


def agreement_table(patients: Sequence[PatientScores]) -> SummaryTable:
    """One row per measurement; its numbers are None where fewer patients have it than agreement needs."""
    rows = tuple(_row(patients, metric) for metric in STUDY_METRICS)
    note = (
        "Predicted minus reference. Limits of agreement: bias ± 1.96 SD. r² is blind to bias and scale, 1 − SSE/SST is "
        f"not. Not measured: one of both contours lacks the structure. Numbers need {FEWEST_PATIENTS} patients."
    )
    return SummaryTable("agreement", "Agreement of the measurements", _COLUMNS, rows, note)


def _row(patients: Sequence[PatientScores], metric: StudyMetric) -> tuple[Cell, ...]:
    studies = [patient.study for patient in patients if patient.study is not None]
    measured = measured_of(studies, metric)
    n = len(measured.patients)
    first: tuple[Cell, ...] = (metric.title, metric.error_unit, n, len(studies) - n)
    if n < FEWEST_PATIENTS:
        return (*first, *(None for _ in _COLUMNS[len(first) :]))
    found = agreement(measured.reference, measured.predicted, unit=metric.error_unit)
    limits = found.bland_altman
    return (
        *first,
        *(limits.bias, limits.sd, limits.lower, limits.upper, found.mae, found.rmse),
        *(found.pearson_r, found.pearson_r_squared, found.determination),
        *(icc.value if icc is not None else None for icc in (found.icc_2_1, found.icc_3_1)),
        *(found.ccc, found.cv_percent),
    )
