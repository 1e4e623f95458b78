"""Pieces of HTML that the reports of this room are made of. All text is escaped here and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

from CardioSAMLib import __version__
from CardioSAMLib.evaluation.figures import STRUCTURE_ORDER

NO_VALUE = "–"
_WIDE = 12
"""Columns above which a table is set smaller, so that it fits onto paper."""


def page(kind: str, title: str, facts: Mapping[str, str], main: Iterable[str]) -> str:
    """A whole page: pictures inside, no scripts, nothing loaded from elsewhere. main: finished HTML."""
    template = Template(files(__package__).joinpath("evaluation_report.html").read_text(encoding="utf-8"))
    return template.substitute(
        style=files("CardioSAMLib").joinpath("page_style.css").read_text(encoding="utf-8"),
        kind=escape(kind),
        title=escape(title),
        facts="\n".join(f"<p><b>{escape(name)}</b> <span>{escape(value)}</span></p>" for name, value in facts.items()),
        main="\n".join(main),
        version=escape(__version__),
        colors="".join(f"--{structure.name.lower()}:{structure.hex_color};" for structure in STRUCTURE_ORDER),
    )


def section(heading: str, *parts: str) -> str:
    """A heading with finished HTML below it."""
    return f"<section>\n<h2>{escape(heading)}</h2>\n" + "\n".join(part for part in parts if part) + "\n</section>"


def heading(text: str) -> str:
    """Of one of several tables in a section."""
    return f"<h3>{escape(text)}</h3>"


def paragraph(text: str, kind: str = "") -> str:
    """kind: a class of the style sheet, such as `note`."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def cautions_list(cautions: Sequence[str]) -> str:
    """Sentences that must be read before the numbers; nothing where there are none."""
    items = "".join(f"<li><b>Caution</b> <span>{escape(caution)}</span></li>" for caution in cautions)
    return f'<ul class="cautions">{items}</ul>' if items else ""


def tiles(values: Iterable[tuple[str, str, str]]) -> str:
    """Numbers to be seen first: name, value, unit or remark."""
    return (
        '<dl class="headline">'
        + "".join(
            f'<div><dt>{escape(name)}</dt><dd>{escape(value)} <span class="unit">{escape(unit)}</span></dd></div>'
            for name, value, unit in values
        )
        + "</dl>"
    )


def definitions(entries: Mapping[str, str]) -> str:
    """Names with what they mean."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in entries.items())
    return f'<dl class="details">{items}</dl>'


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], text_columns: Collection[int] = (0,), note: str = ""
) -> str:
    """A table of finished text. text_columns: those that hold words; the others hold numbers, set to the right.

    A cell may hold a second line after a line break, which is set small.
    """
    kinds = [' class="text"' if place in text_columns else "" for place in range(len(columns))]
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for kind, name in zip(kinds, columns, strict=True))
    body = "\n".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    wide = ' class="wide"' if len(columns) > _WIDE else ""
    return (
        f'<div class="table"><table{wide}>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
        + (paragraph(note, "note") if note else "")
    )


def folded(title: str, rows: int, content: str, file: str) -> str:
    """Finished HTML that the reader of the screen opens with a click. file: where the reader of paper finds it."""
    hint = f"{rows} rows; open to read, and in {file}"
    return f"<details><summary>{escape(title)} <small>({escape(hint)})</small></summary>{content}</details>"


def picture(content: bytes, description: str, media_type: str = "image/svg+xml", caption: str = "") -> str:
    """An image inside the page, with an optional caption below it."""
    data = base64.b64encode(content).decode()
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{escape(description)}" src="data:{media_type};base64,{data}">{below}</figure>'


def pictures(figures: Iterable[str], kind: str) -> str:
    """Finished figures side by side. kind: `one`, `two` or `three` in a row on a wide page, or small `pairs`."""
    return f'<div class="pictures {kind}">\n' + "\n".join(figures) + "\n</div>"


def number(value: float | None, digits: int, signed: bool = False) -> str:
    """The value with so many digits, an en dash for None, a real minus, and never a negative zero."""
    if value is None:
        return NO_VALUE
    text = f"{round(value, digits) + 0.0:{'+' if signed else ''}.{digits}f}"
    return text.replace("-", "−")


def digits_of(unit: str) -> int:
    """After the point: shares in 0..1 have three, millimeters two, all else one."""
    return {"": 3, "mm": 2}.get(unit, 1)


def three_figures(value: float | None) -> str:
    """A number of unknown size: three figures that count, and no more than three after the point."""
    size = abs(value or 0.0)
    return number(value, 3 if size <= 1.0 else 2 if size < 10.0 else 1 if size < 100.0 else 0)


def p_value(p: float | None) -> str:
    """Three digits, or that it is smaller than those can say."""
    if p is None:
        return NO_VALUE
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _cells(row: Sequence[str], kinds: Sequence[str]) -> str:
    first, *others = (f"{kind}>{_lines(text)}" for kind, text in zip(kinds, row, strict=True))
    return f'<th scope="row"{first}</th>' + "".join(f"<td{cell}</td>" for cell in others)


def _lines(text: str) -> str:
    first, _, second = text.partition("\n")
    return escape(first) + (f"<small>{escape(second)}</small>" if second else "")
