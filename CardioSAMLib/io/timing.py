"""Heart rate and frame times from what a file states, and the notes on missing frames and times."""

from __future__ import annotations

from CardioSAMLib.cine import QualityNote

_PLAUSIBLE_BPM = (20.0, 300.0)
_PLAUSIBLE_FRAME_INTERVAL_MS = (5.0, 200.0)


def heart_rate(rr_interval_ms: float | None, stated_bpm: float | None) -> float | None:
    """Beats per minute as a file states them: by the RR interval, else by the heart rate; None where neither can be."""
    from_rr = 60000.0 / rr_interval_ms if rr_interval_ms else None
    low, high = _PLAUSIBLE_BPM
    return next((bpm for bpm in (from_rr, stated_bpm) if bpm is not None and low <= bpm <= high), None)


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
