"""The cells of a summary table as text, with the digits of their units; for the page and for the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from CardioSAMLib.evaluation.html_parts import digits_of, number, three_figures
from CardioSAMLib.evaluation.result import Cell, SummaryTable

_UNITS = ("mm", "mL", "g", "points", "%", "s", "pixels", "millions")


def row_texts(table: SummaryTable) -> list[tuple[str, ...]]:
    """The rows of a table, each cell a text."""
    return [tuple(_text(cell, _unit(table, row, place)) for place, cell in enumerate(row)) for row in table.rows]


def _unit(table: SummaryTable, row: Sequence[Cell], place: int) -> str | None:
    """Of a cell: as the heading of its column says in brackets, else as the row's own column `unit` does, else None."""
    heading = re.search(r"\(([^()]+)\)$", table.columns[place])
    if heading and heading[1] in _UNITS:
        return heading[1]
    return str(row[table.columns.index("unit")]) if "unit" in table.columns else None


def _text(cell: Cell, unit: str | None) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return number(cell, 0)
    return three_figures(cell) if unit is None else number(cell, digits_of(unit))
