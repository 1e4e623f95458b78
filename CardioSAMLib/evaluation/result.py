"""An evaluation and its folder: `cases.csv`, `slices.csv`, `studies.csv`, `problems.csv` and `summary.json`.

The CSV files hold the scores, the JSON all else; together they are read back as they were written.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from CardioSAMLib import __version__
from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.result_rows import FILES, Row, patients_of, rows_of
from CardioSAMLib.evaluation.scores import PatientScores, Problem
from CardioSAMLib.io import write_files

SCHEMA = 1
SUMMARY = "summary.json"

Cell = str | float | int | None


@dataclass(frozen=True)
class SummaryTable:
    """One table of an evaluation. rows: cells in the order of `columns`; units stand in the names of the columns.

    note: what a reader must know to read the numbers; "" where there is nothing.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"A row of the table {self.key} does not have its {len(self.columns)} columns.")


@dataclass(frozen=True)
class EvaluationResult:
    """All that an evaluation found.

    name: of what was evaluated, for headings. mode: `corrected`, or `literal`: as a paper did, mistakes included.
    prompt_source: who placed the box around the heart: `automatic`, `reference`, or `unknown` (another tool).
    model, protocol: as in `summary.json`; the protocol names the seed and the folds.
    cautions: sentences that must be read before the numbers, such as patients that the model was trained on.
    resources: `peak_rss_mb`, `model_bytes`, `parameters`; None where not known.
    """

    name: str
    mode: str
    prompt_source: str
    model: Mapping[str, Any]
    protocol: Mapping[str, Any]
    patients: tuple[PatientScores, ...]
    tables: tuple[SummaryTable, ...]
    cautions: tuple[str, ...] = ()
    resources: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for patient in self.patients for problem in patient.problems)

    @property
    def scored(self) -> tuple[PatientScores, ...]:
        """The patients of whom at least one frame could be scored."""
        return tuple(patient for patient in self.patients if patient.volumes)

    @property
    def seconds_per_study_median(self) -> float | None:
        seconds = [patient.study.seconds for patient in self.patients if patient.study is not None]
        known = [value for value in seconds if value is not None]
        return statistics.median(known) if known else None


def write_result(result: EvaluationResult, folder: Path, more: Mapping[str, bytes] | None = None) -> tuple[Path, ...]:
    """Writes the files of a result, and with them more files by name, all or none; returns their paths."""
    contents = {name: _csv(rows_of(name, result.patients)) for name in FILES}
    contents[SUMMARY] = (json.dumps(_summary(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    return write_files(folder, {**contents, **(more or {})})


def read_result(folder: Path) -> EvaluationResult:
    """The result that `write_result` wrote into a folder. Raises UnusableInput where it is none, or damaged."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        if summary["schema"] != SCHEMA:
            raise UnusableInput(
                f"{folder / SUMMARY} has the schema {summary['schema']}, this version reads {SCHEMA}; evaluate again."
            )
        rows = {name: _read_csv(folder / name) for name in FILES}
        result = _result(summary, patients_of(rows))
        if _counts(result) != summary["counts"]:
            raise ValueError("rows are missing")
        return result
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, UnusableInput):
            raise
        raise UnusableInput(
            f"{folder} is not the output of an evaluation, or is damaged; give a folder that cardiosam evaluate wrote."
        ) from error


def _summary(result: EvaluationResult) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "cardiosam_version": __version__,
        "name": result.name,
        "mode": result.mode,
        "prompt_source": result.prompt_source,
        "cautions": list(result.cautions),
        "model": dict(result.model),
        "protocol": dict(result.protocol),
        "counts": _counts(result),
        "problems": [asdict(problem) for problem in result.problems],
        "tables": [asdict(table) for table in result.tables],
        "resources": {"seconds_per_study_median": result.seconds_per_study_median, **result.resources},
    }


def _counts(result: EvaluationResult) -> dict[str, int]:
    return {
        "patients": len(result.patients),
        "scored": len(result.scored),
        "with_problems": sum(bool(patient.problems) for patient in result.patients),
        "problems": len(result.problems),
        "volumes": sum(len(patient.volumes) for patient in result.patients),
        "slices": sum(len(patient.slices) for patient in result.patients),
    }


def _result(summary: Mapping[str, Any], patients: tuple[PatientScores, ...]) -> EvaluationResult:
    tables = [
        SummaryTable(**{**table, "columns": tuple(table["columns"]), "rows": tuple(map(tuple, table["rows"]))})
        for table in summary["tables"]
    ]
    resources = {key: value for key, value in summary["resources"].items() if key != "seconds_per_study_median"}
    return EvaluationResult(
        name=summary["name"],
        mode=summary["mode"],
        prompt_source=summary["prompt_source"],
        model=summary["model"],
        protocol=summary["protocol"],
        patients=patients,
        tables=tuple(tables),
        cautions=tuple(summary["cautions"]),
        resources=resources,
    )


def _csv(table: tuple[tuple[str, ...], Sequence[Row]]) -> bytes:
    columns, rows = table
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
