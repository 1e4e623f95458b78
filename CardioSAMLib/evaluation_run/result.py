"""An evaluation put together from its patients (floor 4): tables, cautions, and what made the figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from CardioSAMLib.evaluation.protocols.jain import jain_tables
from CardioSAMLib.evaluation.protocols.measurements import agreement_table
from CardioSAMLib.evaluation.protocols.prompting import box_jitter_table, prompt_source_table
from CardioSAMLib.evaluation.protocols.tables import folds_table, summary_tables
from CardioSAMLib.evaluation.result import EvaluationResult, SummaryTable
from CardioSAMLib.evaluation.scores import PatientScores, Phase, Problem
from CardioSAMLib.evaluation_run.contours import MAIN, REFERENCE, jitter_name
from CardioSAMLib.evaluation_run.options import EvaluationOptions, HeartBoxChoice
from CardioSAMLib.evaluation_run.patient import PatientOutcome
from CardioSAMLib.evaluation_run.patients import ChosenPatients, patients_seen_by, split_of_model
from CardioSAMLib.resources import ModelCard, find_model

_EF_KEYS = ("lv_ef_percent", "rv_ef_percent")
_MODE = "corrected"
"""Metrics as docs/metrics.md defines them, averages over structures, frames, patients; not as any one paper does."""


def result_of(
    dataset: Path, options: EvaluationOptions, chosen: ChosenPatients, outcomes: Sequence[PatientOutcome]
) -> EvaluationResult:
    """The result of the outcomes of all patients that were found; those that were not are among its problems."""
    card = find_model(options.model_id) if options.predictions is None else None
    found = (*(outcome.scores[MAIN] for outcome in outcomes), *map(_missing, chosen.missing))
    patients = tuple(sorted(found, key=lambda patient: patient.patient))
    model, resources = _model(options, card), _resources(options, card, outcomes)
    tables = (
        *summary_tables(patients),
        agreement_table(patients),
        *_fold_tables(patients, chosen),
        *_prompt_tables(options, outcomes),
        *jain_tables(patients, str(model["title"]), resources["parameters"]),
    )
    return EvaluationResult(
        name=f"{model['title']} on {dataset.resolve().name}",
        mode=_MODE,
        prompt_source=options.prompt_source,
        model=model,
        protocol=_protocol(options, chosen),
        patients=patients,
        tables=tables,
        cautions=(
            *(() if card is None else cautions(card, [patient.patient for patient in patients if patient.volumes])),
            *_left_out(patients),
            *_not_measured(patients),
        ),
        resources=resources,
    )


def cautions(card: ModelCard, patients: Sequence[str]) -> tuple[str, ...]:
    """What must be said before the numbers of a model on patients of these names."""
    split, seen = split_of_model(card), patients_seen_by(card)
    if not seen:
        return (f"It is not known which patients {card.id} was trained on; some of these may be among them.",)
    trained, validated = (len(set(patients) & set(part)) for part in (seen, split.validation if split else ()))
    found = []
    if trained:
        found.append(
            f"{trained} of {len(patients)} patients were used to train this model: "
            "the figures do not say how it does on others."
        )
    if validated:
        found.append(f"{validated} of {len(patients)} patients were watched while this model was trained (validation).")
    return tuple(found)


def _left_out(patients: Sequence[PatientScores]) -> tuple[str, ...]:
    """Who has no contours of a hard frame must not look better for it unnoticed."""
    partly = [patient for patient in patients if {volume.phase for volume in patient.volumes} != set(Phase)]
    if not partly:
        return ()
    return (
        f"{len(partly)} of {len(patients)} patients could not be scored at both ED and ES; "
        "the means leave out what is missing, so they are not those of the whole data set.",
    )


def _not_measured(patients: Sequence[PatientScores]) -> tuple[str, ...]:
    """A ventricle that was missed has no ejection fraction, so no error of it: that must not look like a good one."""
    studies = [patient.study for patient in patients if patient.study is not None]
    lost = [study for study in studies if any(study.predicted[key] is None for key in _EF_KEYS)]
    known = [study for study in lost if all(study.reference[key] is not None for key in _EF_KEYS)]
    if not known:
        return ()
    return (
        f"In {len(known)} of {len(studies)} patients the contours give no ejection fraction of LV or RV where the "
        "reference has one; the errors of measurements leave these patients out.",
    )


def _fold_tables(patients: Sequence[PatientScores], chosen: ChosenPatients) -> tuple[SummaryTable, ...]:
    division = chosen.division
    fold_of = division.fold_of() if division is not None else {}
    return (folds_table(patients, fold_of, division.note),) if division is not None and fold_of else ()


def _prompt_tables(options: EvaluationOptions, outcomes: Sequence[PatientOutcome]) -> tuple[SummaryTable, ...]:
    def variant(name: str) -> list[PatientScores]:
        return [outcome.scores[name] for outcome in outcomes if name in outcome.scores]

    tables = []
    if options.heart_box is HeartBoxChoice.both:
        tables.append(prompt_source_table(variant(MAIN), variant(REFERENCE)))
    if options.box_jitter_px:
        by_pixels = {pixels: variant(jitter_name(pixels)) for pixels in options.box_jitter_px}
        tables.append(box_jitter_table(by_pixels, options.jitter_seed))
    return tuple(tables)


def _missing(name: str) -> PatientScores:
    message = f"{name} is named by the protocol but not in the data set; add its folder."
    return PatientScores(name, (), (), None, (Problem(name, "missing", message),))


def _model(options: EvaluationOptions, card: ModelCard | None) -> dict[str, Any]:
    if card is None:
        folder = options.predictions.resolve().name if options.predictions else ""
        return {"id": None, "title": f"Predictions in {folder}", "label_map": options.label_map}
    return {
        "id": card.id,
        "title": card.title,
        "version": card.version,
        "sha256": card.sha256,
        "license": card.license,
        "training_data": card.training_data,
    }


def _protocol(options: EvaluationOptions, chosen: ChosenPatients) -> dict[str, Any]:
    jitter = {"box_jitter_px": list(options.box_jitter_px), "jitter_seed": options.jitter_seed}
    heart_box = None if options.predictions is not None else options.heart_box.value
    boxes = {"heart_box": heart_box, **(jitter if options.box_jitter_px else {})}
    if chosen.division is None:
        return {"name": None, "part": None, "seed": None, **boxes}
    division = chosen.division
    return {
        "name": division.name,
        "part": options.scored_part.value,
        "seed": division.seed,
        "folds": [list(fold.validation) for fold in division.folds],
        "note": division.note,
        **boxes,
    }


def _resources(
    options: EvaluationOptions, card: ModelCard | None, outcomes: Sequence[PatientOutcome]
) -> dict[str, float | None]:
    if card is None:
        return {"peak_rss_mb": None, "model_bytes": None, "parameters": None}
    peaks = [outcome.peak_rss_mb for outcome in outcomes if outcome.peak_rss_mb is not None]
    found = {
        "peak_rss_mb": max(peaks, default=None),
        "model_bytes": float(card.bytes),
        "parameters": None if card.parameters is None else float(card.parameters),
    }
    # One box per study, around the whole heart.
    return {**found, "prompts_per_study": 1.0} if options.prompt_source == REFERENCE else found
