"""The tables of the page on validation that `cardiosam evaluate` gives, from the committed JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from validation_markdown import Record, command, interval, note_of, records, spread, table, value, wrapped

from CardioSAMLib.evaluation.html_parts import number
from CardioSAMLib.evaluation.measured import Measured, limits_of, measured_of
from CardioSAMLib.evaluation.metrics import STUDY_METRICS
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.result_rows import CASES, PROBLEMS, SLICES, STUDIES, patients_of
from CardioSAMLib.evaluation.scores import PatientScores

Content = Mapping[str, Any]
DICE_FIGURE, LV_FIGURE, RV_FIGURE = "validation_dice.svg", "validation_lv_ef.svg", "validation_rv_ef.svg"
_STRUCTURES, _PHASES = ("LV", "MYO", "RV"), ("ED", "ES")
_MAIN = (
    *(("Dice", ""), ("HD95", "mm"), ("ASSD", "mm"), ("NSD at 2 mm", ""), ("IoU", ""), ("Boundary IoU", "")),
    ("Volume error", "mL"),
)
_MORE = (
    ("Hausdorff distance", "mm"),
    *((name, "") for name in ("Precision", "Recall", "Specificity", "Pixel accuracy")),
)


def structures_section(content: Content) -> str:
    found = {(row["structure"], row["phase"], row["metric"]): row for row in records(content, "structures")}
    found |= {("all", row["phase"], row["metric"]): row for row in records(content, "overall")}
    places = [(structure, phase) for structure in _STRUCTURES for phase in _PHASES]
    places += [("all", phase) for phase in (*_PHASES, "both")]
    main_rows = [(*place, *(_metric_cell(found, place, *metric) for metric in _MAIN)) for place in places]
    more_rows = [
        (*place, *(_metric_cell(found, place, *metric) for metric in _MORE), _lost(found[(*place, "Dice")]))
        for place in places
    ]
    first = ("structure", "frame")
    return "\n\n".join(
        (
            "## By structure and frame",
            command(evaluate_command(content)),
            table((*first, *map(_heading, _MAIN)), main_rows, text_columns=2),
            f"![Box plots of Dice for each structure and frame](images/{DICE_FIGURE})",
            "Of the same volumes. Specificity and pixel accuracy say little: most of an image is background.",
            table((*first, *map(_heading, _MORE), "missed, spurious"), more_rows, text_columns=2),
            note_of(content, "structures"),
        )
    )


def agreement_section(content: Content) -> str:
    patients = patients_in(content)
    rows = {row["measurement"]: row for row in records(content, "agreement")}
    errors, coefficients = [], []
    for metric in STUDY_METRICS:
        row, limits = rows[metric.title], limits_of(measured_in(patients, metric.key))
        unit = metric.error_unit
        first = (f"{metric.title} ({unit})", str(row["patients"]))
        if limits is None:
            continue
        ends = ((limits.bias, limits.bias_ci), (limits.lower, limits.lower_ci), (limits.upper, limits.upper_ci))
        cells = (f"{value(end, unit, True)} ({interval(ci, unit, True)})" for end, ci in ends)
        errors.append((*first, *cells, value(row["SD"], unit), value(row["MAE"], unit), value(row["RMSE"], unit)))
        names = ("Pearson r", "Pearson r²", "1 − SSE/SST", "ICC(2,1)", "ICC(3,1)", "CCC")
        coefficients.append((metric.title, *(value(row[name], "") for name in names), number(row["CV in percent"], 1)))
    titles = ("measurement", "patients", "bias", "lower limit", "upper limit", "SD", "MAE", "RMSE")
    coefficient_titles = ("measurement", "r", "r²", "1 − SSE/SST", "ICC(2,1)", "ICC(3,1)", "CCC", "CV (%)")
    pictures = " ".join(
        f"![Bland-Altman plot of the {side} ejection fraction](images/{name})"
        for side, name in (("LV", LV_FIGURE), ("RV", RV_FIGURE))
    )
    return "\n\n".join(
        (
            "## Agreement of volumes, ejection fractions and mass",
            command(evaluate_command(content)),
            wrapped(
                "Bland-Altman, with 95 % intervals in brackets. " + note_of(content, "agreement").replace("\n", " ")
            ),
            table(titles, errors),
            pictures,
            table(coefficient_titles, coefficients),
        )
    )


def _cohorts(content: Content, key: str, heading: str, first: str, name_of: Callable[[Record], str]) -> str:
    rows = [(name_of(row), *_cohort_cells(row)) for row in records(content, key)]
    titles = (
        *(first, "patients", "Dice", "HD95 (mm)", "LV EF error", "LV EF bias", "RV EF error", "RV EF bias"),
        "LV EDV, ESV error (mL)",
    )
    lost = [sum(row[column] for row in records(content, "groups")[:-1]) for column in ("missed", "spurious")]
    note = note_of(content, key).replace("\n", " ")
    text = (
        f"Errors are mean absolute errors, of EF in points. {note} Structures missed: {lost[0]}, spurious: {lost[1]}."
    )
    return "\n\n".join((f"## {heading}", command(evaluate_command(content)), table(titles, rows), wrapped(text)))


def groups_section(content: Content) -> str:
    return _cohorts(content, "groups", "By pathology group", "group", lambda row: str(row["group"]))


def severity_section(content: Content) -> str:
    def name_of(row: Record) -> str:
        return f"{row['LV ejection fraction']} ({row['reference (%)']} %)"

    return _cohorts(content, "ef_severity", "By ejection fraction of the reference", "LV EF", name_of)


def regions_section(content: Content) -> str:
    rows = [
        (
            *(row["structure"], row["region"], f"{row['slices']} of {row['patients']}"),
            spread(row["Dice mean"], row["Dice SD"], ""),
            *(value(row["Dice median"], ""), value(row["Dice mean without both empty"], "")),
            *(value(row["HD95 mean (mm)"], "mm"), value(row["ASSD mean (mm)"], "mm")),
            f"{_lost(row)}, {row['both empty']}",
        )
        for row in records(content, "regions")
    ]
    titles = (
        *("structure", "region", "slices of patients", "Dice", "median", "without both empty"),
        *("HD95 (mm)", "ASSD (mm)", "missed, spurious, both empty"),
    )
    return "\n\n".join(
        (
            "## By region of the ventricle, per slice",
            command(evaluate_command(content)),
            table(titles, rows, text_columns=2),
            note_of(content, "regions"),
        )
    )


def prompt_source_section(content: Content) -> str:
    rows = [
        (
            _heading((row["metric"], row["unit"])),
            str(row["patients"]),
            *(
                spread(row[f"{side} box, mean"], row[f"{side} box, SD"], row["unit"])
                for side in ("automatic", "reference")
            ),
        )
        for row in records(content, "prompt_source")
    ]
    return "\n\n".join(
        (
            "## Automatic box and reference box",
            command(evaluate_command(content, "--heart-box both")),
            table(("metric", "patients", "automatic box", "reference box"), rows),
            note_of(content, "prompt_source"),
            "For this model the box only says where its crop lies; it does not say where a structure ends.",
        )
    )


def box_jitter_section(content: Content) -> str:
    found = records(content, "box_jitter")
    rows = [
        (
            *(row["jitter (pixels)"], str(row["patients"])),
            spread(row["Dice mean"], row["Dice SD"], ""),
            spread(row["HD95 mean (mm)"], row["HD95 SD (mm)"], "mm"),
        )
        for row in found
    ]
    pixels = ",".join(row["jitter (pixels)"] for row in found)
    return "\n\n".join(
        (
            "## Boxes that are off",
            command(evaluate_command(content, f"--box-jitter {pixels}")),
            table(("jitter (pixels)", "patients", "Dice", "HD95 (mm)"), rows),
            note_of(content, "box_jitter"),
        )
    )


def patients_section(content: Content) -> str:
    patients = patients_in(content)
    dice, hd95 = patient_values(patients, "dice"), patient_values(patients, "hd95_mm")
    keys = ("lv_ef_percent", "lv_edv_ml", "lv_esv_ml", "lv_mass_ed_g", "rv_ef_percent")
    rows: list[Sequence[str]] = [
        (
            f"{patient.patient} {patient.study.group}",
            value(dice.get(patient.patient), ""),
            value(hd95.get(patient.patient), "mm"),
            *(f"{number(patient.study.predicted[key], 1)} / {number(patient.study.reference[key], 1)}" for key in keys),
        )
        for patient in patients
        if patient.study is not None
    ]
    titles = ("patient", "Dice", "HD95 (mm)", "LV EF (%)", "LV EDV (mL)", "LV ESV (mL)", "LV mass (g)", "RV EF (%)")
    return "\n\n".join(
        (
            "## Every patient",
            command(evaluate_command(content)),
            "Measurements: model / expert. Every structure and frame: `cases` in [validation.json](validation.json).",
            table(titles, rows),
        )
    )


def patients_in(content: Content) -> tuple[PatientScores, ...]:
    """The committed rows as scores; slices and problems are not among them."""
    return patients_of({CASES: content["cases"], STUDIES: content["studies"], SLICES: [], PROBLEMS: []})


def measured_in(patients: Sequence[PatientScores], key: str) -> Measured:
    metric = next(metric for metric in STUDY_METRICS if metric.key == key)
    return measured_of((patient.study for patient in patients if patient.study is not None), metric)


def evaluate_command(content: Content, *more: str) -> str:
    """The command that gives a table, with no more options than it takes."""
    name = content["evaluation"]["protocol"]["name"]
    return " ".join(("cardiosam evaluate DATA/acdc --out OUT", f"--protocol {name}", *more))


def _heading(metric: tuple[str, str]) -> str:
    name, unit = metric
    return f"{name} ({unit})" if unit else name


def _metric_cell(found: Mapping[Any, Record], place: tuple[str, str], metric: str, unit: str) -> str:
    row = found.get((*place, metric))
    return "–" if row is None else spread(row["mean"], row["SD"], unit)


def _lost(row: Record) -> str:
    return f"{row['missed']}, {row['spurious']}"


def _cohort_cells(row: Record) -> Iterator[str]:
    yield str(row["patients"])
    yield spread(row["Dice mean"], row["Dice SD"], "")
    yield spread(row["HD95 mean (mm)"], row["HD95 SD (mm)"], "mm")
    error = "EF absolute error"
    yield spread(row[f"LV {error} mean (points)"], row[f"LV {error} SD (points)"], "points")
    yield value(row["LV EF bias (points)"], "points", signed=True)
    yield value(row[f"RV {error} mean (points)"], "points")
    yield value(row["RV EF bias (points)"], "points", signed=True)
    yield ", ".join(value(row[f"LV {volume} absolute error mean (mL)"], "mL") for volume in ("EDV", "ESV"))
