"""contours.png: every slice at end-diastole and end-systole with its contours."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from CardioSAMLib.report.slice_view import SliceView, slice_views
from CardioSAMLib.report.structure_style import OUTLINE_NAMES
from CardioSAMLib.report.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_COLUMNS = 8
_TILE_INCHES = 1.7
_GAP = 0.04
_LEGEND_INCHES = 0.35
_SIDE_INCHES = 0.35
_EDGE_INCHES = 0.06
_DPI = 150


@dataclass(frozen=True)
class _Tile:
    """A view and where its upper left corner lies, in mm. frame_name: ED or ES."""

    view: SliceView
    frame_name: str
    left_mm: float
    top_mm: float
    is_first_of_row: bool


def contours_png(study: Study) -> bytes:
    """PNG with a column per slice, ED above ES; more than eight slices go on in further pairs of rows."""
    from matplotlib.figure import Figure

    tiles = tuple(_tiles(study))
    height_mm, width_mm = tiles[0].view.size_mm
    right_mm = max(tile.left_mm for tile in tiles) + width_mm
    bottom_mm = max(tile.top_mm for tile in tiles) + height_mm
    inches_per_mm = _TILE_INCHES / max(height_mm, width_mm)
    tiles_wide, tiles_high = right_mm * inches_per_mm, bottom_mm * inches_per_mm
    # Room for the legend even over a single slice.
    width = max(_SIDE_INCHES + tiles_wide + _EDGE_INCHES, 4.2)
    height = _LEGEND_INCHES + tiles_high + _EDGE_INCHES
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    axes = figure.add_axes((_SIDE_INCHES / width, _EDGE_INCHES / height, tiles_wide / width, tiles_high / height))
    axes.set_axis_off()
    for tile in tiles:
        _draw(axes, tile)
    axes.set_xlim(0.0, right_mm)
    axes.set_ylim(bottom_mm, 0.0)
    _add_legend(axes)
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _tiles(study: Study) -> Iterator[_Tile]:
    blocks = math.ceil(study.cine.slices / _MAX_COLUMNS)
    columns = math.ceil(study.cine.slices / blocks)
    for row_of_block, (name, frame) in enumerate(study.key_frames):
        for view in slice_views(study, frame):
            block, column = divmod(view.slice, columns)
            row = block * len(study.key_frames) + row_of_block
            height_mm, width_mm = view.size_mm
            # A wider gap between the pairs of rows.
            top_mm = height_mm * ((1 + _GAP) * row + 2 * _GAP * block)
            yield _Tile(view, name, width_mm * (1 + _GAP) * column, top_mm, column == 0)


def _draw(axes: Axes, tile: _Tile) -> None:
    from matplotlib.patheffects import withStroke

    height_mm, width_mm = tile.view.size_mm
    left, top = tile.left_mm, tile.top_mm
    axes.imshow(
        tile.view.gray,
        cmap="gray",
        vmin=0.0,
        vmax=1.0,
        extent=(left, left + width_mm, top + height_mm, top),
        interpolation="bicubic",
    )
    for structure, points in tile.view.outlines:
        color = structure.hex_color
        axes.plot(left + points[:, 0], top + points[:, 1], color=color, linewidth=1.1)
    inset = 0.04 * width_mm
    number = axes.text(left + inset, top + inset, str(tile.view.slice), color="white", fontsize=8, va="top")
    number.set_path_effects([withStroke(linewidth=1.5, foreground="black")])
    if tile.is_first_of_row:
        axes.text(left - inset, top + height_mm / 2, tile.frame_name, fontsize=10, ha="right", va="center")


def _add_legend(axes: Axes) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=structure.hex_color, label=name) for structure, name in OUTLINE_NAMES.items()]
    axes.legend(
        handles=lines,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=len(lines),
        frameon=False,
        fontsize=8,
        borderaxespad=0.2,
        handlelength=1.2,
        columnspacing=1.2,
    )
