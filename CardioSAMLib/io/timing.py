"""Heart rate and frame times from what a file states, and the notes on missing frames and times."""

from __future__ import annotations

from CardioSAMLib.cine import PLAUSIBLE_BPM, QualityNote

_PLAUSIBLE_FRAME_INTERVAL_MS = (5.0, 200.0)


def heart_rate(rr_interval_ms: float | None, stated_bpm: float | None) -> float | None:
    """Beats per minute as a file states them: by the RR interval, else by the heart rate; None where neither can be."""
    from_rr = 60000.0 / rr_interval_ms if rr_interval_ms else None
    low, high = PLAUSIBLE_BPM
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


def is_frame_interval_ms(interval_ms: float) -> bool:
    """Whether frames of a cine can be so far apart."""
    low, high = _PLAUSIBLE_FRAME_INTERVAL_MS
    return low <= interval_ms <= high


def rates_differ(rr_interval_ms: float | None, stated_bpm: float | None) -> QualityNote | None:
    """A note where the RR interval and the heart rate of a file contradict each other by more than 10 %."""
    by_interval, stated = heart_rate(rr_interval_ms, None), heart_rate(None, stated_bpm)
    if by_interval is None or stated is None or abs(by_interval - stated) <= 0.1 * max(by_interval, stated):
        return None
    message = (
        f"The file gives a heart rate of {stated:.0f} and an RR interval of {by_interval:.0f} beats per minute; the "
        "interval is used. Give the heart rate if that is wrong."
    )
    return QualityNote("heart_rates_differ", "warning", message)


def no_frame_times() -> QualityNote:
    return QualityNote(
        "no_frame_times",
        "info",
        "The times of the frames are not known; they are taken to cover one beat evenly where its length is known.",
    )


def one_frame() -> QualityNote:
    return QualityNote(
        "one_frame", "warning", "The image has one frame: volumes can be measured, but no ejection fraction."
    )
