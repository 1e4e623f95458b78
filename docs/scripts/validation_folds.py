"""The part of the page on validation that trains the default model's design anew for each fifth of the patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from validation_markdown import command, spread, table, value, wrapped

_TITLES = (
    "fold",
    "patients",
    "Dice",
    "HD95 (mm)",
    "LV EF error",
    "LV EF bias",
    "RV EF error",
    "RV EF bias",
    "Dice under 0.80",
)
_LEAST_DICE = 0.8


def folds_section(content: Mapping[str, Any]) -> str:
    """content: what `cross_validate.py` writes."""
    patients = content["patients"]
    folds = sorted({row["fold"] for row in patients})
    rows = [_row(str(fold), [row for row in patients if row["fold"] == fold]) for fold in folds]
    count = {len(folds): f"{len(folds)} of 5", 5: "all 5"}[len(folds)]
    text = (
        f"The design of the default model, `{content['configuration']}`, trained anew for {count} folds "
        "(`Resources/splits/acdc_cv5.json`, stratified by group), each time on 80 patients, and scored on the 20 that "
        "the training has not seen. The design itself was chosen by 20 of these patients, those of the tables "
        f"above. {_steps(content)}"
    )
    note = (
        "Dice and HD95: means over structures and both frames, then over patients, ± SD. Errors: mean absolute errors "
        "of EF in points; bias: predicted minus reference."
    )
    return "\n\n".join(
        (
            "## Cross-validation",
            command(content["command"]),
            wrapped(text),
            table(_TITLES, [*rows, _row("all", patients)]),
            wrapped(note),
        )
    )


def _steps(content: Mapping[str, Any]) -> str:
    steps, usual = content["steps"], content["usual_steps"]
    if steps == usual:
        return f"Trainings of {steps} steps; the first fold is the model that ships."
    return (
        f"**These trainings are shorter than that of the model that ships: {steps} steps instead of {usual}**; the "
        "figures say how patients differ, and less than the design can reach."
    )


def _row(title: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    errors = {side: [row[f"{side}_ef_error"] for row in rows if row[f"{side}_ef_error"] is not None]
              for side in ("lv", "rv")}  # fmt: skip
    low = [row["patient"] for row in rows if row["dice"] < _LEAST_DICE]
    return (
        title,
        str(len(rows)),
        _spread([row["dice"] for row in rows], ""),
        _spread([row["hd95_mm"] for row in rows], "mm"),
        *(cell for side in ("lv", "rv") for cell in _errors(errors[side])),
        str(len(low)),
    )


def _spread(values: Sequence[float], unit: str) -> str:
    return spread(fmean(values), stdev(values) if len(values) > 1 else None, unit)


def _errors(errors: Sequence[float]) -> tuple[str, str]:
    if not errors:
        return "–", "–"
    return value(fmean(map(abs, errors)), "points"), value(fmean(errors), "points", signed=True)
