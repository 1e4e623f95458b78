"""What the widgets of the panel show and allow, by widget and property; `progress` is short: it is asked for often."""

from __future__ import annotations

from collections.abc import Mapping

from CardioSAMLib.mrml.desk import Desk
from CardioSAMLib.mrml.panel_rows import cine_line, device_line, difference_line, model_line, slice_line
from CardioSAMLib.resources import ModelCard

State = Mapping[tuple[str, str], bool | float | str]
"""Values of (widget, property)."""

_NEED_IDLE = ("importButton", "filesButton", "databaseButton", "candidateButton")
_NEED_CINE = (
    *("segmentButton", "positiveButton", "negativeButton", "boxButton", "clearButton", "freezeButton"),
    *("previousButton", "nextButton", "edButton", "esButton"),
    *("edSpinBox", "esSpinBox", "heartRateSpinBox", "heightSpinBox", "weightSpinBox"),
)
_NEED_CONTOURS = ("acceptButton", "lockButton", "editsButton", "chartButton", "surfacesButton")
_NEED_CONTOURS_AND_IDLE = ("propagateButton", "compareButton", "exportButton")


def state(desk: Desk, card: ModelCard, prompt_card: ModelCard) -> State:
    """All but the progress. card, prompt_card: the models that are chosen to draw, and to answer points."""
    return {
        **_property("enabled", _enabled(desk, card, prompt_card)),
        **_property("checked", _checked(desk)),
        **_property("visible", _visible(desk)),
        **_property("text", _texts(desk, card)),
        **_property("toolTip", {"promptModelComboBox": f"What draws from points and boxes. {model_line(prompt_card)}"}),
        **_property("value", _given(desk)),
        **_property("specialValueText", _found(desk)),
    }


def progress(desk: Desk) -> State:
    """What changes while work goes on."""
    fraction, doing = desk.progress
    return {
        ("progressBar", "value"): round(100 * fraction),
        ("messageLabel", "text"): f"{doing[:1].upper()}{doing[1:]}" if desk.is_working else desk.message,
    }


def _property(name: str, values: Mapping[str, bool | float | str]) -> State:
    return {(widget, name): value for widget, value in values.items()}


def _enabled(desk: Desk, card: ModelCard, prompt_card: ModelCard) -> dict[str, bool]:
    idle, contours = not desk.is_working, desk.has_contours
    return {
        **dict.fromkeys(_NEED_IDLE, idle),
        **dict.fromkeys(_NEED_CINE, desk.session is not None),
        **dict.fromkeys(_NEED_CONTOURS, contours),
        **dict.fromkeys(_NEED_CONTOURS_AND_IDLE, contours and idle),
        "undoButton": desk.session is not None and idle and desk.session.can_undo,
        "redoButton": desk.session is not None and idle and desk.session.can_redo,
        "reportButton": desk.report is not None,
        "removeModelButton": _is_removable(card) and idle,
        "removePromptModelButton": _is_removable(prompt_card) and idle,
    }


def _is_removable(card: ModelCard) -> bool:
    return card.folder is not None and card.is_here


def _checked(desk: Desk) -> dict[str, bool]:
    placing = {"positiveButton": "+", "negativeButton": "-", "boxButton": "box"}
    study = None if desk.session is None else desk.session.study
    return {
        **{name: desk.placing == what for name, what in placing.items()},
        "surfacesButton": desk.has_surfaces,
        "freezeButton": study is not None and desk.structure in study.frozen,
        "lockButton": study is not None and study.volume is not None and desk.shown in study.locked,
    }


def _visible(desk: Desk) -> dict[str, bool]:
    return {
        **dict.fromkeys(("progressBar", "cancelButton"), desk.is_working),
        **dict.fromkeys(("candidatesLabel", "candidatesComboBox", "candidateButton"), bool(desk.candidates)),
        **dict.fromkeys(("comparisonTable", "comparisonLabel"), desk.comparison is not None),
        **dict.fromkeys(("cineLabel", "sliceLabel"), desk.session is not None),
        "messageLabel": desk.is_working or bool(desk.message),
    }


def _texts(desk: Desk, card: ModelCard) -> dict[str, str]:
    there = desk.session is not None and desk.session.study.volume is not None
    return {
        "cineLabel": cine_line(desk.opened.cine) if there else "",
        "modelLabel": model_line(card),
        "deviceLabel": device_line(card),
        "sliceLabel": slice_line(desk.opened, *desk.shown) if there else "",
        "comparisonLabel": "" if desk.comparison is None else f"Other minus this: {difference_line(desk.comparison)}",
    }


def _given(desk: Desk) -> dict[str, float]:
    """What was said of the study; -1 and 0 where nothing was."""
    if desk.session is None:
        return dict.fromkeys(("edSpinBox", "esSpinBox"), -1.0) | dict.fromkeys(
            ("heartRateSpinBox", "heightSpinBox", "weightSpinBox"), 0.0
        )
    said, measuring = desk.session.given, desk.session.study.measuring
    return {
        "edSpinBox": -1 if measuring.ed_frame is None else measuring.ed_frame,
        "esSpinBox": -1 if measuring.es_frame is None else measuring.es_frame,
        "heartRateSpinBox": said.heart_rate_bpm or 0.0,
        "heightSpinBox": said.patient.height_cm or 0.0,
        "weightSpinBox": said.patient.weight_kg or 0.0,
    }


def _found(desk: Desk) -> dict[str, str]:
    names = ("edSpinBox", "esSpinBox")
    frames = zip(names, desk.key_frames, strict=True)
    return {name: "found" if frame is None else f"found: {frame}" for name, frame in frames}
