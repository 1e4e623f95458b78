"""What was measured and noticed in a study, as table nodes that are filled anew in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import slicer
import vtk

from CardioSAMLib.cine import QualityNote
from CardioSAMLib.contour_comparison import SHOWN_METRICS, ContourComparison
from CardioSAMLib.evaluation.scores import Emptiness
from CardioSAMLib.function import CardiacFunction
from CardioSAMLib.mrml.studies import SceneStudy
from CardioSAMLib.report.rows import Cell, format_value, measurement_rows

Column = Sequence[str] | Sequence[float]

_MEASUREMENTS = "measurements"
_NOTES = "notes"
_CONTOURS = "contours compared"
_DIFFERENCES = "measurements compared"
_REMARKS = {
    Emptiness.NEITHER: "",
    Emptiness.BOTH: "drawn by neither",
    Emptiness.MISSED: "not drawn by the other",
    Emptiness.SPURIOUS: "drawn by the other only",
}


def show_measurements(study: SceneStudy, function: CardiacFunction) -> slicer.vtkMRMLTableNode:
    """The table node of the measurements: one row per entry of `function.METRICS`, as in the report.

    A value that cannot be computed is an en dash and the reason.
    """
    rows = measurement_rows(function)
    table = study.obtain(_MEASUREMENTS, "vtkMRMLTableNode", f"{study.name} measurements")
    fill(
        table,
        {
            "Measurement": [row.title for row in rows],
            "LV": [_text(row.lv) for row in rows],
            "RV": [_text(row.rv) for row in rows],
            "Unit": [row.unit for row in rows],
        },
    )
    return table


def show_notes(study: SceneStudy, notes: Sequence[QualityNote]) -> slicer.vtkMRMLTableNode:
    """The table node of the quality notes, one row each in the order given."""
    table = study.obtain(_NOTES, "vtkMRMLTableNode", f"{study.name} quality notes")
    fill(
        table,
        {
            "Severity": [note.severity for note in notes],
            "Frame": [_number(note.frame) for note in notes],
            "Slice": [_number(note.slice) for note in notes],
            "Note": [note.message for note in notes],
            "Code": [note.code for note in notes],
        },
    )
    return table


def show_comparison(
    study: SceneStudy, comparison: ContourComparison
) -> tuple[slicer.vtkMRMLTableNode, slicer.vtkMRMLTableNode]:
    """The table nodes of a comparison with a second segmentation: of the contours, and of the measurements."""
    contours = study.obtain(_CONTOURS, "vtkMRMLTableNode", f"{study.name} contours compared")
    columns: dict[str, Column] = {
        "Frame": [str(score.frame) for score in comparison.scores],
        "Structure": [score.structure.name for score in comparison.scores],
    }
    for metric in SHOWN_METRICS:
        digits = 2 if metric.unit else 3
        title = f"{metric.title} ({metric.unit})" if metric.unit else metric.title
        columns[title] = [format_value(score.values.get(metric.key), digits) for score in comparison.scores]
    columns["Remark"] = [_REMARKS[score.emptiness] for score in comparison.scores]
    fill(contours, columns)
    numbers = study.obtain(_DIFFERENCES, "vtkMRMLTableNode", f"{study.name} measurements compared")
    rows = comparison.differences
    fill(
        numbers,
        {
            "Measurement": [row.title for row in rows],
            "This": [format_value(row.first, 1) for row in rows],
            "Other": [format_value(row.other, 1) for row in rows],
            "Unit": [row.unit for row in rows],
            "Other minus this": [format_value(row.difference, 1) for row in rows],
            "Unit of the difference": [row.difference_unit for row in rows],
        },
    )
    return contours, numbers


def fill(table_node: slicer.vtkMRMLTableNode, columns: Mapping[str, Column]) -> None:
    """Replaces the content of a table node; texts become text columns, numbers columns of doubles."""
    modifying = table_node.StartModify()
    try:
        table_node.RemoveAllColumns()
        for title, values in columns.items():
            array = table_node.AddColumn(_array(values))
            array.SetName(title)
        table_node.SetUseColumnTitleAsColumnHeader(True)
        table_node.SetLocked(True)
    finally:
        table_node.EndModify(modifying)


def _array(values: Column) -> vtk.vtkAbstractArray:
    is_text = all(isinstance(value, str) for value in values)
    array = vtk.vtkStringArray() if is_text else vtk.vtkDoubleArray()
    for value in values:
        array.InsertNextValue(value)
    return array


def _text(cell: Cell) -> str:
    return f"{cell.text} ({cell.reason})" if cell.reason else cell.text


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
