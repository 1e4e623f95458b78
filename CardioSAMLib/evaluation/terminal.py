"""An evaluation on the terminal: what a reader wants to know first, in 80 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from CardioSAMLib.evaluation.html_parts import digits_of, number
from CardioSAMLib.evaluation.metrics import METRICS, Metric
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.protocols.tables import Summary, ef_errors
from CardioSAMLib.evaluation.result import EvaluationResult, SummaryTable
from CardioSAMLib.evaluation.scores import Emptiness, Phase
from CardioSAMLib.evaluation.table_cells import row_texts
from CardioSAMLib.labels import Structure

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_METRIC_KEYS = ("dice", "hd95_mm", "assd_mm")
_PROMPT_TABLES = ("prompt_source", "box_jitter")
_PROBLEMS_SHOWN = 5


def terminal_parts(result: EvaluationResult) -> tuple[Table | Text, ...]:
    """What is printed, from top to bottom: cautions; Dice, HD95 and ASSD of each structure and phase; tables on prompts
    where there are such; errors of the ejection fraction; what could not be scored."""
    from rich.text import Text

    cautions = (Text(f"CAUTION: {caution}", style="bold red") for caution in result.cautions)
    tables = (_structures(result), *(_prompts(table) for table in result.tables if table.key in _PROMPT_TABLES))
    spaced = (part for table in tables for part in (table, Text("")))
    lines = (Text(line) for line in (_ef_line(result), *_problem_lines(result)))
    return (*cautions, *spaced, *lines)


def _structures(result: EvaluationResult) -> Table:
    metrics = [metric for metric in METRICS if metric.key in _METRIC_KEYS]
    table = _table(f"{result.name}: {len(result.scored)} of {len(result.patients)} patients scored, mean ± SD")
    table.add_column("Contour", no_wrap=True)
    for heading in ("n", *(f"{metric.title} {metric.unit}".strip() for metric in metrics), "missed", "spurious"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows: list[tuple[Structure | None, Phase | None]] = [
        (structure, phase) for structure in Structure for phase in Phase
    ]
    for structure, phase in [*rows, (None, None)]:
        found = Counter(
            volume.emptiness
            for patient in result.scored
            for volume in patient.volumes
            if structure in (None, volume.structure) and phase in (None, volume.phase)
        )
        cells = (_spread(result, metric, structure, phase) for metric in metrics)
        patients = len(patient_values(result.scored, metrics[0].key, structure, phase))
        table.add_row(
            f"{structure.name} {phase.value}" if structure and phase else "all",
            str(patients),
            *cells,
            str(found[Emptiness.MISSED]),
            str(found[Emptiness.SPURIOUS]),
            style="bold" if structure is None else None,
        )
    return table


def _spread(result: EvaluationResult, metric: Metric, structure: Structure | None, phase: Phase | None) -> str:
    summary = Summary.of(patient_values(result.scored, metric.key, structure, phase).values())
    digits = digits_of(metric.unit)
    return f"{number(summary.mean, digits)} ± {number(summary.sd, digits)}"


def _prompts(source: SummaryTable) -> Table:
    from rich.text import Text

    table = _table(source.title)
    rows = row_texts(source)
    # Only the first column gives way on a narrow terminal; the headings of the others are broken here, at words.
    table.add_column(source.columns[0])
    for place, heading in enumerate(source.columns[1:], 1):
        cells = [row[place] for row in rows]
        table.add_column(_broken(heading, cells), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    table.caption = Text(source.note)
    return table


def _broken(heading: str, cells: Sequence[str]) -> str:
    """A heading in lines that need no more width than its longest word, the cells, or a usual number with its name."""
    width = max(map(len, (*heading.split(), *cells, "HD95 mean")))
    return textwrap.fill(heading, width, break_on_hyphens=False)


def _ef_line(result: EvaluationResult) -> str:
    parts = []
    for ventricle in ("lv", "rv"):
        errors = ef_errors(result.scored, ventricle)
        absolute, bias = Summary.of(map(abs, errors)), Summary.of(errors)
        parts.append(
            f"{ventricle.upper()} {number(absolute.mean, 1)} (bias {number(bias.mean, 1, signed=True)}, n {bias.n})"
        )
    return f"Ejection fraction, mean absolute error in points: {', '.join(parts)}"


def _problem_lines(result: EvaluationResult) -> Iterator[str]:
    problems = result.problems
    if not problems:
        return
    codes = Counter(problem.code for problem in problems)
    yield f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}: " + ", ".join(
        f"{count} {code.replace('_', ' ')}" for code, count in sorted(codes.items())
    )
    yield from (f"  {problem.message}" for problem in problems[:_PROBLEMS_SHOWN])
    if len(problems) > _PROBLEMS_SHOWN:
        yield "  ... the others are in problems.csv"


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    # As Text: the name of a folder may hold square brackets, which are markup to rich.
    return Table(
        title=Text(title),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
