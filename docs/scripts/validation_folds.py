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
        f"The design of the default model and its first training, `{content['configuration']}`, anew for {count} folds "
        "(`Resources/splits/acdc_cv5.json`, stratified by group), each time on 80 patients, and scored on the 20 that "
        "the training has not seen. The design itself was chosen by 20 of these patients, those of the tables "
        "above. The default model was then trained on with milder views ([decision "
        "0011](decisions/0011-trained-on-with-milder-views.md)), and what is done after it was changed ([decisions "
        "0013](decisions/0013-no-cavity-behind-the-right-ventricle.md) and "
        "[0014](decisions/0014-the-second-view-is-transposed.md)), neither of which these figures show. "
        f"{_steps(content)} {_first_fold(content)}"
    )
    note = (
        "Dice and HD95: means over structures and both frames, then over patients, ± SD. Errors: mean absolute errors "
        "of EF in points; bias: predicted minus reference; in brackets the patients where some have none, as the model "
        "missed a ventricle."
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
    precision = " and ".join(content["precisions"])
    if steps == usual:
        return f"Trainings of {steps} steps in {precision}, weights rounded to half precision." if precision else ""
    return (
        f"**These trainings are shorter than that of the model that ships: {steps} steps in {precision} instead of "
        f"{usual}**; the figures say how patients differ, and less than the design can reach."
    )


def _first_fold(content: Mapping[str, Any]) -> str:
    if content["steps"] != content["usual_steps"] or all(row["fold"] != 1 for row in content["patients"]):
        return ""
    return "The first fold is the file that ships, which was trained in full precision."


def _row(title: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    dice, hd95_mm = ([row[key] for row in rows] for key in ("dice", "hd95_mm"))
    return (
        title,
        str(len(rows)),
        _spread(dice, ""),
        _spread(hd95_mm, "mm"),
        *_errors([row["lv_ef_error"] for row in rows]),
        *_errors([row["rv_ef_error"] for row in rows]),
        str(sum(one < _LEAST_DICE for one in dice)),
    )


def _spread(values: Sequence[float], unit: str) -> str:
    return spread(fmean(values), stdev(values) if len(values) > 1 else None, unit)


def _errors(errors: Sequence[float | None]) -> tuple[str, str]:
    known = [error for error in errors if error is not None]
    if not known:
        return "–", "–"
    count = f" ({len(known)})" if len(known) < len(errors) else ""
    return value(fmean(map(abs, known)), "points") + count, value(fmean(known), "points", signed=True) + count
