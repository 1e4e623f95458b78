"""comparison.html: two evaluations side by side, in the looks of an evaluation's report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from CardioSAMLib.evaluation import html_parts as html
from CardioSAMLib.evaluation.figures import bland_altman_svg, differences_svg, range_of
from CardioSAMLib.evaluation.html_report import LIMITS_LEGEND, PROMPT_SOURCES, model_line, protocol_line
from CardioSAMLib.evaluation.measured import limits_of, measured_of
from CardioSAMLib.evaluation.metrics import STUDY_METRICS, StudyMetric
from CardioSAMLib.evaluation.model_comparison import SIGNIFICANCE, ComparedRow, ComparedTable, ModelComparison
from CardioSAMLib.evaluation.resources_table import MEASURED_PROMPTING, RESOURCE_ROWS

_SHOWN_FIRST = ("dice", "hd95_mm", "assd_mm", "nsd_2mm", "volume_error_ml")
_DRAWN = ("dice", "hd95_mm")
_COLUMNS = ("n", "A", "B", "B − A", "95% interval", "d_z", "p (t)", "p (Wilcoxon)", "p (Holm)", "Better")


def comparison_html(comparison: ModelComparison) -> str:
    """The report as text."""
    sides = (comparison.a, comparison.b)
    facts = {
        "A": f"{comparison.name_a}: {model_line(comparison.a)}",
        "B": f"{comparison.name_b}: {model_line(comparison.b)}",
        "Evaluated on": _of_both(*(f"{result.name}; {protocol_line(result)}" for result in sides)),
        "Prompts": _of_both(*(PROMPT_SOURCES.get(result.prompt_source, result.prompt_source) for result in sides)),
        "Patients": _patients_line(comparison),
    }
    main = [
        html.cautions_list(comparison.cautions),
        html.tiles(_headline(comparison)),
        _contours(comparison),
        _measurements(comparison),
        _resources(comparison),
        _how(comparison),
    ]
    return html.page("Comparison of two evaluations", f"{comparison.name_a} and {comparison.name_b}", facts, main)


def _of_both(of_a: str, of_b: str) -> str:
    return of_a if of_a == of_b else f"A: {of_a}. B: {of_b}"


def _patients_line(comparison: ModelComparison) -> str:
    parts = [f"{len(comparison.common)} in both"]
    for side, names in (("A", comparison.only_a), ("B", comparison.only_b)):
        if names:
            parts.append(f"left out, as they are in {side} only: {', '.join(names)}")
    return "; ".join(parts)


def _headline(comparison: ModelComparison) -> Iterator[tuple[str, str, str]]:
    for table in comparison.tables:
        if table.key in _DRAWN:
            row = table.rows[0]
            digits = html.digits_of(row.unit)
            yield f"{row.title}, A", html.number(row.mean_a, digits), row.unit
            yield f"{row.title}, B", html.number(row.mean_b, digits), row.unit


def _contours(comparison: ModelComparison) -> str:
    tables = [table for table in comparison.tables if table.key != "measurements"]
    figures = [
        html.picture(_differences(table), f"Paired differences of {table.title}")
        for table in tables
        if table.key in _DRAWN and all(row.test is not None for row in table.rows)
    ]
    first = "\n".join(
        html.heading(table.title) + _table(table, ("Structure", "Frame"))
        for key in _SHOWN_FIRST
        for table in tables
        if table.key == key
    )
    others = "\n".join(
        html.folded(table.title, len(table.rows), _table(table, ("Structure", "Frame")), "comparison.csv")
        for table in tables
        if table.key not in _SHOWN_FIRST
    )
    return html.section("Contours against the reference", html.pictures(figures, "two"), first, others)


def _differences(table: ComparedTable) -> bytes:
    rows = [
        (f"{row.structure} {row.phase}", row.test.mean_difference, row.test.ci)
        for row in table.rows
        if row.test is not None
    ]
    better = f"{table.rows[0].better} is better"
    return differences_svg(f"{table.title} ({better})", table.rows[0].unit, rows)


def _table(table: ComparedTable, headings: tuple[str, ...]) -> str:
    rows = [(*_row_names(row, headings), *_cells(row)) for row in table.rows]
    return html.table((*headings, *_COLUMNS), rows, text_columns=range(len(headings)))


def _row_names(row: ComparedRow, headings: tuple[str, ...]) -> tuple[str, ...]:
    return (row.structure, row.phase) if len(headings) == 2 else (f"{row.title} ({row.unit})",)


def _cells(row: ComparedRow) -> Iterator[str]:
    digits = html.digits_of(row.unit)
    yield str(row.n)
    for mean, sd in ((row.mean_a, row.sd_a), (row.mean_b, row.sd_b)):
        yield f"{html.number(mean, digits)} ± {html.number(sd, digits)}"
    test = row.test
    if test is None:
        yield from (html.NO_VALUE,) * 6
    else:
        yield html.number(test.mean_difference, digits, signed=True)
        yield " to ".join(html.number(end, digits, signed=True) for end in test.ci)
        yield html.number(test.d_z, 2, signed=True)
        yield html.p_value(test.t_p)
        yield html.p_value(test.wilcoxon_p)
        yield html.p_value(row.p_holm)
    yield row.verdict


def _measurements(comparison: ModelComparison) -> str:
    table = next(table for table in comparison.tables if table.key == "measurements")
    figures = [figure for metric in STUDY_METRICS for figure in _limits_pair(comparison, metric)]
    return html.section(
        "Measurements against the reference",
        _table(table, ("Absolute error",)),
        html.pictures(figures, "pairs"),
        html.paragraph(f"A at the left, B at the right, on the same axes. {LIMITS_LEGEND}", "note") if figures else "",
    )


def _limits_pair(comparison: ModelComparison, metric: StudyMetric) -> list[str]:
    """The Bland-Altman plots of A and of B; none where one of them has too few patients."""
    measured = [
        measured_of((patient.study for patient in side.patients if patient.study is not None), metric)
        for side in (comparison.a, comparison.b)
    ]
    limits = [one for one in map(limits_of, measured) if one is not None]
    if len(limits) < len(measured):
        return []
    plot_range = range_of(measured, limits)
    return [
        html.picture(
            bland_altman_svg(one, its_limits, plot_range, f"{side}: {metric.title}"),
            f"Bland-Altman plot of {metric.title}, {side}",
        )
        for side, one, its_limits in zip("AB", measured, limits, strict=True)
    ]


def _resources(comparison: ModelComparison) -> str:
    a, b = (asdict(one) for one in comparison.resources)
    rows = [
        (
            f"{row.title} ({row.unit})" if row.unit else row.title,
            *(_grouped(one[row.field], row.digits) for one in (a, b)),
        )
        for row in RESOURCE_ROWS
    ]
    note = (
        f"–: not said by the result. Times and memory are of the machine that evaluated. Prompting: prompts times "
        f"{MEASURED_PROMPTING.draw_s + MEASURED_PROMPTING.select_s:.1f} s ({MEASURED_PROMPTING.source})."
    )
    return html.section("Resources", html.table(("", "A", "B"), rows, note=note))


def _grouped(value: float | None, digits: int) -> str:
    return html.NO_VALUE if value is None else f"{value:,.{digits}f}"


def _how(comparison: ModelComparison) -> str:
    entries = {
        "Unit of all tests": "the patient; both results on the same patients",
        "B − A": "mean of the paired differences; its 95% interval by bootstrap over patients (BCa, 10,000 resamples)",
        "d_z": "effect size: mean of the differences divided by their standard deviation",
        "p (t), p (Wilcoxon)": "two-sided; paired t test and Wilcoxon's signed-rank test, without correction",
        "p (Holm)": "Wilcoxon's p, corrected for all rows of the same table",
        "Better": f"by p (Holm) below {SIGNIFICANCE:g}, if ranks and mean point to the same side; not shown does "
        "not mean that there is no difference",
        "Errors": "volume errors and measurements are compared by their size, without the sign",
        "all, both": "mean over the structures of a frame, then over the frames of a patient",
    }
    if comparison.not_ranked:
        entries = {"Tests": "none: " + comparison.not_ranked}
    return html.section("How the numbers were made", html.definitions(entries))
