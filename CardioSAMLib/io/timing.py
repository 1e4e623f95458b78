"""Heart rate and frame times from what a file says, and the notes on what it does not say."""

from __future__ import annotations

from CardioSAMLib.cine import QualityNote

_PLAUSIBLE_BPM = (20.0, 300.0)
_PLAUSIBLE_FRAME_INTERVAL_MS = (5.0, 200.0)
_DISAGREEMENT = 0.10


def heart_rate(
    rr_interval_ms: float | None, stated_bpm: float | None, frames: int, frame_interval_ms: float | None
) -> tuple[float | None, tuple[QualityNote, ...]]:
    """Beats per minute and what should be known about them.

    From the RR interval, else the stated heart rate, else frames x interval; a disagreement above 10 % is noted
    (METHODS 4.2). The last takes the frames for one whole beat, as retrospective gating makes them.
    """
    rates = {
        "the RR interval": 60000.0 / rr_interval_ms if rr_interval_ms else None,
        "the stated heart rate": stated_bpm,
        "the frame times": 60000.0 / (frames * frame_interval_ms) if frame_interval_ms and frames > 1 else None,
    }
    known = {name: bpm for name, bpm in rates.items() if bpm and _PLAUSIBLE_BPM[0] <= bpm <= _PLAUSIBLE_BPM[1]}
    if not known:
        note = QualityNote(
            "heart_rate_unknown", "info", "The heart rate is not known, so cardiac output and index cannot be computed."
        )
        return None, (note,)
    source, bpm = next(iter(known.items()))
    notes = []
    if source == "the frame times":
        message = f"The heart rate of {bpm:.0f} beats per minute comes from the frame times, as if they cover one beat."
        notes.append(QualityNote("heart_rate_from_frames", "info", message))
    others = [f"{other:.0f} from {name}" for name, other in known.items() if abs(other - bpm) > _DISAGREEMENT * bpm]
    if others:
        message = f"The heart rate is {bpm:.0f} beats per minute from {source}, but {' and '.join(others)}."
        notes.append(QualityNote("heart_rate_conflict", "warning", message))
    return bpm, tuple(notes)


def frame_interval_ms(spacing: float) -> float | None:
    """Milliseconds between frames from the fourth spacing of an image file; None if it cannot be one.

    ITK gives seconds where the file has a unit and the bare number where it has none. No cine has frames shorter than
    5 or longer than 200 ms, so the number itself tells seconds from milliseconds, and the placeholder 1 from both.
    """
    low, high = _PLAUSIBLE_FRAME_INTERVAL_MS
    for interval in (1000.0 * spacing, spacing):
        if low <= interval <= high:
            return float(interval)
    return None


def no_frame_times() -> QualityNote:
    return QualityNote(
        "no_frame_times",
        "info",
        "The times of the frames are not known; rates in mL/s need them.",
    )


def one_frame() -> QualityNote:
    return QualityNote(
        "one_frame", "warning", "The image has one frame: volumes can be measured, but no ejection fraction."
    )
