"""Summary tables from the scores of patients: by structure and phase, group, region of the ventricle, severity, fold.

Averages are taken in this order: a volume's value, the mean over structures, the mean over phases, the mean over
patients. Masks that are empty are scored and counted; nothing is dropped from a mean that does not say so.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from CardioSAMLib.evaluation.metrics import METRICS, Metric, study_errors
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.protocols.severity import SEVERITIES, severity_of
from CardioSAMLib.evaluation.result import Cell, SummaryTable
from CardioSAMLib.evaluation.scores import (
    Emptiness,
    PatientScores,
    Phase,
    Region,
    SliceScore,
    VolumeScore,
)
from CardioSAMLib.labels import Structure

_EMPTY_RULE = (
    "A structure that one of both lacks has Dice 0 and the diagonal of the image as its distance (missed, spurious); "
    "one that both lack has Dice 1 and distance 0 (both empty)."
)
_COUNT_COLUMNS = ("missed", "spurious", "both empty")
_PHASES: tuple[tuple[str, Phase | None], ...] = (("ED", Phase.ED), ("ES", Phase.ES), ("both", None))


@dataclass(frozen=True)
class Summary:
    """Of so many values; sd is the sample's, None for fewer than 2 values, and all are None for none."""

    n: int
    mean: float | None
    sd: float | None
    median: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> Summary:
        found = list(values)
        if not found:
            return cls(0, None, None, None)
        sd = statistics.stdev(found) if len(found) > 1 else None
        return cls(len(found), statistics.fmean(found), sd, statistics.median(found))


def summary_tables(patients: Sequence[PatientScores]) -> tuple[SummaryTable, ...]:
    """The tables that every evaluation has."""
    return (
        overall_table(patients),
        structures_table(patients),
        groups_table(patients),
        regions_table(patients),
        severity_table(patients),
    )


def overall_table(patients: Sequence[PatientScores]) -> SummaryTable:
    """All metrics of all structures together; signed errors have no mean over structures and are left out."""
    rows = [
        (name, *_metric_cells(patients, metric, None, phase))
        for metric in METRICS
        if metric.better != "zero"
        for name, phase in _PHASES
    ]
    note = "3D per volume; mean over the structures of a volume, over its patient's phases, then over patients."
    return SummaryTable("overall", "All structures", ("phase", *_METRIC_COLUMNS), tuple(rows), note)


def structures_table(patients: Sequence[PatientScores]) -> SummaryTable:
    """All metrics of each structure at each phase."""
    rows = [
        (structure.name, name, *_metric_cells(patients, metric, structure, phase))
        for metric in METRICS
        for structure in Structure
        for name, phase in _PHASES
    ]
    columns = ("structure", "phase", *_METRIC_COLUMNS)
    return SummaryTable("structures", "By structure and phase", columns, tuple(rows), f"3D per volume. {_EMPTY_RULE}")


def groups_table(patients: Sequence[PatientScores]) -> SummaryTable:
    """One row per pathology group that the data set names, and one for all."""
    by_group: dict[str, list[PatientScores]] = {}
    for patient in patients:
        if patient.volumes:
            by_group.setdefault(patient.volumes[0].group, []).append(patient)
    named = [(group or "not named", members) for group, members in sorted(by_group.items())]
    rows = tuple((name, *_cohort_cells(members)) for name, members in [*named, ("all", list(patients))])
    note = "Dice and HD95: mean of the structures, both phases. Errors: predicted minus reference."
    return SummaryTable("groups", "By pathology group", ("group", *_COHORT_COLUMNS), rows, note)


def severity_table(patients: Sequence[PatientScores]) -> SummaryTable:
    """One row per class of the reference's LV ejection fraction."""
    members: dict[str, list[PatientScores]] = {severity.name: [] for severity in SEVERITIES}
    for patient in patients:
        ef = patient.study.reference["lv_ef_percent"] if patient.study else None
        if ef is not None:
            members[severity_of(ef).name].append(patient)
    rows = tuple(
        (severity.name, severity.range_text, *_cohort_cells(members[severity.name])) for severity in SEVERITIES
    )
    note = (
        "Classes of EACVI 2019 as quoted in secondary sources, given in whole percent: the reference ejection fraction "
        "is rounded to the next whole percent, halves up. Patients without a reference ejection fraction are left out."
    )
    columns = ("LV ejection fraction", "reference (%)", *_COHORT_COLUMNS)
    return SummaryTable("ef_severity", "By ejection fraction of the reference", columns, rows, note)


def regions_table(patients: Sequence[PatientScores]) -> SummaryTable:
    """2D scores of slices by the region of the ventricle, over slices, not over patients."""
    slices = [score for patient in patients for score in patient.slices]
    rows = []
    for structure in Structure:
        for region in Region:
            found = [score for score in slices if score.structure is structure and score.region is region]
            rows.append((structure.name, region.value, *_slice_cells(found)))
    columns = (
        *("structure", "region", "slices", "patients", "Dice mean", "Dice SD", "Dice median"),
        *("Dice mean without both empty", "HD95 mean (mm)", "ASSD mean (mm)"),
        *_COUNT_COLUMNS,
    )
    note = (
        "2D per slice, mean over slices: never to be set beside the 3D values. Thirds of the slices with reference "
        f"myocardium, the remainder in the middle; outside: slices without it. {_EMPTY_RULE}"
    )
    return SummaryTable("regions", "By region of the ventricle", columns, tuple(rows), note)


