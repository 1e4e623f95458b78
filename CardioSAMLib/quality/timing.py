"""Rules on the course of the volume over the cycle, and on end-diastole and end-systole in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from CardioSAMLib.quality.rules import Case, Finding, Limits


def es_ambiguous(case: Case, limits: Limits) -> Iterator[Finding]:
    """Two valleys of the smoothed curve that are nearly as deep; without smoothing noise would make many."""
    curve = case.function.curves
    if curve.lv_smooth_ml is None or len(curve.frames) < 3:
        return
    values = np.asarray(curve.lv_smooth_ml)
    valleys = np.flatnonzero((values < np.roll(values, 1)) & (values <= np.roll(values, -1)))
    if len(valleys) < 2:
        return
    deepest, second = valleys[np.argsort(values[valleys])][:2].tolist()
    difference = float(values[second] - values[deepest])
    if difference < limits["min_difference_ml"]:
        text = (
            f"Two frames could be end-systole, {curve.frames[deepest]} and {curve.frames[second]} "
            f"({difference:.1f} mL apart); look at both and choose one."
        )
        yield Finding(text, curve.frames[deepest])


def ed_es_swapped(case: Case, _limits: Limits) -> Iterator[Finding]:
    edv, esv = case.function.lv.edv_ml, case.function.lv.esv_ml
    if edv is not None and esv is not None and esv >= edv:
        yield Finding("The left ventricle is not smaller at end-systole than at end-diastole; choose the frames anew.")


def ed_es_adjacent(case: Case, limits: Limits) -> Iterator[Finding]:
    """Where all frames of a whole cycle were segmented; ED and ES alone may well be neighbors in their file."""
    frames, es = len(case.function.curves.frames), case.function.es_frame
    if es is None or frames < limits["min_frames"]:
        return
    apart = abs(es - case.function.ed_frame)
    if min(apart, case.cine.frames - apart) == 1:
        text = "End-diastole and end-systole are neighboring frames, which cannot be; look at the curve and choose."
        yield Finding(text, es)


def few_frames(case: Case, limits: Limits) -> Iterator[Finding]:
    """Two frames are end-diastole and end-systole, chosen by somebody; more, but few, may miss them."""
    frames = len(case.function.curves.frames)
    if 2 < frames < limits["min_frames"]:
        text = f"With {frames} frames end-systole may fall between two of them, and the ejection fraction be too low."
        yield Finding(text)


def frame_outlier(case: Case, limits: Limits) -> Iterator[Finding]:
    """A frame's volume against the middle of its neighbors': at any speed of the heart the curve is nearly straight."""
    curve, edv = case.function.curves, case.function.lv.edv_ml
    if edv is None or len(curve.frames) != case.cine.frames or case.cine.frames < 3:
        return
    volumes = np.asarray(curve.lv_ml)
    deviation = volumes - (np.roll(volumes, 1) + np.roll(volumes, -1)) / 2.0
    frame = int(np.argmax(np.abs(deviation)))
    if abs(deviation[frame]) > limits["max_share_of_edv"] * edv:
        text = (
            f"The volume of frame {frame} lies {abs(deviation[frame]):.0f} mL off those of its neighbors; "
            "check its contours."
        )
        yield Finding(text, frame)


def cycle_not_closed(case: Case, limits: Limits) -> Iterator[Finding]:
    curve, edv = case.function.curves, case.function.lv.edv_ml
    if edv is None or len(curve.frames) != case.cine.frames or case.cine.frames < limits["min_frames"]:
        return
    step = abs(curve.lv_ml[-1] - curve.lv_ml[0])
    if step > limits["max_share_of_edv"] * edv:
        text = (
            f"The volume jumps by {step:.0f} mL from the last frame to the first; the end of diastole may not have "
            "been acquired."
        )
        yield Finding(text, curve.frames[-1])


def heart_rate_conflict(case: Case, limits: Limits) -> Iterator[Finding]:
    cine = case.cine
    if cine.heart_rate_bpm is None or cine.frame_times_ms is None or cine.frame_interval_ms is None:
        return
    from_frames = 60000.0 / (cine.frame_interval_ms * cine.frames)
    if cine.frames < limits["min_frames"]:
        return
    if abs(from_frames - cine.heart_rate_bpm) > limits["max_share"] * cine.heart_rate_bpm:
        text = (
            f"The heart rate is given as {cine.heart_rate_bpm:.0f} beats per minute, the frame times say "
            f"{from_frames:.0f}; the frames may not cover the whole cycle, or one of them is wrong: cardiac output "
            "depends on it."
        )
        yield Finding(text)
