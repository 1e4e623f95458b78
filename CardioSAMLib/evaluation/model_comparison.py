"""Two evaluations of the same patients compared: patient by patient, with tests where tests make sense."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.comparison import PairedComparison, compare_paired, holm
from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS, Metric, study_errors
from CardioSAMLib.evaluation.pairs import FEWEST_PATIENTS
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.resources_table import Resources, resources_of
from CardioSAMLib.evaluation.result import EvaluationResult
from CardioSAMLib.evaluation.scores import PatientScores, Phase, StudyScore
from CardioSAMLib.labels import Structure

SIGNIFICANCE = 0.05
_UNKNOWN_PROMPTS = (
    "It is not known who prompted A and B: the tests are fair only if both, or neither, were told where the heart lies."
)
_ORDER = (Structure.LV, Structure.MYO, Structure.RV)
# Files round; contours that differ by a voxel differ by more.
_SAME_REFERENCE = 1e-3

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class ComparedRow:
    """One quantity of the common patients under A and B.

    structure, phase: "all" and "both" for means over them, "" where the quantity is of the whole study. test: of B
    minus A; None where the two may not be ranked or too few patients have the quantity. p_holm: Wilcoxon's p adjusted
    for the tests of the table.
    """

    title: str
    structure: str
    phase: str
    unit: str
    better: Better
    n: int
    mean_a: float
    sd_a: float | None
    mean_b: float
    sd_b: float | None
    test: PairedComparison | None
    p_holm: float | None

    @property
    def verdict(self) -> str:
        """Which of both is better by Wilcoxon's test after Holm, if the mean says so, too.

        One missed heart can turn the mean against all other patients: then it is "not shown", as where the test shows
        nothing. "not shown" does not say that they are equal.
        """
        if self.test is None or self.p_holm is None:
            return "not tested"
        if self.p_holm >= SIGNIFICANCE or self.test.rank_biserial * self.test.mean_difference <= 0.0:
            return "not shown"
        return "B" if (self.test.rank_biserial > 0.0) == (self.better == "higher") else "A"


@dataclass(frozen=True)
class _Quantity:
    """A number per patient, by name, under A and under B."""

    title: str
    structure: str
    phase: str
    unit: str
    better: Better
    a: Mapping[str, float]
    b: Mapping[str, float]


@dataclass(frozen=True)
class ComparedTable:
    """Quantities that are corrected together for being tested together. key: of the metric, or `measurements`."""

    key: str
    title: str
    rows: tuple[ComparedRow, ...]


@dataclass(frozen=True)
class ModelComparison:
    """Two results side by side.

    a, b: the results, of the common patients only, and of each patient only what both have. only_a, only_b: patients
    of whom the other has nothing. not_ranked: why there are no tests, as a sentence; "" where there are. resources: of
    A and B.
    """

    name_a: str
    name_b: str
    a: EvaluationResult
    b: EvaluationResult
    common: tuple[str, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    not_ranked: str
    tables: tuple[ComparedTable, ...]
    resources: tuple[Resources, Resources]

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be read before the numbers."""
        given = [f"{side}: {text}" for side, one in (("A", self.a), ("B", self.b)) for text in one.cautions]
        both_unknown = self.a.prompt_source == self.b.prompt_source == "unknown"
        return (
            *((self.not_ranked,) if self.not_ranked else ()),
            *((_UNKNOWN_PROMPTS,) if both_unknown else ()),
            *given,
        )


def compare_results(
    a: EvaluationResult, b: EvaluationResult, names: tuple[str, str] = ("A", "B"), seed: int = 0
) -> ModelComparison:
    """Joins two results by patient and compares every metric and every measurement.

    seed: of the bootstrap. Raises UnusableInput if no scored patient is in both, or a patient's reference differs.
    """
    in_a, in_b = ({patient.patient: patient for patient in result.scored} for result in (a, b))
    pairs = {name: _shared(in_a[name], in_b[name]) for name in sorted(in_a.keys() & in_b.keys())}
    pairs = {name: pair for name, pair in pairs.items() if pair[0].volumes}
    if not pairs:
        raise UnusableInput("The two results have no scored patient in common; evaluate both on the same patients.")
    for pair in pairs.values():
        _check_same_reference(*pair)
    resources = (resources_of(a), resources_of(b))
    a = replace(a, patients=tuple(pair[0] for pair in pairs.values()))
    b = replace(b, patients=tuple(pair[1] for pair in pairs.values()))
    not_ranked = _why_not_ranked(a, b)
    test_seed = None if not_ranked else seed
    tables = [
        ComparedTable(metric.key, metric.title, _rows(_scores(a.patients, b.patients, metric), test_seed))
        for metric in METRICS
    ]
    errors = _rows(_measurement_errors(a.patients, b.patients), test_seed)
    tables.append(ComparedTable("measurements", "Absolute errors of the measurements", errors))
    return ModelComparison(
        name_a=names[0],
        name_b=names[1],
        a=a,
        b=b,
        common=tuple(pairs),
        only_a=tuple(sorted(in_a.keys() - pairs.keys())),
        only_b=tuple(sorted(in_b.keys() - pairs.keys())),
        not_ranked=not_ranked,
        tables=tuple(tables),
        resources=resources,
    )


