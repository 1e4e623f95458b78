"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING

from CardioSAMLib.report.rows import Cell, format_value, measurement_rows
from CardioSAMLib.report.study import Study
from CardioSAMLib.resources import PROMPTABLE, ModelCard

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Comparison:
    """A measured value beside its true one; measured is None where it could not be computed."""

    title: str
    unit: str
    digits: int
    measured: float | None
    true: float


def measurement_table(study: Study) -> Table:
    """The measurements of both ventricles, one row each; a letter where one is missing, and below the table why."""
    from rich.text import Text

    rows = measurement_rows(study.function)
    letters = _letters(cell.reason for row in rows for cell in (row.lv, row.rv) if cell.reason)
    table = _table(study.title)
    table.add_column("Measurement")
    for ventricle in ("LV", "RV"):
        table.add_column(ventricle, justify="right")
    table.add_column("Unit")
    for row in rows:
        table.add_row(row.title, _cell_text(row.lv, letters), _cell_text(row.rv, letters), row.unit)
    if letters:
        table.caption = Text("\n".join(f"{letter}: {reason}" for reason, letter in letters.items()))
    return table


def comparison_table(rows: Sequence[Comparison]) -> Table:
    """Measured beside true values, with the difference and its share of the true value."""
    table = _table("")
    for heading in ("Measurement", "Measured", "True", "Difference", "Unit"):
        table.add_column(heading, justify="left" if heading in ("Measurement", "Unit") else "right")
    for row in rows:
        table.add_row(
            row.title,
            format_value(row.measured, row.digits),
            format_value(row.true, row.digits),
            _difference(row),
            row.unit,
        )
    return table


def models_table(cards: Sequence[ModelCard]) -> Table:
    """The models of the catalogue."""
    table = _table("")
    for heading in ("Model", "Version", "Size", "License", "Trained on", "Accuracy"):
        numbers = heading == "Size"
        table.add_column(
            heading, justify="right" if numbers else "left", overflow="fold", no_wrap=numbers or heading == "Model"
        )
    for card in cards:
        size = f"{card.total_bytes / 1e6:.1f} MB" + ("" if card.is_here else "\nnot here")
        table.add_row(card.id, card.version, size, card.license, card.training_data, _accuracy(card))
    return table


def _accuracy(card: ModelCard) -> str:
    """The measured figures that users choose a model by."""
    accuracy = card.accuracy
    if "measured_on" not in accuracy:
        return "not measured"
    if card.kind == PROMPTABLE:
        if "recipe" in accuracy:
            gain = f"{accuracy['slice_dice_before']:.3f} before fine-tuning, {accuracy['slice_dice']:.3f} after"
            return f"takes prompts; Dice per slice {gain}, as recipe {accuracy['recipe']}, on {accuracy['measured_on']}"
        dice = accuracy["slice_dice_box_2_points"]
        return f"takes prompts; Dice {dice:.3f} per slice with a box and 2 points, on {accuracy['measured_on']}"
    return (
        f"Dice {accuracy['mean_dice']:.3f}, LV EF ±{accuracy['LV_ef_mae_points']:.1f}, "
        f"RV EF ±{accuracy['RV_ef_mae_points']:.1f} points, on {accuracy['measured_on']}"
    )


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    # As Text: a title from a file may hold square brackets, which are markup to rich.
    return Table(
        title=Text(title) if title else None, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD
    )


def _letters(reasons: Iterable[str]) -> dict[str, str]:
    """A letter for each different reason, in the order of their first use."""
    return dict(zip(dict.fromkeys(reasons), ascii_lowercase, strict=False))


def _cell_text(cell: Cell, letters: Mapping[str, str]) -> str:
    return f"{cell.text} {letters[cell.reason]}" if cell.reason else cell.text


def _difference(row: Comparison) -> str:
    if row.measured is None:
        return format_value(None, row.digits)
    difference = row.measured - row.true
    text = f"{round(difference, row.digits) + 0.0:+.{row.digits}f}"
    # A share of a value that is itself in percent would be mistaken for points.
    return text if row.unit == "%" or row.true == 0 else f"{text} ({100.0 * difference / row.true:+.1f} %)"
