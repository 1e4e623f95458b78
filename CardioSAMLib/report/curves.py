"""curves.csv and the volume-time curve as a picture."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.function.cardiac_function import VolumeCurves
from CardioSAMLib.labels import Structure
from CardioSAMLib.report.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = {
    "frames": "frame",
    "times_ms": "time_ms",
    "lv_ml": "lv_ml",
    "rv_ml": "rv_ml",
    "myocardium_ml": "myocardium_ml",
    "lv_smooth_ml": "lv_smooth_ml",
    "rv_smooth_ml": "rv_smooth_ml",
}


def curves_csv(study: Study) -> bytes:
    """One row per segmented frame (0-based), UTF-8; empty where not known."""
    fields = asdict(study.function.curves)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS.values())
    for values in zip_longest(*(fields[name] or () for name in _COLUMNS)):
        writer.writerow([round(value, 4) if isinstance(value, float) else value for value in values])
    return text.getvalue().encode()


def curves_png(study: Study) -> bytes:
    """Volume of both ventricles over the cycle: measured points, smooth line, ED and ES."""
    return _saved(_curves_figure(study), "png")


def curves_svg(study: Study) -> bytes:
    """The same picture for the report, sharp at any size."""
    return _saved(_curves_figure(study), "svg")


def _saved(figure: Figure, file_format: str) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=file_format)
    return content.getvalue()


def _curves_figure(study: Study) -> Figure:
    # A Figure without pyplot: no window, no state shared with the caller's own plots.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curves = study.function.curves
    figure = Figure(figsize=(6.0, 3.6), dpi=200, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    x = np.asarray(curves.frames if curves.times_ms is None else curves.times_ms, dtype=float)
    _draw_course(axes, x, curves.lv_ml, curves.lv_smooth_ml, Structure.LV, "o")
    _draw_course(axes, x, curves.rv_ml, curves.rv_smooth_ml, Structure.RV, "s")
    _mark_key_frames(axes, study, x)
    axes.set_xlabel("Frame" if curves.times_ms is None else "Time after the R wave (ms)", fontsize=11)
    axes.set_ylabel("Volume (mL)", fontsize=11)
    if curves.times_ms is None:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(x) == 1:
        axes.set_xticks(x)
    axes.set_ylim(0.0, 1.12 * max(*curves.lv_ml, *curves.rv_ml, 1.0))
    axes.tick_params(labelsize=10, colors="#374151")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        # Above the axes, where no point can lie.
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=10, borderpad=0.0)
    return figure


def _draw_course(
    axes: Axes,
    x: Array,
    volumes_ml: tuple[float, ...],
    smooth_ml: tuple[float, ...] | None,
    structure: Structure,
    marker: str,
) -> None:
    """Points of the frames in which the structure was found; a volume of 0 means it was not."""
    from scipy.interpolate import CubicSpline

    volumes = np.asarray(volumes_ml)
    found = volumes > 0.0
    if not found.any():
        return
    color = structure.hex_color
    if smooth_ml is None:
        axes.plot(x[found], volumes[found], color=color, linewidth=1.0, linestyle=":")
    else:
        fine = np.linspace(x[0], x[-1], 400)
        axes.plot(fine, CubicSpline(x, smooth_ml)(fine), color=color, linewidth=1.8)
    axes.plot(
        x[found],
        volumes[found],
        linestyle="none",
        marker=marker,
        markersize=5,
        markerfacecolor="white",
        color=color,
        label=structure.name,
    )


def _mark_key_frames(axes: Axes, study: Study, x: Array) -> None:
    curves: VolumeCurves = study.function.curves
    for name, frame in study.key_frames:
        if frame in curves.frames:
            at = x[curves.frames.index(frame)]
            axes.axvline(at, color="#6b7280", linewidth=0.9, linestyle="--", zorder=0)
            axes.annotate(
                name,
                (at, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(4, -2),
                textcoords="offset points",
                ha="left",
                va="top",
                fontsize=10,
                color="#374151",
            )
