"""Pieces of Markdown that the page on validation is made of: wrapped text, tables, cells."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from CardioSAMLib.evaluation.html_parts import digits_of, number

Record = Mapping[str, Any]
"""One row of a summary table: cells by the name of their column."""

_WIDTH = 118


def records(content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The rows of one table of the evaluation."""
    found = next(table for table in content["evaluation"]["tables"] if table["key"] == key)
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


def title_of(content: Mapping[str, Any], key: str) -> str:
    return str(next(table["title"] for table in content["evaluation"]["tables"] if table["key"] == key))


def note_of(content: Mapping[str, Any], key: str) -> str:
    """What the evaluation says below the table."""
    return wrapped(next(table["note"] for table in content["evaluation"]["tables"] if table["key"] == key))


def wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def bullets(texts: Iterable[str]) -> str:
    return "\n".join(
        textwrap.fill(
            text, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        for text in texts
    )


def command(text: str) -> str:
    return f"```sh\n{text}\n```"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """text_columns: so many from the left hold words; the others hold numbers, set to the right."""
    marks = ["---" if place < text_columns else "---:" for place in range(len(titles))]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in (titles, marks, *rows)
    )


def table_with_remarks(titles: Sequence[str], rows: Sequence[tuple[Sequence[str], str]], text_columns: int = 1) -> str:
    """A table whose rows may carry a remark: a number in the first column, the text below the table."""
    remarks: list[str] = list(dict.fromkeys(remark for _, remark in rows if remark))
    marked = [
        (f"{cells[0]} ({remarks.index(remark) + 1})" if remark else cells[0], *cells[1:]) for cells, remark in rows
    ]
    below = "\n".join(
        textwrap.fill(
            f"{place}. {remark}", _WIDTH, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False
        )
        for place, remark in enumerate(remarks, 1)
    )
    return "\n\n".join(part for part in (table(titles, marked, text_columns), below) if part)


def value(number_or_none: float | None, unit: str, signed: bool = False) -> str:
    """With the digits that the unit takes; an en dash for None."""
    return number(number_or_none, digits_of(unit), signed)


def spread(mean: float | None, sd: float | None, unit: str) -> str:
    """Mean ± SD; the mean alone where there is no SD."""
    return value(mean, unit) if sd is None else f"{value(mean, unit)} ± {value(sd, unit)}"


def interval(ends: Sequence[float], unit: str, signed: bool = False) -> str:
    return f"{value(ends[0], unit, signed)} to {value(ends[1], unit, signed)}"
