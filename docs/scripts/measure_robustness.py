"""Writes docs/robustness.json and .md: the default model on images changed as scanners and operators change them.

    python docs/scripts/measure_robustness.py DATA --work FOLDER

DATA: the folder that holds `acdc`. FOLDER keeps what was measured of each patient, so that a stopped run goes on.
On the 20 validation patients; nothing is chosen by them here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from drawing_code import drawing_code
from scanner_changes import CHANGES, SEED, Change
from validation_markdown import table, wrapped

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.function import measure
from CardioSAMLib.io import AcdcPatient, load_acdc_patient, write_files
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model, resources_dir
from CardioSAMLib.segmentation import Segmenter, segmenter_of

DOCS = Path(__file__).resolve().parents[1]
COMMAND = "python docs/scripts/measure_robustness.py ../shared/data --work FOLDER"
SPLIT = "acdc_train80_validation20.json"
LOW = 0.80
"""Of a patient's mean Dice; patients below it are counted."""

ORIENTATIONS = ("none", "mirrored", "upside-down", "turned-90", "turned-180", "turned-270")
"""The changes that turn or mirror slices."""

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    given = parser.parse_args()
    card = find_model(DEFAULT_MODEL_ID)
    segmenter, rows = segmenter_of(card), []
    for name in read_split(resources_dir() / "splits" / SPLIT).validation:
        kept = given.work / f"{card.sha256[:12]}-{drawing_code()}" / f"{name}.json"
        if not kept.is_file():
            patient = load_acdc_patient(given.data / "acdc" / name)
            measured = [_measured(segmenter, patient, change) for change in CHANGES]
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_files(kept.parent, {kept.name: json.dumps(measured).encode()})
        rows += json.loads(kept.read_text(encoding="utf-8"))
    result = {"command": COMMAND, "model": card.id, "version": card.version, "sha256": card.sha256, "seed": SEED,
              "drawing_code": drawing_code(), "rows": rows}  # fmt: skip
    content = (json.dumps(result, indent=1) + "\n").encode()
    write_files(DOCS, {"robustness.json": content, "robustness.md": page(result).encode()})


def _measured(segmenter: Segmenter, patient: AcdcPatient, change: Change) -> Row:
    """Dice of each structure, mean of both frames, and the error of the LV ejection fraction in points.

    Both against the expert's contours as they are after the change. Where no heart is found all of Dice is 0.
    """
    assert patient.labels is not None
    cine, labels = change.make(patient.cine, patient.labels)
    row: Row = {"patient": patient.name, "change": change.key, "found": True, "lv_ef_error": None}
    try:
        drawn = segmenter.segment(cine, (0, 1))
    except UnusableInput:
        return {**row, "found": False, **{structure.name: 0.0 for structure in Structure}}
    for structure in Structure:
        value = STORAGE.value_of(structure)
        scores = [dice(drawn.labels[frame] == value, labels[frame] == value) for frame in (0, 1)]
        row[structure.name] = round(float(np.mean(scores)), 4)
    expert = CineSegmentation(labels, (0, 1), Provenance("expert", "", ""))
    found, truth = (measure(cine, one).lv.ef_percent for one in (drawn, expert))
    if found is not None and truth is not None:
        row["lv_ef_error"] = round(found - truth, 2)
    return row


def page(result: Row) -> str:
    rows = {change.key: [row for row in result["rows"] if row["change"] == change.key] for change in CHANGES}
    usual = _means(rows["none"])
    lines = []
    for change in CHANGES:
        means = _means(rows[change.key])
        structures = [float(np.mean([row[structure.name] for row in rows[change.key]])) for structure in Structure]
        errors = [abs(row["lv_ef_error"]) for row in rows[change.key] if row["lv_ef_error"] is not None]
        numbers = [f"{value:.3f}" for value in (means.mean(), *structures)]
        change_of_mean, low = f"{means.mean() - usual.mean():+.3f}", str(int((means < LOW).sum()))
        error = f"{np.mean(errors):.1f}" + (f" ({len(errors)})" if len(errors) < len(means) else "")
        lines.append([change.title, *numbers, change_of_mean, f"{means.min():.3f}", low, error])
    turned = [row for key in ORIENTATIONS for row in rows[key]]
    errors = [abs(row["lv_ef_error"]) for row in turned if row["lv_ef_error"] is not None]
    remarks = _REMARKS.format(dice=_means(turned).mean(), error=float(np.mean(errors))).split("\n\n")
    titles = ["images", "Dice", *(s.name for s in Structure), "change", "lowest patient", f"below {LOW}", "LV EF error"]
    return _PAGE.format(
        model=result["model"], version=result["version"], patients=len(usual), command=result["command"],
        table=table(titles, lines), remarks="\n\n".join(wrapped(part) for part in remarks),
    )  # fmt: skip


def _means(rows: list[Row]) -> Any:
    return np.array([np.mean([row[structure.name] for structure in Structure]) for row in rows])


_REMARKS = (
    "Dice: 3D, on the grid of the changed image, mean of end-diastole and end-systole; the expert's contours undergo "
    "the same change. On coarser pixels the contours themselves are coarser, and without basal slices the structures "
    "are shorter, so a part of such a difference is not the model's. LV EF error: mean absolute error in points, of "
    "the slices that are there; in brackets the patients of whom it is, where no LV was found in others.\n\n"
    "The network has learned the eight ways to turn and mirror a slice alike, and looks at two of them. So the "
    "differences between the first row and the turned and mirrored ones are mostly chance, and the mean of these six "
    "rows is a better guess for new patients than the first: Dice {dice:.3f}, LV EF error {error:.1f} points.\n\n"
    "The worst rows are noise. Training with a scanner's noise in the views made images without it worse and does not "
    "ship; noisy images are smoothed before the network sees them instead ([decision "
    "0009](decisions/0009-noisy-images-are-smoothed.md))."
)
_PAGE = """# Robustness of the default model

`{model}`, version {version}, on the {patients} validation patients of ACDC (end-diastole and end-systole), as acquired
and with one change at a time.

    {command}

{table}

{remarks}
"""


if __name__ == "__main__":
    main()
