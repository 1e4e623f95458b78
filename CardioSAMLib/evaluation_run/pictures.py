"""Pictures for the worst cases of an evaluation (floor 4): predicted and reference contours on the images."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation.scoring import LabeledStudy
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.report.slice_view import heart_crop, outlines_px
from CardioSAMLib.report.structure_style import OUTLINE_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SLICES = 4
_TILE_INCHES, _TITLE_INCHES, _LEGEND_INCHES = 2.2, 0.2, 0.25
_DPI = 130
_WINDOW_PERCENTILES = (1.0, 99.0)
# Dashes that stay apart at the size of a tile; the lighter line below keeps them visible on dark and bright tissue.
_DASHES = (0, (2.2, 1.4))


@dataclass(frozen=True)
class Difference:
    """A slice (0-based) at a phase, and the area on which prediction and reference give different labels."""

    phase: Phase
    slice_number: int
    area_mm2: float


def largest_differences(study: LabeledStudy, count: int = _SLICES) -> tuple[Difference, ...]:
    """So many slices of a study with the largest area of different labels, worst first; without those that agree."""
    area_mm2 = study.geometry.pixel_area_mm2
    found = [
        Difference(phase, number, float(pixels) * area_mm2)
        for phase, predicted in study.predicted.items()
        for number, pixels in enumerate(np.count_nonzero(predicted != study.reference[phase], axis=(1, 2)))
        if pixels
    ]
    return tuple(sorted(found, key=lambda one: (-one.area_mm2, one.phase.value, one.slice_number))[:count])


def case_picture(images: Mapping[Phase, Array], study: LabeledStudy) -> bytes | None:
    """PNG of the slices where prediction and reference differ most: solid lines predicted, dashed the reference.

    images: gray values `(slices, rows, columns)` by phase, on the grid of the labels. None where nothing differs.
    """
    from matplotlib.figure import Figure

    differences = largest_differences(study)
    if not differences:
        return None
    width, height = _TILE_INCHES * _SLICES, _TILE_INCHES + _TITLE_INCHES + _LEGEND_INCHES
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    crop = _crop(study)
    for place, difference in enumerate(differences):
        box = (place / _SLICES + 0.004, 0.0, 1.0 / _SLICES - 0.008, _TILE_INCHES / height)
        axes = figure.add_axes(box)
        axes.set_axis_off()
        axes.set_title(
            f"{difference.phase.value}, slice {difference.slice_number}: {difference.area_mm2 / 100.0:.1f} cm² differ",
            fontsize=8,
            pad=3,
        )
        _draw_slice(axes, images[difference.phase], study, difference, crop)
    _add_legend(figure.add_axes((0.0, 1.0 - _LEGEND_INCHES / height, 1.0, _LEGEND_INCHES / height)))
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _crop(study: LabeledStudy) -> tuple[slice, slice]:
    """The same square for all slices, around all that either of them labels."""
    stacks = np.stack([*study.predicted.values(), *study.reference.values()])
    return heart_crop(stacks, study.geometry.spacing_mm[:2])


def _draw_slice(
    axes: Axes, image: Array, study: LabeledStudy, difference: Difference, crop: tuple[slice, slice]
) -> None:
    gray = image[difference.slice_number][crop].astype(float)
    low, high = np.percentile(gray, _WINDOW_PERCENTILES)
    row_mm, column_mm = study.geometry.spacing_mm[:2]
    axes.imshow(gray, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), aspect=row_mm / column_mm)
    for labels, is_reference in ((study.predicted, False), (study.reference, True)):
        plane = labels[difference.phase][difference.slice_number][crop]
        for structure in (Structure.RV, Structure.MYO, Structure.LV):
            mask = plane == STORAGE.value_of(structure)
            for line in outlines_px(mask) if mask.any() else ():
                _draw_outline(axes, line, structure, is_reference)
    # Lines at the border of the picture must not widen it.
    axes.set_xlim(-0.5, gray.shape[1] - 0.5)
    axes.set_ylim(gray.shape[0] - 0.5, -0.5)


def _draw_outline(axes: Axes, line_rc_px: Array, structure: Structure, is_reference: bool) -> None:
    rows, columns = line_rc_px.T
    if is_reference:
        axes.plot(columns, rows, color="white", linewidth=1.5, linestyle=_DASHES)
        axes.plot(columns, rows, color=structure.hex_color, linewidth=0.7, linestyle="-", alpha=0.9)
    else:
        axes.plot(columns, rows, color=structure.hex_color, linewidth=1.6)


def _add_legend(axes: Axes) -> None:
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=structure.hex_color, linewidth=1.6, label=structure.name) for structure in OUTLINE_NAMES
    ]
    lines.append(Line2D([], [], color="#555555", linewidth=1.6, label="prediction"))
    lines.append(Line2D([], [], color="#555555", linewidth=1.3, linestyle=_DASHES, label="reference"))
    axes.set_axis_off()
    axes.legend(
        handles=lines, loc="center left", ncols=len(lines), frameon=False, fontsize=8, borderpad=0.0, handlelength=2.4
    )
