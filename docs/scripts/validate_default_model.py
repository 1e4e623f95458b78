"""Measures the default model on the validation patients of ACDC and on three Sunnybrook patients.

    python docs/scripts/validate_default_model.py DATA

DATA: the folder that holds `acdc` and `sunnybrook`. Writes docs/validation.json (every case), docs/validation.md (the
tables) and the accuracy of the model's entry in Resources/Models/models.json. No figure is typed by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from CardioSAMLib.analysis import AnalysisOptions, assess, segment
from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation.surface import hd95_mm
from CardioSAMLib.function import CardiacFunction, measure, volumes_ml
from CardioSAMLib.io import load_acdc_patient, load_sunnybrook_contours, write_files
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model, resources_dir
from CardioSAMLib.segmentation import Segmenter, segmenter_of
from CardioSAMLib.training.splits import read_split

ROOT = Path(__file__).resolve().parents[2]
SPLIT = "acdc_train80_validation20.json"
SUNNYBROOK = ("SCD0000101", "SCD0000301", "SCD0000401")
STRUCTURES = (Structure.LV, Structure.MYO, Structure.RV)
FRAMES = ("ED", "ES")
COMMAND = "python docs/scripts/validate_default_model.py ../shared/data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    card = find_model(DEFAULT_MODEL_ID)
    segmenter = segmenter_of(card)
    patients = read_split(resources_dir() / "splits" / SPLIT).validation
    acdc = [_acdc_case(data / "acdc" / name, segmenter) for name in patients]
    sunnybrook = [_sunnybrook_case(data / "sunnybrook" / name, segmenter) for name in SUNNYBROOK]
    summary = _summary(acdc)
    result = {"command": COMMAND, "model": card.id, "sha256": card.sha256, "split": SPLIT, "summary": summary}
    content = {**result, "acdc": acdc, "sunnybrook": sunnybrook}
    page = _page(card.id, card.sha256, summary, acdc, sunnybrook)
    write_files(
        ROOT / "docs",
        {"validation.json": (json.dumps(content, indent=1) + "\n").encode(), "validation.md": page.encode()},
    )
    _write_accuracy(card.id, summary)
    print(page)


def _acdc_case(folder: Path, segmenter: Segmenter) -> dict[str, Any]:
    patient = load_acdc_patient(folder)
    if patient.labels is None:
        raise SystemExit(f"{folder} has no labels")
    found = segmenter.segment(patient.cine, range(2)).labels
    rows, columns, slices = patient.cine.geometry.spacing_mm
    case: dict[str, Any] = {"patient": patient.name, "group": patient.group}
    for frame, phase in enumerate(FRAMES):
        for structure in STRUCTURES:
            value = STORAGE.value_of(structure)
            ours, expert = found[frame] == value, patient.labels[frame] == value
            case[f"{structure.name}_{phase}_dice"] = dice(ours, expert)
            case[f"{structure.name}_{phase}_hd95_mm"] = hd95_mm(ours, expert, (slices, rows, columns))
    for structure in (Structure.LV, Structure.RV):
        for name, labels in (("model", found), ("expert", patient.labels)):
            edv, esv = volumes_ml(labels, structure, patient.cine.geometry)
            case[f"{structure.name}_edv_ml_{name}"] = float(edv)
            case[f"{structure.name}_ef_percent_{name}"] = float(100.0 * (edv - esv) / edv)
    return case


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
    return case


def _expert_function(cine: Cine, labels: Array, frames: Iterable[int]) -> CardiacFunction:
    return measure(cine, CineSegmentation(labels, tuple(sorted(frames)), Provenance("expert")))


def _summary(cases: list[dict[str, Any]]) -> dict[str, float]:
    """Means over patients, as METHODS 3.4: per volume and structure, then structures, then patients."""
    summary: dict[str, float] = {}
    for metric in ("dice", "hd95_mm"):
        for structure in STRUCTURES:
            for phase in FRAMES:
                key = f"{structure.name}_{phase}_{metric}"
                summary[key] = float(np.mean([case[key] for case in cases]))
        keys = [f"{structure.name}_{phase}_{metric}" for structure in STRUCTURES for phase in FRAMES]
        summary[f"mean_{metric}"] = float(np.mean([summary[key] for key in keys]))
    for structure in ("LV", "RV"):
        ef = np.array(
            [case[f"{structure}_ef_percent_model"] - case[f"{structure}_ef_percent_expert"] for case in cases]
        )
        edv = np.array([case[f"{structure}_edv_ml_model"] - case[f"{structure}_edv_ml_expert"] for case in cases])
        summary[f"{structure}_ef_mae_points"] = float(np.abs(ef).mean())
        summary[f"{structure}_ef_bias_points"] = float(ef.mean())
        summary[f"{structure}_edv_mae_ml"] = float(np.abs(edv).mean())
    return summary


def _page(
    model: str, sha256: str, summary: dict[str, float], acdc: list[dict[str, Any]], sunnybrook: list[dict[str, Any]]
) -> str:
    lines = [
        "# Validation of the default model",
        "",
        f"Written by `{COMMAND}`, never by hand; every case is in [validation.json](validation.json).",
        f"Model `{model}`, sha256 `{sha256[:16]}…`. Research use only.",
        "",
        "## ACDC: 20 patients the model never saw",
        "",
        f"Four patients of each group, drawn by a seed (`Resources/splits/{SPLIT}`). They were watched during training",
        "but nothing was selected by them: the last step was kept. Metrics are 3D, per volume, on the native grid,",
        "with the rules of empty masks of `CardioSAMLib/evaluation`; means over patients. Patients 101-150: not used.",
        "",
        "| structure | Dice ED | Dice ES | HD95 ED, mm | HD95 ES, mm |",
        "|---|---|---|---|---|",
        *(_structure_row(summary, structure.name) for structure in STRUCTURES),
        "",
        f"Mean Dice {summary['mean_dice']:.3f}, mean HD95 {summary['mean_hd95_mm']:.1f} mm.",
        "",
        "| ventricle | EF error (mean absolute), points | EF bias, points | EDV error (mean absolute), mL |",
        "|---|---|---|---|",
        *(
            f"| {name} | {summary[f'{name}_ef_mae_points']:.1f} | {summary[f'{name}_ef_bias_points']:+.1f} "
            f"| {summary[f'{name}_edv_mae_ml']:.1f} |"
            for name in ("LV", "RV")
        ),
        "",
        "Per patient:",
        "",
        "| patient | group | mean Dice | LV EF model / expert, % | RV EF model / expert, % |",
        "|---|---|---|---|---|",
        *(_patient_row(case) for case in acdc),
        "",
        "## Sunnybrook: another scanner, another center, DICOM in",
        "",
        "The model runs on every frame of the cine and finds ED and ES itself. The expert drew the endocardium on the",
        "slices and the two frames of his choice, and the epicardium at ED; slices he left out are not in his volumes.",
        "",
        "| patient | EF model / expert, % | EDV, mL | ESV, mL | mass at ED, g | ED, ES frame |",
        "|---|---|---|---|---|---|",
        *(_sunnybrook_row(case) for case in sunnybrook),
        "",
        "The same numbers for one patient: `cardiosam analyze ../shared/data/sunnybrook/SCD0000301/dicom --out OUT`.",
        "",
    ]
    return "\n".join(lines)


def _structure_row(summary: dict[str, float], name: str) -> str:
    figures = [f"{summary[f'{name}_{phase}_dice']:.3f}" for phase in FRAMES]
    figures += [f"{summary[f'{name}_{phase}_hd95_mm']:.1f}" for phase in FRAMES]
    return f"| {name} | " + " | ".join(figures) + " |"


def _patient_row(case: dict[str, Any]) -> str:
    mean = np.mean([value for key, value in case.items() if key.endswith("_dice")])
    pairs = [f"{case[f'{v}_ef_percent_model']:.1f} / {case[f'{v}_ef_percent_expert']:.1f}" for v in ("LV", "RV")]
    return f"| {case['patient']} | {case['group']} | {mean:.3f} | {pairs[0]} | {pairs[1]} |"


def _sunnybrook_row(case: dict[str, Any]) -> str:
    cells = [
        f"{case[f'{key}_model']:.1f} / {case[f'{key}_expert']:.1f}"
        for key in ("ef_percent", "edv_ml", "esv_ml", "mass_ed_g")
    ]
    frames = [f"{case[f'ed_frame_{name}']}, {case[f'es_frame_{name}']}" for name in ("model", "expert")]
    return f"| {case['patient']} | " + " | ".join(cells) + f" | {frames[0]} / {frames[1]} |"


def _write_accuracy(model_id: str, summary: dict[str, float]) -> None:
    path = resources_dir() / "Models" / "models.json"
    catalogue = json.loads(path.read_text(encoding="utf-8"))
    for entry in catalogue["models"]:
        if entry["id"] == model_id:
            entry["accuracy"] = {
                "measured_on": "20 ACDC patients not trained on",
                "split": SPLIT,
                "command": COMMAND,
                **{key: round(value, 4) for key, value in summary.items() if key.startswith("mean_") or "_ef_" in key},
            }
    write_files(path.parent, {path.name: (json.dumps(catalogue, indent=2, ensure_ascii=False) + "\n").encode()})


if __name__ == "__main__":
    main()
