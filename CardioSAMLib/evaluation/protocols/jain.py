"""The tables of the CardioSAM paper (Jain 2026), with our row beside those that it prints.

What it prints lies in `Resources/published/jain_2026.json`, with source and caveat; nothing of it is in code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.protocols.severity import SEVERITIES, severity_of
from CardioSAMLib.evaluation.protocols.tables import Summary, ef_errors
from CardioSAMLib.evaluation.result import Cell, SummaryTable
from CardioSAMLib.evaluation.scores import PatientScores
from CardioSAMLib.labels import Structure
from CardioSAMLib.resources import resources_dir

THIS_RUN = "this run"
_FILE = "jain_2026.json"

# Column key of the published rows -> heading.
_FIRST = {"source": "source"}
_LAST = {"caveat": "caveat"}
_COLUMNS: dict[str, dict[str, str]] = {
    "jain_table_1": {
        "system": "system",
        "dice": "Dice (%)",
        "iou": "IoU (%)",
        "hd95": "HD95 (mm)",
        "accuracy": "pixel accuracy (%)",
        "parameters": "parameters (millions)",
    },
    "jain_table_4": {"structure": "structure", "patients": "patients", "dice": "Dice (%)", "hd95": "HD95 (mm)"},
    "jain_table_7": {"group": "pathology group", "patients": "patients", "dice": "Dice (%)", "hd95": "HD95 (mm)"},
    "jain_table_8": {
        "severity": "ejection fraction",
        "patients": "patients",
        "dice": "Dice (%)",
        "ef_error": "EF error (points)",
        "volume_error": "volume error (mL)",
    },
}


def jain_tables(patients: Sequence[PatientScores], system: str, parameters: float | None) -> tuple[SummaryTable, ...]:
    """The paper's tables I, IV, VII and VIII. system, parameters: name and size of what was evaluated."""
    published = json.loads((resources_dir() / "published" / _FILE).read_text(encoding="utf-8"))
    ours = {
        "jain_table_1": [_overall(patients, system, parameters)],
        "jain_table_4": _by_structure(patients),
        "jain_table_7": _by_group(patients),
        "jain_table_8": _by_severity(patients),
    }
    return tuple(_table(key, published, rows) for key, rows in ours.items())


def _table(key: str, published: Mapping[str, Any], ours: Sequence[Mapping[str, Cell]]) -> SummaryTable:
    columns = {**_FIRST, **_COLUMNS[key], **_LAST}
    table = published["tables"][key]
    rows = [{"source": THIS_RUN, **row} for row in ours]
    rows += [{"source": published["short_name"], **row} for row in table["rows"]]
    cells = tuple(tuple(row.get(column) for column in columns) for row in rows)
    note = " ".join((table["note"], published["note"], f"Source: {published['citation']}."))
    return SummaryTable(key, table["title"], tuple(columns.values()), cells, note)


def _overall(patients: Sequence[PatientScores], system: str, parameters: float | None) -> dict[str, Cell]:
    return {
        "system": system,
        "dice": _percent(_mean(patients, "dice")),
        "iou": _percent(_mean(patients, "iou")),
        "hd95": _mean(patients, "hd95_mm"),
        "accuracy": _percent(_mean(patients, "pixel_accuracy")),
        "parameters": None if parameters is None else parameters / 1e6,
    }


def _by_structure(patients: Sequence[PatientScores]) -> list[dict[str, Cell]]:
    named: list[tuple[str, Structure | None]] = [(structure.name, structure) for structure in Structure]
    return [
        {
            "structure": name,
            "patients": len(patient_values(patients, "dice", structure)),
            "dice": _percent(_mean(patients, "dice", structure)),
            "hd95": _mean(patients, "hd95_mm", structure),
        }
        for name, structure in [*named, ("mean", None)]
    ]


def _by_group(patients: Sequence[PatientScores]) -> list[dict[str, Cell]]:
    groups = sorted({patient.volumes[0].group for patient in patients if patient.volumes})
    members = [[p for p in patients if p.volumes and p.volumes[0].group == group] for group in groups]
    return [
        {
            "group": group or "not named",
            "patients": len(patient_values(found, "dice")),
            "dice": _percent(_mean(found, "dice")),
            "hd95": _mean(found, "hd95_mm"),
        }
        for group, found in zip([*groups, "all"], [*members, list(patients)], strict=True)
    ]


def _by_severity(patients: Sequence[PatientScores]) -> list[dict[str, Cell]]:
    graded = [
        (severity_of(ef), patient)
        for patient in patients
        if patient.study is not None and (ef := patient.study.reference["lv_ef_percent"]) is not None
    ]
    rows: list[dict[str, Cell]] = []
    for severity in SEVERITIES:
        members = [patient for its_severity, patient in graded if its_severity is severity]
        rows.append(
            {
                "severity": f"{severity.name}, {severity.range_text} %",
                "patients": len(members),
                "dice": _percent(_mean(members, "dice")),
                "ef_error": Summary.of(map(abs, ef_errors(members, "lv"))).mean,
                "volume_error": _lv_volume_error_ml(members),
            }
        )
    return rows


def _mean(patients: Sequence[PatientScores], key: str, structure: Structure | None = None) -> float | None:
    return Summary.of(patient_values(patients, key, structure).values()).mean


def _lv_volume_error_ml(patients: Sequence[PatientScores]) -> float | None:
    """Mean absolute error of the LV's volume, over ED and ES, then over patients."""
    errors = (
        Summary.of(abs(v.values["volume_error_ml"]) for v in patient.volumes if v.structure is Structure.LV).mean
        for patient in patients
    )
    return Summary.of(error for error in errors if error is not None).mean


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share
