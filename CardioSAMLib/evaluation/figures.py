"""Pictures of an evaluation as SVG: scores of all patients as box plots, agreement of measurements as Bland-Altman
plots. What color says, a mark or its place says too, for readers who do not tell the colors apart."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.bland_altman import BlandAltman
from CardioSAMLib.evaluation.measured import Measured
from CardioSAMLib.evaluation.metrics import Metric
from CardioSAMLib.evaluation.scores import Emptiness, Phase, VolumeScore
from CardioSAMLib.labels import Structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRUCTURE_ORDER = (Structure.LV, Structure.MYO, Structure.RV)
_PHASE_MARKS = {Phase.ED: "o", Phase.ES: "^"}
_STRUCTURE_MARKS = {Structure.LV: "o", Structure.RV: "s", Structure.MYO: "^"}
_INK, _MUTED, _LINE = "#17212b", "#52606d", "#d9dfe5"
_BOX_WIDTH, _POINT_SPREAD = 0.62, 0.22
_NAMED_OUTLIERS = 3
_LABEL_HEIGHT = 0.15
"""Of two lines of text beside a Bland-Altman plot, as a share of its height."""


@dataclass(frozen=True)
class PlotRange:
    """The part of the plane that a Bland-Altman plot shows: both ends of the means (horizontal) and of the differences
    (vertical), in the unit of the measurement. Plots that are to be compared by eye share one."""

    means: tuple[float, float]
    differences: tuple[float, float]


def box_plots_svg(volumes: Sequence[VolumeScore], metric: Metric) -> bytes:
    """A box of one metric per structure at ED and ES, with every patient as a point.

    Box: quartiles and median; whiskers: to the last point within 1.5 times the box. Volumes with one mask empty count
    in the boxes and are drawn as crosses at the worse edge, since their distance is only the size of the image.
    """
    figure = _new_figure(5.0, 3.1)
    axes = figure.add_subplot()
    places = [(structure, phase) for structure in STRUCTURE_ORDER for phase in Phase]
    shown = [volume for volume in volumes if metric.key in volume.values]
    worst, best = _value_range(shown, metric)
    for place, (structure, phase) in enumerate(places):
        here = [volume for volume in shown if volume.structure is structure and volume.phase is phase]
        if here:
            _draw_box(axes, place, here, metric, worst)
    axes.set_xticks(range(len(places)), [f"{structure.name}\n{phase.value}" for structure, phase in places])
    axes.set_xlim(-0.6, len(places) - 0.4)
    margin = 0.04 * (best - worst) or 0.04  # all values the same: all distances 0, say
    axes.set_ylim(*sorted((worst - margin, best + margin)))
    axes.set_ylabel(_with_unit(metric.title, metric.unit))
    if any(_is_lost(volume) for volume in shown):
        axes.set_title("×: not found, or found where there is none", loc="right", fontsize=8, color=_MUTED)
    return _svg(figure)


def bland_altman_svg(
    measured: Measured, limits: BlandAltman, plot_range: PlotRange | None = None, title: str = ""
) -> bytes:
    """Predicted minus reference over the mean of both: bias, limits of agreement, and their confidence intervals as
    bands. The patients farthest outside the limits are named.

    plot_range: None fits the axes to the points. title: "" takes that of the measurement.
    """
    figure = _new_figure(3.4, 2.8)
    axes = figure.add_subplot()
    structure = measured.structure
    plot_range = plot_range or range_of((measured,), (limits,))
    _draw_limits(axes, limits, plot_range, structure.hex_color)
    axes.plot(
        measured.means,
        measured.differences,
        linestyle="none",
        marker=_STRUCTURE_MARKS[structure],
        markersize=4,
        markerfacecolor="white",
        markeredgewidth=1.1,
        color=structure.hex_color,
    )
    _name_outliers(axes, measured, limits)
    axes.set_xlim(*plot_range.means)
    axes.set_ylim(*plot_range.differences)
    axes.set_xlabel(f"Mean of both ({measured.metric.unit})")
    axes.set_ylabel(f"Predicted − reference ({measured.metric.error_unit})")
    axes.set_title(title or measured.metric.title, loc="left", fontsize=10, color=_INK)
    return _svg(figure)


def range_of(measured: Sequence[Measured], limits: Sequence[BlandAltman]) -> PlotRange:
    """Axes that hold all the points and all the bands, with some room around them; zero difference is always inside."""
    means = np.concatenate([one.means for one in measured])
    edges = [edge for one in limits for edge in (*one.lower_ci, *one.upper_ci)]
    differences = np.concatenate([*(one.differences for one in measured), edges, [0.0]])
    return PlotRange(_widened(means, 0.06), _widened(differences, 0.08))


def differences_svg(title: str, unit: str, rows: Sequence[tuple[str, float, tuple[float, float]]]) -> bytes:
    """Mean paired differences with their confidence intervals, one line each from the top: name, mean, interval."""
    figure = _new_figure(4.6, 0.9 + 0.27 * len(rows))
    axes = figure.add_subplot()
    for place, (_, mean, interval) in enumerate(rows):
        axes.plot(interval, (place, place), color=_INK, linewidth=1.6, solid_capstyle="butt")
        axes.plot(mean, place, marker="D", markersize=5, color=_INK, markerfacecolor="white")
    axes.axvline(0.0, color=_MUTED, linewidth=0.9, linestyle="--", zorder=0)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(_with_unit("B − A, mean with 95% confidence interval", unit))
    axes.set_title(title, loc="left", fontsize=10, color=_INK)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=_LINE, linewidth=0.8)
    return _svg(figure)


def _draw_box(axes: Axes, place: int, volumes: Sequence[VolumeScore], metric: Metric, worst: float) -> None:
    structure, phase = volumes[0].structure, volumes[0].phase
    color = structure.hex_color
    values = np.array([volume.values[metric.key] for volume in volumes])
    axes.boxplot(
        [values],
        positions=[place],
        widths=_BOX_WIDTH,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": color + "30", "edgecolor": color},
        medianprops={"color": _INK, "linewidth": 1.6},
        whiskerprops={"color": color},
        capprops={"color": color},
    )
    lost = np.array([_is_lost(volume) for volume in volumes])
    x = place + _POINT_SPREAD * _spread(len(values))
    marks: dict[str, Any] = {"linestyle": "none", "color": color, "alpha": 0.85, "clip_on": False, "zorder": 3}
    axes.plot(x[~lost], values[~lost], marker=_PHASE_MARKS[phase], markersize=2.6, markeredgewidth=0, **marks)
    axes.plot(x[lost], np.full(int(lost.sum()), worst), marker="x", markersize=6, markeredgewidth=1.6, **marks)


def _spread(count: int) -> Array:
    """Places from -1 to 1 that put neighbors in the list apart, the same in every run (golden ratio sequence)."""
    return 2.0 * ((np.arange(count) * 0.6180339887) % 1.0) - 1.0


def _is_lost(volume: VolumeScore) -> bool:
    return volume.emptiness in (Emptiness.MISSED, Emptiness.SPURIOUS)


def _value_range(volumes: Sequence[VolumeScore], metric: Metric) -> tuple[float, float]:
    """Worst and best end of the axis: of the volumes with both masks, so that the others do not flatten the boxes."""
    values = [volume.values[metric.key] for volume in volumes if not _is_lost(volume)]
    if metric.better == "higher":
        return (min(values, default=0.0), 1.0)
    return (max(values, default=1.0) or 1.0, 0.0)


def _draw_limits(axes: Axes, limits: BlandAltman, plot_range: PlotRange, color: str) -> None:
    # Names keep apart where the lines are close.
    low, high = plot_range.differences
    apart = _LABEL_HEIGHT * (high - low)
    lines = (
        ("bias", limits.bias, limits.bias_ci, limits.bias, "-", _INK),
        (f"+{limits.multiplier:g} SD", limits.upper, limits.upper_ci, limits.bias + apart, "--", _MUTED),
        (f"−{limits.multiplier:g} SD", limits.lower, limits.lower_ci, limits.bias - apart, "--", _MUTED),
    )
    axes.axhline(0.0, color=_LINE, linewidth=0.8, zorder=0)
    for name, value, interval, nearest, style, line_color in lines:
        axes.axhspan(*interval, color=color, alpha=0.13, linewidth=0, zorder=0)
        axes.axhline(value, color=line_color, linewidth=1.1, linestyle=style, zorder=1)
        axes.annotate(
            f"{name}\n{value:+.1f}".replace("-", "−"),
            (1.0, max(value, nearest) if value > limits.bias else min(value, nearest)),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_INK,
        )


def _name_outliers(axes: Axes, measured: Measured, limits: BlandAltman) -> None:
    """Names the patients farthest outside the limits: not all, or the names would cover each other."""
    outside = np.maximum(measured.differences - limits.upper, limits.lower - measured.differences)
    middle = np.median(measured.means)
    for place in np.argsort(-outside, kind="stable")[:_NAMED_OUTLIERS]:
        if outside[place] <= 0.0:
            break
        # Toward the middle of the picture, where there is room for the name.
        is_right = bool(measured.means[place] > middle)
        axes.annotate(
            measured.patients[place],
            (measured.means[place], measured.differences[place]),
            xytext=(-5 if is_right else 5, 0),
            textcoords="offset points",
            ha="right" if is_right else "left",
            va="center",
            fontsize=7.5,
            color=_INK,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4},
        )


def _widened(values: Array, share: float) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    room = share * (high - low) or 1.0
    return low - room, high + room


def _with_unit(title: str, unit: str) -> str:
    return f"{title} ({unit})" if unit else title


def _new_figure(width_inches: float, height_inches: float) -> Figure:
    # A Figure without pyplot: no window, no state shared with the caller's own plots.
    from matplotlib.figure import Figure

    return Figure(figsize=(width_inches, height_inches), layout="constrained", facecolor="white")


def _svg(figure: Figure) -> bytes:
    """The figure with the common looks. No date and no random names inside: equal figures are equal files."""
    from matplotlib import rc_context

    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9, colors="#374151")
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
        axes.set_axisbelow(True)
    content = io.BytesIO()
    with rc_context({"svg.hashsalt": "cardiosam"}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()