def folds_table(patients: Sequence[PatientScores], fold_of: Mapping[str, int], note: str) -> SummaryTable:
    """One row per fold, then mean and SD over the folds."""
    folds = sorted(set(fold_of.values()))
    cells = [_cohort_cells([patient for patient in patients if fold_of.get(patient.patient) == fold]) for fold in folds]
    over = [Summary.of(value for value in column if value is not None) for column in zip(*cells, strict=True)]
    rows = [(str(fold), *row) for fold, row in zip(folds, cells, strict=True)]
    rows.append(("mean over folds", *(summary.mean for summary in over)))
    rows.append(("SD over folds", *(summary.sd for summary in over)))
    return SummaryTable("folds", "By fold of the cross-validation", ("fold", *_COHORT_COLUMNS), tuple(rows), note)


def ef_errors(patients: Iterable[PatientScores], ventricle: str) -> tuple[float, ...]:
    """Predicted minus reference ejection fraction in points, of those patients that have both. ventricle: lv, rv."""
    return study_differences(patients, f"{ventricle}_ef_percent")


def study_differences(patients: Iterable[PatientScores], key: str) -> tuple[float, ...]:
    """Predicted minus reference of one measurement, of those patients that have both."""
    errors = (study_errors(patient.study)[key] for patient in patients if patient.study is not None)
    return tuple(error for error in errors if error is not None)


_METRIC_COLUMNS = ("metric", "unit", "patients", "mean", "SD", "median", "mean without both empty", *_COUNT_COLUMNS)


def _metric_cells(
    patients: Sequence[PatientScores], metric: Metric, structure: Structure | None, phase: Phase | None
) -> tuple[Cell, ...]:
    everyone = Summary.of(patient_values(patients, metric.key, structure, phase).values())
    drawn = [
        replace(patient, volumes=tuple(v for v in patient.volumes if v.emptiness is not Emptiness.BOTH))
        for patient in patients
    ]
    without = Summary.of(patient_values(drawn, metric.key, structure, phase).values())
    volumes = (
        score
        for patient in patients
        for score in patient.volumes
        if structure in (None, score.structure) and phase in (None, score.phase)
    )
    values = (everyone.n, everyone.mean, everyone.sd, everyone.median, without.mean)
    return (metric.title, metric.unit, *values, *_counts(volumes))


_COHORT_COLUMNS = (
    *("patients", "Dice mean", "Dice SD", "HD95 mean (mm)", "HD95 SD (mm)"),
    *("LV EF absolute error mean (points)", "LV EF absolute error SD (points)", "LV EF bias (points)"),
    *("RV EF absolute error mean (points)", "RV EF bias (points)"),
    *("LV EDV absolute error mean (mL)", "LV ESV absolute error mean (mL)"),
    *("missed", "spurious"),
)


def _cohort_cells(patients: Sequence[PatientScores]) -> tuple[float | int | None, ...]:
    dice = Summary.of(patient_values(patients, "dice").values())
    hd95 = Summary.of(patient_values(patients, "hd95_mm").values())
    lv, rv = ef_errors(patients, "lv"), ef_errors(patients, "rv")
    lv_absolute = Summary.of(map(abs, lv))
    missed, spurious, _ = _counts(score for patient in patients for score in patient.volumes)
    return (
        *(dice.n, dice.mean, dice.sd, hd95.mean, hd95.sd),
        *(lv_absolute.mean, lv_absolute.sd, Summary.of(lv).mean),
        *(Summary.of(map(abs, rv)).mean, Summary.of(rv).mean),
        *(Summary.of(map(abs, study_differences(patients, key))).mean for key in ("lv_edv_ml", "lv_esv_ml")),
        *(missed, spurious),
    )


def _slice_cells(slices: Sequence[SliceScore]) -> tuple[Cell, ...]:
    dice = Summary.of(score.values["dice"] for score in slices)
    without = Summary.of(score.values["dice"] for score in slices if score.emptiness is not Emptiness.BOTH)
    distances = (Summary.of(score.values[key] for score in slices).mean for key in ("hd95_mm", "assd_mm"))
    patients = len({score.patient for score in slices})
    return (dice.n, patients, dice.mean, dice.sd, dice.median, without.mean, *distances, *_counts(slices))


def _counts(scores: Iterable[VolumeScore | SliceScore]) -> tuple[int, int, int]:
    found = Counter(score.emptiness for score in scores)
    return found[Emptiness.MISSED], found[Emptiness.SPURIOUS], found[Emptiness.BOTH]