def _shared(a: PatientScores, b: PatientScores) -> tuple[PatientScores, PatientScores]:
    """The volumes and measurements that both have of a patient: a mean over ED and ES is not set beside one of ES."""
    return _restricted(a, b), _restricted(b, a)


def _restricted(patient: PatientScores, other: PatientScores) -> PatientScores:
    places = {(volume.phase, volume.structure) for volume in other.volumes}
    volumes = tuple(volume for volume in patient.volumes if (volume.phase, volume.structure) in places)
    return replace(patient, volumes=volumes, study=_restricted_study(patient.study, other.study))


def _restricted_study(study: StudyScore | None, other: StudyScore | None) -> StudyScore | None:
    if study is None or other is None:
        return None
    predicted = {key: value if other.predicted.get(key) is not None else None for key, value in study.predicted.items()}
    return replace(study, predicted=predicted)


def _check_same_reference(a: PatientScores, b: PatientScores) -> None:
    if a.study is None or b.study is None:
        return
    for key, value in a.study.reference.items():
        other = b.study.reference.get(key)
        if value is not None and other is not None and abs(value - other) > _SAME_REFERENCE:
            raise UnusableInput(
                f"The reference of {a.patient} is not the same in the two results ({key}: {value:g} and {other:g}); "
                "evaluate both on the same labels."
            )


def _why_not_ranked(a: EvaluationResult, b: EvaluationResult) -> str:
    """What was told where the heart lies is not ranked with what had to find it."""
    if a.prompt_source != b.prompt_source:
        return (
            f"A had {a.prompt_source} prompts and B {b.prompt_source} ones: the two stand side by side without a test, "
            "since a prompt from the reference, or from nobody knows where, decides more than the model."
        )
    if a.mode != b.mode:
        return (
            f"A was evaluated in {a.mode} mode and B in {b.mode} mode: the two stand side by side without a test, "
            "since their scores follow different rules."
        )
    if len(a.patients) < FEWEST_PATIENTS:
        return f"With {len(a.patients)} common patients nothing can be tested; it takes at least {FEWEST_PATIENTS}."
    return ""


def _scores(a: Sequence[PatientScores], b: Sequence[PatientScores], metric: Metric) -> Iterator[_Quantity]:
    """A metric over all structures and frames, then of each structure at each frame. Of signed errors the size."""
    title = f"{metric.title}, absolute" if metric.better == "zero" else metric.title
    better: Better = "lower" if metric.better == "zero" else metric.better
    if metric.better != "zero":
        sides = (patient_values(side, metric.key) for side in (a, b))
        yield _Quantity(title, "all", "both", metric.unit, better, *sides)
    for structure in _ORDER:
        for phase in Phase:
            sides = (patient_values(side, metric.key, structure, phase) for side in (a, b))
            if metric.better == "zero":
                sides = ({name: abs(value) for name, value in side.items()} for side in sides)
            yield _Quantity(title, structure.name, phase.value, metric.unit, better, *sides)


def _measurement_errors(a: Sequence[PatientScores], b: Sequence[PatientScores]) -> Iterator[_Quantity]:
    for metric in STUDY_METRICS:
        sides = (_absolute_errors(side, metric.key) for side in (a, b))
        yield _Quantity(metric.title, "", "", metric.error_unit, "lower", *sides)


def _absolute_errors(patients: Iterable[PatientScores], key: str) -> dict[str, float]:
    errors = {patient.patient: study_errors(patient.study)[key] for patient in patients if patient.study is not None}
    return {name: abs(error) for name, error in errors.items() if error is not None}


def _rows(quantities: Iterable[_Quantity], seed: int | None) -> tuple[ComparedRow, ...]:
    """A row for each quantity that some patient has under both; seed None: without tests."""
    rows = [row for quantity in quantities if (row := _row(quantity, seed)) is not None]
    adjusted = iter(holm([row.test.wilcoxon_p for row in rows if row.test is not None]))
    return tuple(row if row.test is None else replace(row, p_holm=next(adjusted)) for row in rows)


def _row(quantity: _Quantity, seed: int | None) -> ComparedRow | None:
    names = [name for name in quantity.a if name in quantity.b]
    if not names:
        return None
    a, b = ([side[name] for name in names] for side in (quantity.a, quantity.b))
    test = compare_paired(b, a, seed) if seed is not None and len(names) >= FEWEST_PATIENTS else None
    return ComparedRow(
        title=quantity.title,
        structure=quantity.structure,
        phase=quantity.phase,
        unit=quantity.unit,
        better=quantity.better,
        n=len(names),
        mean_a=statistics.fmean(a),
        sd_a=_sd(a),
        mean_b=statistics.fmean(b),
        sd_b=_sd(b),
        test=test,
        p_holm=None,
    )


def _sd(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None
