"""Writes docs/cross-validation.json and its part of docs/validation.md: the automatic model's design on all patients.

    python docs/scripts/cross_validate.py DATA --work FOLDER [--steps 5500] [--folds 1,2,3,4,5]

DATA: the folder that holds `acdc`. FOLDER keeps trainings and scores, so that a stopped run goes on. Each fold trains
the network of `cardiosam-unet25d` on 80 patients (as `cardiosam train cardiosam-unet25d --fold N` does) and scores it
as `cardiosam evaluate` does on the 20 that it has not seen. The first fold is the split of the model that ships, which
is scored itself. Fewer steps and fewer folds are said on the page.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from drawing_code import drawing_code
from own_models import own_models
from write_validation import CROSS_VALIDATION, DOCS, JSON, write_page

from CardioSAMLib.evaluation.metrics import study_errors
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.protocols.splits import Split, read_split
from CardioSAMLib.evaluation.result import EvaluationResult
from CardioSAMLib.evaluation_run.options import EvaluationOptions
from CardioSAMLib.evaluation_run.run import evaluate
from CardioSAMLib.io import write_files
from CardioSAMLib.resources import find_model, resources_dir
from CardioSAMLib.training.configuration import (
    TrainingConfiguration,
    configuration_path,
    in_fold,
    read_configuration,
)
from CardioSAMLib.training_run.run import TrainingOptions, train_automatic

COMMAND = "python docs/scripts/cross_validate.py DATA --work FOLDER"
DESIGN = "cardiosam-unet25d"
METRICS = ("dice", "hd95_mm")
ALL_FOLDS = "1,2,3,4,5"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--folds", default=ALL_FOLDS)
    given = parser.parse_args()
    usual = read_configuration(configuration_path(DESIGN))
    assert isinstance(usual, TrainingConfiguration)
    steps = given.steps or usual.steps
    shipped = read_split(resources_dir() / "splits" / usual.split)
    acdc, work = given.data / "acdc", given.work
    patients: list[dict[str, Any]] = []
    precisions: set[str] = set()
    for fold in map(int, given.folds.split(",")):
        print(f"fold {fold}", flush=True)
        configuration = in_fold(shortened(usual, steps), fold)
        split = read_split(resources_dir() / "splits" / configuration.split, fold)
        if steps == usual.steps and set(split.validation) == set(shipped.validation):
            model_id = DESIGN
        else:
            model_id = trained(configuration, split, acdc, work)
            precisions.add(precision_of(model_id, work))
        patients += [{"fold": fold, **row} for row in rows_of(model_id, split, acdc, work)]
    flags = f" --steps {steps}" if steps != usual.steps else ""
    flags += f" --folds {given.folds}" if given.folds != ALL_FOLDS else ""
    result = {
        "command": COMMAND + flags,
        "configuration": DESIGN,
        "steps": steps,
        "usual_steps": usual.steps,
        "precisions": sorted(precisions),
        "patients": patients,
    }
    write_files(DOCS, {CROSS_VALIDATION.name: (json.dumps(result, indent=1) + "\n").encode()})
    write_page(json.loads(JSON.read_text(encoding="utf-8")), DOCS)


def shortened(configuration: TrainingConfiguration, steps: int) -> TrainingConfiguration:
    """The same schedule in so many steps."""
    if steps == configuration.steps:
        return configuration
    optimizer = configuration.optimizer
    warm_up = max(round(optimizer.warm_up_steps * steps / configuration.steps), 1)
    return replace(
        configuration,
        name=f"{configuration.name}-{steps}",
        steps=steps,
        validate_every=steps,
        optimizer=replace(optimizer, warm_up_steps=warm_up),
    )


def trained(configuration: TrainingConfiguration, split: Split, acdc: Path, work: Path) -> str:
    """The id of the model, which is trained where it is not there."""
    out = work / "models" / configuration.name
    if not (out / "models.json").is_file():
        options = TrainingOptions(configuration.name, out, acdc, device="cpu")
        train_automatic(configuration, split, options, lambda share, what: print(f"  {share:4.0%} {what}", end="\r"))
    return configuration.name


def precision_of(model_id: str, work: Path) -> str:
    record = json.loads((work / "models" / model_id / "record.json").read_text(encoding="utf-8"))
    return str(record["precision"])


def rows_of(model_id: str, split: Split, acdc: Path, work: Path) -> list[dict[str, Any]]:
    """A row per validation patient, scored where that is not done."""
    patients = {"train": split.train, "validation": split.validation}
    with own_models(work / "models"):
        key = f"{model_id}-{find_model(model_id).sha256[:12]}-{drawing_code()}"
        file = work / "rows" / f"{key}.json"
        if not file.is_file():
            write_files(work / "splits", {file.name: json.dumps(patients).encode()})
            options = EvaluationOptions(model_id, split=work / "splits" / file.name, workers=os.cpu_count() or 1)
            result = evaluate(acdc, work / "evaluations" / key, options).result
            write_files(file.parent, {file.name: json.dumps(scores(result)).encode()})
    stored: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return stored


def scores(result: EvaluationResult) -> list[dict[str, Any]]:
    """Means over structures and both frames, and signed errors of EF, which is None where a ventricle is missed."""
    metrics = {key: patient_values(result.patients, key) for key in METRICS}
    rows = []
    for patient in result.patients:
        row: dict[str, Any] = {"patient": patient.patient}
        row |= {key: metrics[key][patient.patient] for key in METRICS}
        errors = study_errors(patient.study) if patient.study else {}
        rows.append({**row, **{f"{side}_ef_error": errors.get(f"{side}_ef_percent") for side in ("lv", "rv")}})
    return rows


if __name__ == "__main__":
    main()
