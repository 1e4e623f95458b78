"""report.html of an evaluation: one self-contained file that a reader can check, print and archive."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from CardioSAMLib.evaluation import html_parts as html
from CardioSAMLib.evaluation.figures import STRUCTURE_ORDER, bland_altman_svg, box_plots_svg
from CardioSAMLib.evaluation.measured import Measured, limits_of, measured_of
from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS, Metric
from CardioSAMLib.evaluation.patient_values import patient_values, worst_patients
from CardioSAMLib.evaluation.result import EvaluationResult, SummaryTable
from CardioSAMLib.evaluation.scores import Emptiness, Phase, VolumeScore
from CardioSAMLib.evaluation.table_cells import row_texts

PROMPT_SOURCES = {
    "automatic": "automatic: the model locates the heart, nobody helps",
    "reference": "reference: the box around the heart comes from the reference labels, which gives an upper bound, not "
    "to be set beside automatic results",
    "unknown": "unknown: the contours were made elsewhere",
}
LIMITS_LEGEND = (
    "Limits of agreement: bias ± 1.96 SD of the differences. Bands: 95% confidence intervals of the bias and, as an "
    "exact pair, of the limits. The patients farthest outside the limits are named."
)
_MAIN_KEYS = ("dice", "iou", "boundary_iou", "nsd_2mm", "hd95_mm", "assd_mm", "volume_error_ml")
_BOX_KEYS = ("dice", "hd95_mm", "assd_mm", "nsd_2mm")
_LONG_TABLE = 30
_EMPTY_WORDS = {
    Emptiness.MISSED: "missed: in the reference, not in the prediction",
    Emptiness.SPURIOUS: "spurious: in the prediction, not in the reference",
    Emptiness.BOTH: "empty in both: scored as agreement",
}


def html_report(result: EvaluationResult, pictures: Mapping[str, bytes]) -> str:
    """The report as text. pictures: PNG of patients by name, for the worst cases; may be empty."""
    facts = {
        "Contours by": model_line(result),
        "Prompts": PROMPT_SOURCES.get(result.prompt_source, result.prompt_source),
        "Protocol": protocol_line(result),
        "Patients": _patients_line(result),
    }
    main = [html.cautions_list(result.cautions)]
    if result.scored:
        main += [
            html.tiles(_headline(result)),
            _contours(result),
            _measurements(result),
            _worst_cases(result, pictures),
            _empty_masks(result),
        ]
    main += [_problems(result), _tables(result), _how(result)]
    return html.page("Evaluation of contours in cardiac cine MR", result.name, facts, main)


def model_line(result: EvaluationResult) -> str:
    """Who drew the contours, in one line."""
    model = result.model
    title = str(model.get("title") or model.get("id") or "another tool")
    parts = [
        title,
        f"({model['id']})" if model.get("id") and model["id"] != title else "",
        f"version {model['version']}" if model.get("version") else "",
    ]
    return " ".join(part for part in parts if part)


def protocol_line(result: EvaluationResult) -> str:
    """Which patients were scored and by which rules, in one line."""
    protocol = result.protocol
    parts = [str(protocol.get("name") or "all patients of the folder")]
    parts += [f"{name} {protocol[name]}" for name in ("part", "seed") if protocol.get(name) is not None]
    return ", ".join([*parts, f"{result.mode} mode"])


def problem_count(result: EvaluationResult) -> str:
    """How many patients could not be scored in full."""
    count = sum(bool(patient.problems) for patient in result.patients)
    return f"{count} with problems" if count else "none with problems"


def summary_tables(tables: Sequence[SummaryTable]) -> str:
    """The tables of an evaluation, each under its title; long ones are folded up, and not printed."""
    return "\n".join(
        html.folded(table.title, len(table.rows), _summary_table(table), "summary.json")
        if len(table.rows) > _LONG_TABLE
        else f"{html.heading(table.title)}\n{_summary_table(table)}"
        for table in tables
    )


def _patients_line(result: EvaluationResult) -> str:
    volumes = sum(len(patient.volumes) for patient in result.patients)
    return f"{len(result.scored)} of {len(result.patients)} scored ({volumes} volumes), {problem_count(result)}"


def _headline(result: EvaluationResult) -> Iterator[tuple[str, str, str]]:
    for key in ("dice", "hd95_mm"):
        metric = next(metric for metric in METRICS if metric.key == key)
        values = list(patient_values(result.scored, key).values())
        yield (
            f"{metric.title}, mean of structures and frames",
            html.number(statistics.fmean(values), html.digits_of(metric.unit)),
            metric.unit,
        )
    for key in ("lv_ef_percent", "rv_ef_percent", "lv_mass_ed_g"):
        measured = _measured(result, key)
        if measured.patients:
            error = float(abs(measured.differences).mean())
            yield f"{measured.metric.title}, mean absolute error", html.number(error, 1), measured.metric.error_unit


def _measured(result: EvaluationResult, key: str) -> Measured:
    metric = next(metric for metric in STUDY_METRICS if metric.key == key)
    return measured_of((patient.study for patient in result.patients if patient.study is not None), metric)


def _contours(result: EvaluationResult) -> str:
    metrics = [metric for metric in METRICS if metric.key in _MAIN_KEYS]
    metrics.sort(key=lambda metric: _MAIN_KEYS.index(metric.key))
    volumes = [volume for patient in result.scored for volume in patient.volumes]
    table = html.table(
        ("Structure", "Frame", "n", *(_heading(metric) for metric in metrics)),
        list(_main_rows(volumes, metrics)),
        text_columns=(0, 1),
        note="Mean ± standard deviation over the patients, below it the median. Scored in 3D on the grid of the "
        "images. n: volumes, those with an empty mask included.",
    )
    figures = [
        html.picture(box_plots_svg(volumes, metric), f"Box plots of {metric.title} for each structure at ED and ES")
        for metric in METRICS
        if metric.key in _BOX_KEYS
    ]
    note = html.paragraph(
        "Every mark is a patient (circle ED, triangle ES). Box: quartiles and median; whiskers reach to the last "
        "value within 1.5 times the height of the box.",
        "note",
    )
    return html.section("Contours against the reference", table, html.pictures(figures, "two"), note)


def _heading(metric: Metric) -> str:
    return f"{metric.title} ({metric.unit})" if metric.unit else metric.title


def _main_rows(volumes: Sequence[VolumeScore], metrics: Sequence[Metric]) -> Iterator[tuple[str, ...]]:
    for structure in STRUCTURE_ORDER:
        for phase in Phase:
            here = [volume for volume in volumes if volume.structure is structure and volume.phase is phase]
            if here:
                cells = (_spread_cell([volume.values[metric.key] for volume in here], metric) for metric in metrics)
                yield (structure.name, phase.value, str(len(here)), *cells)


def _spread_cell(values: Sequence[float], metric: Metric) -> str:
    digits, signed = html.digits_of(metric.unit), metric.better == "zero"
    spread = statistics.stdev(values) if len(values) > 1 else None
    mean, median = (html.number(f(values), digits, signed) for f in (statistics.fmean, statistics.median))
    return f"{mean} ± {html.number(spread, digits)}\n{median}"


def _measurements(result: EvaluationResult) -> str:
    figures, too_few = [], []
    for metric in STUDY_METRICS:
        measured = _measured(result, metric.key)
        limits = limits_of(measured)
        if limits is None:
            too_few.append(metric.title)
            continue
        figures.append(html.picture(bland_altman_svg(measured, limits), f"Bland-Altman plot of {metric.title}"))
    notes = [html.paragraph(LIMITS_LEGEND, "note")] if figures else []
    if too_few:
        notes.append(html.paragraph(f"No plot, for lack of patients: {', '.join(too_few)}.", "note"))
    return html.section("Measurements against the reference", html.pictures(figures, "three"), *notes)


def _worst_cases(result: EvaluationResult, pictures: Mapping[str, bytes]) -> str:
    if not pictures:
        return ""
    group_of = {patient.patient: patient.volumes[0].group for patient in result.scored}
    figures = [
        html.picture(
            pictures[name],
            f"Contours of {name}",
            "image/png",
            f"{name}{f' ({group_of[name]})' if group_of[name] else ''}: mean Dice {html.number(dice, 3)}",
        )
        for name, dice in worst_patients(result.scored, len(result.scored))
        if name in pictures
    ]
    note = html.paragraph(
        "The patients with the lowest mean Dice, and of each the slices with the largest area on which prediction and "
        "reference differ. Solid line: prediction. Dashed line: reference.",
        "note",
    )
    return html.section("Worst cases", note, html.pictures(figures, "one"))


def _empty_masks(result: EvaluationResult) -> str:
    empty = [
        volume for patient in result.scored for volume in patient.volumes if volume.emptiness is not Emptiness.NEITHER
    ]
    if not empty:
        return html.section("Empty masks", html.paragraph("Every structure was found in every volume, as it should."))
    rows = [
        (volume.patient, volume.structure.name, volume.phase.value, _EMPTY_WORDS[volume.emptiness]) for volume in empty
    ]
    return html.section(
        "Empty masks", html.table(("Patient", "Structure", "Frame", "What"), rows, text_columns=range(4))
    )


def _problems(result: EvaluationResult) -> str:
    if not result.problems:
        return ""
    rows = [(problem.patient, problem.code.replace("_", " "), problem.message) for problem in result.problems]
    return html.section(
        "What could not be scored", html.table(("Patient", "Kind", "What"), rows, text_columns=range(3))
    )


def _tables(result: EvaluationResult) -> str:
    return html.section("Tables", summary_tables(result.tables)) if result.tables else ""


def _summary_table(table: SummaryTable) -> str:
    texts = {
        place
        for place, column in enumerate(zip(*table.rows, strict=True))
        if all(isinstance(cell, str | None) for cell in column)
    }
    return html.table(table.columns, row_texts(table), text_columns={0, *texts}, note=table.note)


def _how(result: EvaluationResult) -> str:
    model = {
        "Model": model_line(result),
        "SHA-256 of the model": str(result.model.get("sha256") or ""),
        "Trained on": str(result.model.get("training_data") or ""),
        "License of the model": str(result.model.get("license") or ""),
        "Seconds per study, median": html.number(result.seconds_per_study_median, 1),
    }
    rules = {
        "Empty masks": "one mask empty: shares 0, distances the diagonal of the image in mm; both empty: shares 1, "
        "distances 0; never left out",
        "Ejection fraction error": "predicted minus reference, in percentage points",
        "Means": "over the structures of a frame, then over the frames of a patient, then over the patients",
    }
    metrics = {metric.title: metric.definition for metric in METRICS}
    return html.section("How the numbers were made", html.definitions(_said({**model, **metrics, **rules})))


def _said(entries: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in entries.items() if text and text != html.NO_VALUE}
