"""The table of measurements as rows of text, the same for the HTML report and the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from CardioSAMLib.function.cardiac_function import METRICS, CardiacFunction, Metric

Side = Literal["lv", "rv"]
NO_VALUE = "–"


@dataclass(frozen=True)
class Cell:
    """A value as text; where there is none, an en dash and a few words that say why."""

    text: str
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """One measurement of both ventricles."""

    key: str
    title: str
    unit: str
    lv: Cell
    rv: Cell


def measurement_rows(function: CardiacFunction) -> tuple[Row, ...]:
    """One row per entry of METRICS, in its order."""
    return tuple(
        Row(metric.key, metric.title, metric.unit, _cell(function, metric, "lv"), _cell(function, metric, "rv"))
        for metric in METRICS
    )


def format_value(value: float | None, digits: int) -> str:
    """The value with that many digits after the point, an en dash for None, and never a negative zero."""
    if value is None:
        return NO_VALUE
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _cell(function: CardiacFunction, metric: Metric, side: Side) -> Cell:
    value: float | None = getattr(function.lv if side == "lv" else function.rv, metric.key)
    if value is not None:
        return Cell(format_value(value, metric.digits))
    reasons = (gap.words for gap in _GAPS if gap.concerns(metric, side) and gap.exists(function, side))
    return Cell(NO_VALUE, next(reasons, "see the quality notes"))


@dataclass(frozen=True)
class _Gap:
    """Something missing, and the measurements that need it (told by their units and names)."""

    words: str
    concerns: Callable[[Metric, Side], bool]
    exists: Callable[[CardiacFunction, Side], bool]


def _is_mass(metric: Metric) -> bool:
    return metric.key.startswith("mass_")


def _is_absent(function: CardiacFunction, side: Side) -> bool:
    return not any(function.curves.lv_ml if side == "lv" else function.curves.rv_ml)


def _needs_end_systole(metric: Metric, _side: Side) -> bool:
    return not metric.key.startswith(("edv_", "mass_ed_"))


def _needs_curve(metric: Metric, _side: Side) -> bool:
    return metric.unit in ("mL/s", "ms")


# The first that fits is shown.
_GAPS = (
    _Gap("LV only", lambda metric, side: side == "rv" and _is_mass(metric), lambda *_: True),
    _Gap("no myocardium found", lambda metric, _: _is_mass(metric), lambda f, _: not any(f.curves.myocardium_ml)),
    _Gap("not found", lambda *_: True, _is_absent),
    _Gap("one frame only", _needs_end_systole, lambda function, _: function.es_frame is None),
    _Gap("heart rate unknown", lambda metric, _: "/min" in metric.unit, lambda f, _: f.heart_rate_bpm is None),
    _Gap("body size unknown", lambda metric, _: "/m²" in metric.unit, lambda f, _: f.bsa_m2 is None),
    _Gap("frame times unknown", _needs_curve, lambda function, _: function.curves.times_ms is None),
    _Gap("needs more frames", _needs_curve, lambda *_: True),
)
