"""The evaluation of one patient (floor 4): read, drawn, measured, scored, and kept so that a stopped run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from CardioSAMLib.cine import Array, Geometry, UnusableInput
from CardioSAMLib.evaluation.result_rows import FILES, patients_of, rows_of
from CardioSAMLib.evaluation.scores import PatientScores, Phase, Problem, StudyScore
from CardioSAMLib.evaluation.scoring import LabeledStudy, score_slices, score_volumes
from CardioSAMLib.evaluation_run.contours import MAIN, Contours, Drawn
from CardioSAMLib.function import myocardial_mass_g, volumes_ml
from CardioSAMLib.io import AcdcPatient, load_acdc_patient, write_files
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.peak_memory import highest_rss_mb
from CardioSAMLib.resources import sha256_of

PATIENTS_FOLDER = "patients"


@dataclass(frozen=True)
class PatientTask:
    """What one process does. contours: by the name of the variant; `MAIN` is scored in full, the others in 3D only.

    out: folder of the evaluation, in whose `patients/` the scores are kept.
    """

    folder: Path
    out: Path
    contours: Mapping[str, Contours]


@dataclass(frozen=True)
class PatientOutcome:
    """The scores of one patient by variant. peak_rss_mb: of the process so far; None where not known."""

    scores: Mapping[str, PatientScores]
    peak_rss_mb: float | None = field(default=None, compare=False)


def evaluate_patient(task: PatientTask) -> PatientOutcome:
    """The scores of a patient: those kept by an earlier run if nothing has changed since, else computed and kept.

    A patient of whom nothing could be scored is not kept, so that nothing is written for a run that is all problems.
    """
    name = task.folder.name
    try:
        patient = load_acdc_patient(task.folder)
    except UnusableInput as error:
        return _nothing_but(name, "unreadable", str(error))
    if patient.labels is None:
        return _nothing_but(
            name, "no_reference", f"{name} has no reference labels of both frames (_gt files); it cannot be scored."
        )
    key = _key(task, patient)
    file = task.out / PATIENTS_FOLDER / f"{name}.json"
    kept = _kept(file, key)
    if kept is not None:
        return PatientOutcome(kept, highest_rss_mb())
    scores = {variant: _scores(patient, contours, variant) for variant, contours in task.contours.items()}
    if scores[MAIN].volumes:
        write_files(file.parent, {file.name: _document(key, scores)})
    return PatientOutcome(scores, highest_rss_mb())


def measurements(labels: Mapping[Phase, Array], geometry: Geometry) -> dict[str, float | None]:
    """Volumes, ejection fractions and mass from labels `(slices, rows, columns)` in the `STORAGE` order, by phase.

    None where a phase or a structure in it is missing: a volume of zero would read like a measurement.
    """
    values: dict[str, float | None] = {}
    for side, structure in (("lv", Structure.LV), ("rv", Structure.RV)):
        edv, esv = (_volume_ml(labels.get(phase), structure, geometry) for phase in (Phase.ED, Phase.ES))
        values |= {f"{side}_edv_ml": edv, f"{side}_esv_ml": esv}
        values[f"{side}_ef_percent"] = None if edv is None or esv is None else 100.0 * (edv - esv) / edv
    myocardium = labels[Phase.ED] == STORAGE.value_of(Structure.MYO) if Phase.ED in labels else None
    has_wall = myocardium is not None and bool(myocardium.any())
    values["lv_mass_ed_g"] = myocardial_mass_g(myocardium, geometry) if myocardium is not None and has_wall else None
    return values


def _scores(patient: AcdcPatient, contours: Contours, variant: str) -> PatientScores:
    drawn = contours.draw(patient)
    if not drawn.labels or patient.labels is None:
        return PatientScores(patient.name, (), (), None, drawn.problems)
    reference = dict(zip(Phase, patient.labels, strict=True))
    geometry = patient.cine.geometry
    labeled = LabeledStudy(patient.name, patient.group, drawn.labels, reference, geometry)
    return PatientScores(
        patient=patient.name,
        volumes=score_volumes(labeled),
        slices=score_slices(labeled) if variant == MAIN else (),
        study=_study(labeled, drawn),
        problems=drawn.problems,
    )


def _study(labeled: LabeledStudy, drawn: Drawn) -> StudyScore:
    return StudyScore(
        patient=labeled.patient,
        group=labeled.group,
        predicted=measurements(labeled.predicted, labeled.geometry),
        reference=measurements(labeled.reference, labeled.geometry),
        seconds=drawn.seconds,
    )


def _volume_ml(labels: Array | None, structure: Structure, geometry: Geometry) -> float | None:
    if labels is None:
        return None
    return float(volumes_ml(labels[None], structure, geometry)[0]) or None


def _nothing_but(name: str, code: str, message: str) -> PatientOutcome:
    return PatientOutcome({MAIN: PatientScores(name, (), (), None, (Problem(name, code, message),))})


def _key(task: PatientTask, patient: AcdcPatient) -> str:
    """sha256 over all that decides the scores: the code, the patient's files, and where the contours come from."""
    digest = hashlib.sha256(_code_sha256().encode())
    for path in sorted(path for path in task.folder.iterdir() if path.is_file()):
        digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    for variant, contours in sorted(task.contours.items()):
        fingerprint = contours.fingerprint(patient.name, (patient.ed_frame, patient.es_frame))
        digest.update(f"{variant}: {fingerprint}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _code_sha256() -> str:
    """Of the library's source. A version number would not change while somebody works on a metric."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _document(key: str, scores: Mapping[str, PatientScores]) -> bytes:
    variants = {variant: {file: rows_of(file, [patient])[1] for file in FILES} for variant, patient in scores.items()}
    return (json.dumps({"key": key, "variants": variants}, allow_nan=False) + "\n").encode()


def _kept(file: Path, key: str) -> dict[str, PatientScores] | None:
    """The scores that an earlier run kept under the same key; None where there are none."""
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("key") != key:
        return None
    found = {variant: patients_of(rows) for variant, rows in document["variants"].items()}
    return {variant: patients[0] for variant, patients in found.items() if patients}
