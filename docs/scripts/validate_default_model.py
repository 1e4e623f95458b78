"""Measures the default model on the validation patients of ACDC and on three Sunnybrook patients.

    python docs/scripts/validate_default_model.py DATA [--out OUT]

DATA: the folder that holds `acdc` and `sunnybrook`. OUT: where `cardiosam evaluate` keeps its files, so that a stopped
run goes on; without it they are thrown away. Writes docs/validation.json, from it the page and its figures
(`write_validation.py`), and the accuracy of the model's entry in Resources/Models/models.json.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from write_validation import DOCS, JSON, write_page

from CardioSAMLib.analysis import AnalysisOptions, assess, segment
from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.evaluation.bootstrap import bootstrap_interval
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.protocols.tables import ef_errors
from CardioSAMLib.evaluation.resources_table import resources_of
from CardioSAMLib.evaluation.result import SUMMARY, EvaluationResult
from CardioSAMLib.evaluation.result_rows import CASES, STUDIES, rows_of
from CardioSAMLib.evaluation_run.options import EvaluationOptions, HeartBoxChoice
from CardioSAMLib.evaluation_run.run import evaluate
from CardioSAMLib.function import CardiacFunction, measure
from CardioSAMLib.io import ExpertContours, load_sunnybrook_contours, write_files
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.progress import Progress
from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model, resources_dir
from CardioSAMLib.segmentation import Segmenter, segmenter_of

COMMAND = "python docs/scripts/validate_default_model.py DATA"
OPTIONS = EvaluationOptions(
    protocol="train80-validation20", heart_box=HeartBoxChoice.both, box_jitter_px=(0.0, 5.0, 10.0, 15.0, 20.0)
)
SPLIT = "acdc_train80_validation20.json"
SUNNYBROOK = ("SCD0000101", "SCD0000301", "SCD0000401")
SEED = 0
"""Of the bootstrap."""
_DIGITS = 6
"""After the point, of what is committed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        content = validate(arguments.data, arguments.out or Path(temporary), OPTIONS, _say)
    write_files(DOCS, {JSON.name: (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()})
    write_page(content, DOCS)
    _write_accuracy(content["summary"], content["evaluation"]["counts"]["scored"])


def validate(data: Path, out: Path, options: EvaluationOptions, progress: Progress) -> dict[str, Any]:
    """What docs/validation.json holds."""
    result = evaluate(data / "acdc", out, options, progress).result
    evaluation = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    segmenter = segmenter_of(find_model(options.model_id))
    sunnybrook = [_sunnybrook_case(data / "sunnybrook" / name, segmenter) for name in SUNNYBROOK]
    content: dict[str, Any] = rounded(content_of(result, evaluation, sunnybrook))
    return content


def content_of(
    result: EvaluationResult, evaluation: Mapping[str, Any], sunnybrook: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """evaluation: what `summary.json` says of the result."""
    values = _headline_values(result)
    return {
        "command": COMMAND,
        "cpu_cores": os.cpu_count(),
        "bootstrap_seed": SEED,
        "summary": {name: float(np.mean(found)) for name, found in values.items()},
        "intervals": {name: bootstrap_interval(found, np.mean, seed=SEED) for name, found in values.items()},
        "resources": asdict(resources_of(result)),
        "evaluation": evaluation,
        "cases": rows_of(CASES, result.patients)[1],
        "studies": rows_of(STUDIES, result.patients)[1],
        "sunnybrook": sunnybrook,
    }


def rounded(value: Any) -> Any:
    """The same JSON with fewer digits: more than any page shows, fewer than differ between machines."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value


def _headline_values(result: EvaluationResult) -> dict[str, list[float]]:
    """One number per patient, by the name of its mean in the catalogue."""
    values = {f"mean_{key}": list(patient_values(result.scored, key).values()) for key in ("dice", "hd95_mm")}
    for ventricle in ("LV", "RV"):
        errors = ef_errors(result.scored, ventricle.lower())
        values[f"{ventricle}_ef_mae_points"] = [abs(error) for error in errors]
        values[f"{ventricle}_ef_bias_points"] = list(errors)
    return values


def _sunnybrook_case(folder: Path, segmenter: Segmenter) -> dict[str, Any]:
    """The model on the whole cine, against the expert's endocardial contours of the two frames that have them."""
    contours = load_sunnybrook_contours(folder)
    study = assess(contours.cine, segment(contours.cine, segmenter, AnalysisOptions()), None, AnalysisOptions())
    expert = _expert_function(contours.cine, contours.labels, {frame for frame, _ in contours.endocardium})
    case: dict[str, Any] = {"patient": folder.name}
    for name, function in (("model", study.function), ("expert", expert)):
        case[f"ed_frame_{name}"], case[f"es_frame_{name}"] = function.ed_frame, function.es_frame
        for key in ("edv_ml", "esv_ml", "ef_percent", "mass_ed_g"):
            case[f"{key}_{name}"] = getattr(function.lv, key)
    return case | _dice_where_drawn(study.segmentation.labels, contours, (expert.ed_frame, expert.es_frame))


def _dice_where_drawn(labels: Array, contours: ExpertContours, frames: Iterable[int | None]) -> dict[str, float]:
    """Of the LV in all slices that the expert drew in end-diastole and end-systole, and of the wall where he did."""
    drawn = {
        f"lv_dice_{phase}": (Structure.LV, [place for place in contours.endocardium if place[0] == frame])
        for phase, frame in zip(("ed", "es"), frames, strict=True)
    }
    drawn["wall_dice"] = (Structure.MYO, sorted(set(contours.epicardium) & set(contours.endocardium)))
    scores = {}
    for key, (structure, places) in drawn.items():
        value, at = STORAGE.value_of(structure), tuple(np.transpose(places))
        scores[key] = dice(labels[at] == value, contours.labels[at] == value)
    return scores


def _expert_function(cine: Cine, labels: Array, frames: Iterable[int]) -> CardiacFunction:
    return measure(cine, CineSegmentation(labels, tuple(sorted(frames)), Provenance("expert")))


def _write_accuracy(summary: Mapping[str, float], patients: int) -> None:
    path = resources_dir() / "Models" / "models.json"
    catalogue = json.loads(path.read_text(encoding="utf-8"))
    for entry in catalogue["models"]:
        if entry["id"] == DEFAULT_MODEL_ID:
            entry["accuracy"] = {
                "measured_on": f"{patients} ACDC patients not trained on",
                "split": SPLIT,
                "command": COMMAND,
                **{key: round(value, 4) for key, value in summary.items()},
            }
    write_files(path.parent, {path.name: (json.dumps(catalogue, indent=2, ensure_ascii=False) + "\n").encode()})


def _say(fraction: float, message: str) -> None:
    print(f"{100 * fraction:3.0f} % {message}", flush=True)


if __name__ == "__main__":
    main()
