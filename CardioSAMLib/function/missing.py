"""Why a measurement is missing, and what to give so that it is not."""

from __future__ import annotations

from collections.abc import Iterator

from CardioSAMLib.cine import Cine, QualityNote, Severity
from CardioSAMLib.function.cardiac_function import CardiacFunction
from CardioSAMLib.function.curve import MIN_FRAMES_FOR_RATES


def notes_on_missing(function: CardiacFunction, cine: Cine) -> tuple[QualityNote, ...]:
    """A note for each reason for which a value of `function` is None, or rests on an assumption."""
    return (
        *_on_contours(function),
        *_on_key_frames(function),
        *_on_patient(function, cine),
        *_on_rates(function, cine),
    )


def several_beats_note() -> QualityNote:
    text = (
        "The volume of the left ventricle rises and falls several times: the cine shows more than one beat. The "
        "largest and the smallest volume of all beats are used, and rates left out; give frames of one beat for them."
    )
    return QualityNote("several_beats", "warning", text)


def _on_contours(function: CardiacFunction) -> Iterator[QualityNote]:
    curves = function.curves
    severity: Severity
    for code, name, volumes, severity in (
        ("lv_not_found", "left ventricle", curves.lv_ml, "error"),
        ("rv_not_found", "right ventricle", curves.rv_ml, "warning"),
        ("myocardium_not_found", "myocardium", curves.myocardium_ml, "warning"),
    ):
        absent = [frame for frame, volume in zip(curves.frames, volumes, strict=True) if volume == 0.0]
        if len(absent) == len(curves.frames):
            text = f"No {name} was found, so its values are missing; draw its contours."
            yield QualityNote(code, severity, text)
        elif absent:
            text = f"The {name} was not found in {_frames(absent)}; these are left out. Draw its contours there."
            yield QualityNote(f"{code}_in_frames", "warning", text, frame=absent[0] if len(absent) == 1 else None)


def _on_key_frames(function: CardiacFunction) -> Iterator[QualityNote]:
    if function.es_frame is None and any((*function.curves.lv_ml, *function.curves.rv_ml)):
        text = (
            "The ventricle was found in one frame only: there is its volume, but no end-systolic volume, stroke "
            "volume, ejection fraction or output. Give at least end-diastole and end-systole."
        )
        yield QualityNote("one_frame", "warning", text)


def _on_patient(function: CardiacFunction, cine: Cine) -> Iterator[QualityNote]:
    if function.heart_rate_bpm is None:
        text = "The heart rate is unknown, so there is no cardiac output or index; give the heart rate."
        yield QualityNote("heart_rate_unknown", "info", text)
    elif cine.heart_rate_bpm is None:
        text = (
            f"The heart rate is not in the file; {function.heart_rate_bpm:.0f} beats per minute were taken from the "
            "frame times, which holds if the frames cover a whole cycle."
        )
        yield QualityNote("heart_rate_from_frames", "info", text)
    if function.bsa_m2 is None:
        lacking = [
            name
            for name, value in (("height", cine.patient.height_cm), ("weight", cine.patient.weight_kg))
            if value is None
        ]
        text = f"The patient's {' and '.join(lacking)} must be known for values per body surface; give them."
        yield QualityNote("body_size_unknown", "info", text)


def _on_rates(function: CardiacFunction, cine: Cine) -> Iterator[QualityNote]:
    if function.es_frame is None:
        return
    for code, name, ventricle, volumes in (
        ("lv_no_peak_rates", "left", function.lv, function.curves.lv_ml),
        ("rv_no_peak_rates", "right", function.rv, function.curves.rv_ml),
    ):
        found = sum(volume > 0.0 for volume in volumes)
        if found and ventricle.peak_ejection_rate_ml_s is None:
            text = f"Peak ejection and filling rates of the {name} ventricle are missing: {_why_no_rates(found, cine)}."
            yield QualityNote(code, "info", text)


def _why_no_rates(found_frames: int, cine: Cine) -> str:
    reasons = []
    if found_frames < MIN_FRAMES_FOR_RATES:
        reasons.append(f"they need {MIN_FRAMES_FOR_RATES} segmented frames and there are {found_frames}")
    if cine.frame_interval_ms is None:
        reasons.append("the time between frames is unknown, so give the heart rate")
    return " and ".join(reasons) or (
        "the segmented frames leave too wide a gap in the cycle, so segment those between, or show more than one beat"
    )


def _frames(frames: list[int]) -> str:
    return f"frame{'s' if len(frames) > 1 else ''} {', '.join(map(str, frames))}"
