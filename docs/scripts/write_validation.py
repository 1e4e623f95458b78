"""Writes docs/validation.md and its figures from JSON files alone, without data or model.

    python docs/scripts/write_validation.py

`validate_default_model.py`, `cross_validate.py`, `compare_networks.py` and `compare_searchers.py` make validation.json,
cross-validation.json, networks.json and search.json. No figure of the page is typed by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

from validation_folds import folds_section
from validation_markdown import (
    bullets,
    command,
    interval,
    table,
    value,
    wrapped,
)
from validation_networks import networks_section
from validation_published import literature_section, paper_tables, resources_section
from validation_search import search_section
from validation_tables import (
    DICE_FIGURE,
    LV_FIGURE,
    RV_FIGURE,
    Content,
    agreement_section,
    box_jitter_section,
    groups_section,
    measured_in,
    patients_in,
    patients_section,
    prompt_source_section,
    regions_section,
    severity_section,
    structures_section,
)

from CardioSAMLib.evaluation.figures import bland_altman_svg, box_plots_svg, range_of
from CardioSAMLib.evaluation.html_parts import number
from CardioSAMLib.evaluation.measured import limits_of
from CardioSAMLib.evaluation.metrics import METRICS
from CardioSAMLib.io import write_files

DOCS = Path(__file__).resolve().parents[1]
JSON = DOCS / "validation.json"
CROSS_VALIDATION = DOCS / "cross-validation.json"
NETWORKS = DOCS / "networks.json"
SEARCH = DOCS / "search.json"
MEASURED_APART = (CROSS_VALIDATION, NETWORKS, SEARCH)
PAGE = "validation.md"
OWN_COMMAND = "python docs/scripts/write_validation.py"
_HEADLINE = (
    ("mean_dice", "Mean Dice of LV, myocardium and RV, ED and ES", "", False),
    ("mean_hd95_mm", "Mean HD95, mm", "mm", False),
    ("LV_ef_mae_points", "LV ejection fraction, mean absolute error, points", "points", False),
    ("LV_ef_bias_points", "LV ejection fraction, bias, points", "points", True),
    ("RV_ef_mae_points", "RV ejection fraction, mean absolute error, points", "points", False),
    ("RV_ef_bias_points", "RV ejection fraction, bias, points", "points", True),
)


def main() -> None:
    write_page(json.loads(JSON.read_text(encoding="utf-8")), DOCS)


def write_page(content: Content, docs: Path) -> None:
    folds, networks, search = (json.loads(path.read_text(encoding="utf-8")) for path in MEASURED_APART)
    write_files(docs / "images", figures(content))
    write_files(docs, {PAGE: page(content, folds, networks, search).encode()})


def figures(content: Content) -> dict[str, bytes]:
    """SVG by file name. Both ejection fractions have the same axes, so that they can be compared by eye."""
    patients = patients_in(content)
    measured = [measured_in(patients, f"{side}_ef_percent") for side in ("lv", "rv")]
    limits = [limits_of(one) for one in measured]
    known = [one for one in limits if one is not None]
    shared = range_of(measured, known)
    dice = next(metric for metric in METRICS if metric.key == "dice")
    volumes = [volume for patient in patients for volume in patient.volumes]
    drawn = {DICE_FIGURE: box_plots_svg(volumes, dice)}
    for name, one, its_limits in zip((LV_FIGURE, RV_FIGURE), measured, limits, strict=True):
        if its_limits is not None:
            drawn[name] = bland_altman_svg(one, its_limits, shared)
    return drawn


def page(content: Content, folds: Content, networks: Content, search: Content) -> str:
    """What `validate_default_model.py`, `cross_validate.py`, `compare_networks.py` and `compare_searchers.py` write."""
    parts = (
        _head(content),
        _headline(content),
        structures_section(content),
        agreement_section(content),
        groups_section(content),
        severity_section(content),
        folds_section(folds),
        regions_section(content),
        prompt_source_section(content),
        box_jitter_section(content),
        resources_section(content),
        networks_section(networks),
        search_section(search),
        paper_tables(content),
        literature_section(content, folds),
        _sunnybrook(content),
        patients_section(content),
    )
    return "\n\n".join(parts) + "\n"


def _head(content: Content) -> str:
    evaluation = content["evaluation"]
    model, counts = evaluation["model"], evaluation["counts"]
    lines = [
        f"Model `{model['id']}`, version {model['version']}, sha256 `{model['sha256'][:16]}…`. Research use only.",
        f"Protocol `{evaluation['protocol']['name']}`: {counts['scored']} of {counts['patients']} patients scored, "
        f"problems: {counts['problems']}. {' '.join(evaluation['cautions'])}",
        "No training step was chosen by these patients: the last one is kept. But the design and what follows the "
        "network were compared on them ([decisions](decisions)), which may flatter it; the cross-validation below "
        "tells of all patients. The official test patients of ACDC were not used.",
        "Mean ± SD over patients, 3D per volume on the native grid, unless a table says else. Where a structure is "
        "missing: the rules of [metrics.md](metrics.md); statistics: [statistics.md](statistics.md).",
    ]
    made = wrapped(
        "Every number below is written by a command, none by hand. The first of these measures (it needs the data), "
        "the second writes this page anew from [validation.json](validation.json) and from the figures of the sections "
        "that name a command of their own."
    )
    return "\n\n".join(
        ("# Validation of the default model", bullets(lines), made, command(f"{content['command']}\n{OWN_COMMAND}"))
    )


def _headline(content: Content) -> str:
    rows = [
        (
            title,
            value(content["summary"][key], unit, signed),
            interval(content["intervals"][key], unit, signed),
        )
        for key, title, unit, signed in _HEADLINE
    ]
    note = f"Interval: bootstrap over patients (BCa, seed {content['bootstrap_seed']})."
    return "\n\n".join(
        (
            f"## In short: ACDC, {content['evaluation']['counts']['scored']} patients the model was not trained on",
            table(("", "value", "95 % interval"), rows),
            note,
        )
    )


def _sunnybrook(content: Content) -> str:
    keys = ("ef_percent", "edv_ml", "esv_ml", "mass_ed_g")
    rows = []
    for case in content["sunnybrook"]:
        pairs = (f"{number(case[f'{key}_model'], 1)} / {number(case[f'{key}_expert'], 1)}" for key in keys)
        frames = " / ".join(f"{case[f'ed_frame_{name}']}, {case[f'es_frame_{name}']}" for name in ("model", "expert"))
        scores = " / ".join(number(case[key], 3) for key in ("lv_dice_ed", "lv_dice_es", "wall_dice"))
        rows.append((case["patient"], *pairs, frames, scores))
    text = (
        "The model runs on every frame of the cine and finds ED and ES itself. The expert drew the endocardium on the "
        "slices and the two frames of his choice, and the epicardium at ED; slices he left out are not in his volumes. "
        "Cells: model / expert, of the LV. Dice: of the slices drawn, LV at his ED, LV at his ES, wall."
    )
    example = content["sunnybrook"][0]["patient"]
    return "\n\n".join(
        (
            "## Sunnybrook: another scanner, another center, DICOM in",
            wrapped(text),
            table(("patient", "EF (%)", "EDV (mL)", "ESV (mL)", "mass at ED (g)", "ED, ES frame", "Dice"), rows),
            f"By `{content['command']}`. The model's side for one patient:",
            command(f"cardiosam analyze DATA/sunnybrook/{example}/dicom --out OUT"),
        )
    )


if __name__ == "__main__":
    main()
