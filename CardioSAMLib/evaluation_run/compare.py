"""Two evaluation folders in, a comparison out (floor 4): comparison.json, comparison.csv and comparison.html."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib import __version__
from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.comparison_html import comparison_html
from CardioSAMLib.evaluation.html_parts import NO_VALUE, digits_of, number, p_value
from CardioSAMLib.evaluation.measured import limits_of, measured_of
from CardioSAMLib.evaluation.metrics import STUDY_METRICS
from CardioSAMLib.evaluation.model_comparison import ComparedRow, ComparedTable, ModelComparison, compare_results
from CardioSAMLib.evaluation.resources_table import MEASURED_PROMPTING, Resources
from CardioSAMLib.evaluation.result import EvaluationResult, read_result
from CardioSAMLib.io import check_writable, write_files
from CardioSAMLib.progress import Progress, silent

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = 1
SEED = 0
_COLUMNS = (
    *("table", "quantity", "structure", "phase", "unit", "better", "n", "mean_a", "sd_a", "mean_b", "sd_b"),
    *("mean_difference", "ci_low", "ci_high", "d_z", "d_pooled", "t_p", "wilcoxon_p", "wilcoxon_p_holm", "verdict"),
)
_PRINTED = ("dice", "hd95_mm", "measurements")


def compare(folder_a: Path, folder_b: Path, out: Path, progress: Progress = silent) -> ModelComparison:
    """Compares what `cardiosam evaluate` wrote into two folders, and writes the comparison into a third.

    Raises UnusableInput, with nothing written, if a folder is no evaluation, the two have no patient in common or
    other references, or `out` cannot be written to or is one of the two.
    """
    if out.resolve() in (folder_a.resolve(), folder_b.resolve()):
        raise UnusableInput("The comparison must not go into a folder that it compares; give another --out.")
    check_writable(out)
    progress(0.0, "reading")
    a, b = read_result(folder_a), read_result(folder_b)
    progress(0.1, "comparing")
    names = _names(folder_a, folder_b)
    comparison = compare_results(a, b, names, SEED)
    progress(0.7, "drawing")
    contents = {
        "comparison.json": comparison_json(comparison),
        "comparison.csv": comparison_csv(comparison),
        "comparison.html": comparison_html(comparison).encode(),
    }
    write_files(out, contents)
    progress(1.0, "done")
    return comparison


def comparison_json(comparison: ModelComparison) -> bytes:
    """All that was found, UTF-8; differences are B minus A."""
    content = {
        "schema": SCHEMA,
        "cardiosam_version": __version__,
        "seed": SEED,
        "a": _side(comparison.name_a, comparison.a, comparison.resources[0]),
        "b": _side(comparison.name_b, comparison.b, comparison.resources[1]),
        "patients": {"common": comparison.common, "only_a": comparison.only_a, "only_b": comparison.only_b},
        "not_ranked": comparison.not_ranked or None,
        "prompting_time": asdict(MEASURED_PROMPTING),
        "tables": [
            {
                "key": table.key,
                "title": table.title,
                "rows": [{**asdict(row), "verdict": row.verdict} for row in table.rows],
            }
            for table in comparison.tables
        ],
    }
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def comparison_csv(comparison: ModelComparison) -> bytes:
    """One row per compared quantity, UTF-8; empty where there is no test."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_csv_row(table, row) for table in comparison.tables for row in table.rows)
    return text.getvalue().encode()


def comparison_table(comparison: ModelComparison) -> Table:
    """Dice, HD95 and the errors of the measurements for the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = f"A {comparison.name_a}, B {comparison.name_b}: {len(comparison.common)} patients in both"
    # Tight, as 80 columns are all that some terminals and all pipes have.
    table = Table(
        title=Text(title), title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("")
    for heading in ("A", "B", "B − A", "95% interval", "p (Holm)"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Better", justify="center", no_wrap=True)
    for part in comparison.tables:
        if part.key in _PRINTED:
            table.add_section()
            table.add_row(Text(part.title, style="bold"))
            for row in part.rows:
                table.add_row(*_printed(row))
    table.caption = Text("\n".join(_remarks(comparison)))
    return table


def _names(folder_a: Path, folder_b: Path) -> tuple[str, str]:
    """What readers know the two by: the names of their folders, with those above where they are the same."""
    paths = folder_a.resolve(), folder_b.resolve()
    if paths[0].name != paths[1].name:
        return paths[0].name, paths[1].name
    return str(folder_a), str(folder_b)


def _side(name: str, result: EvaluationResult, resources: Resources) -> dict[str, Any]:
    studies = [patient.study for patient in result.patients if patient.study is not None]
    limits = {metric.key: limits_of(measured_of(studies, metric)) for metric in STUDY_METRICS}
    return {
        "folder": name,
        "name": result.name,
        "mode": result.mode,
        "prompt_source": result.prompt_source,
        "cautions": result.cautions,
        "model": dict(result.model),
        "protocol": dict(result.protocol),
        "resources": asdict(resources),
        "bland_altman": {key: None if one is None else asdict(one) for key, one in limits.items()},
    }


def _csv_row(table: ComparedTable, row: ComparedRow) -> dict[str, object]:
    test = row.test
    cells: dict[str, object] = {
        "table": table.key,
        "quantity": row.title,
        "wilcoxon_p_holm": row.p_holm,
        "verdict": row.verdict,
        **{name: getattr(row, name) for name in ("structure", "phase", "unit", "better", "n")},
        **{name: getattr(row, name) for name in ("mean_a", "sd_a", "mean_b", "sd_b")},
    }
    if test is not None:
        cells |= {name: getattr(test, name) for name in ("mean_difference", "d_z", "d_pooled", "t_p", "wilcoxon_p")}
        cells |= {"ci_low": test.ci[0], "ci_high": test.ci[1]}
    return cells


def _printed(row: ComparedRow) -> Iterator[str]:
    digits = digits_of(row.unit)
    place = f"{row.structure} {row.phase}" if row.structure else row.title
    yield f"{place} ({row.unit})" if row.unit else place
    yield number(row.mean_a, digits)
    yield number(row.mean_b, digits)
    yield NO_VALUE if row.test is None else number(row.test.mean_difference, digits, signed=True)
    yield NO_VALUE if row.test is None else " to ".join(number(end, digits, signed=True) for end in row.test.ci)
    yield p_value(row.p_holm)
    yield row.verdict if row.verdict in ("A", "B") else NO_VALUE


def _remarks(comparison: ModelComparison) -> Iterator[str]:
    yield from comparison.cautions
    for side, names in (("A", comparison.only_a), ("B", comparison.only_b)):
        if names:
            yield f"Left out, as they are in {side} only: {', '.join(names)}."
