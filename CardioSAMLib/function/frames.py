"""Which frame is end-diastole and which is end-systole."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.function.curve import fit_cycle, shows_several_beats
from CardioSAMLib.function.options import MeasureOptions


def end_diastole_and_end_systole(
    volumes_ml: Array, options: MeasureOptions | None = None, frames: Array | None = None
) -> tuple[int, int]:
    """0-based (ED, ES): the frames of the largest and the smallest volume, or those that the options name.

    volumes_ml: of the left ventricle in all frames of the cine, `(frames,)`.
    frames: 0-based, rising: those that may be chosen; by default all. A frame with volume 0 is never chosen: there
        the ventricle was missed.
    Where the frames can carry it the volumes are smoothed by four harmonics of the cycle first, so that one bad frame
    does not become end-systole; nothing is assumed about frame 0 (docs/methods.md).

    Raises UnusableInput if fewer than two frames hold the ventricle, or a named frame may not be chosen.
    """
    options = options or MeasureOptions()
    allowed = np.arange(len(volumes_ml)) if frames is None else np.asarray(frames)
    check_named_frames(options, allowed)
    if options.ed_frame is not None and options.es_frame is not None:
        return options.ed_frame, options.es_frame
    found = allowed[np.asarray(volumes_ml)[allowed] > 0.0]
    if len(found) < 2:
        raise UnusableInput("The ventricle was found in fewer than two frames; correct the contours or segment more.")
    values = _smoothed(np.asarray(volumes_ml)[found], found, len(volumes_ml))
    ed = options.ed_frame if options.ed_frame is not None else _extreme(-values, found, options.es_frame)
    es = options.es_frame if options.es_frame is not None else _extreme(values, found, ed)
    return ed, es


def check_named_frames(options: MeasureOptions, allowed: Array) -> None:
    """Raises UnusableInput if a frame named in the options is not among the allowed ones."""
    for name, frame in (("end-diastole", options.ed_frame), ("end-systole", options.es_frame)):
        if frame is not None and frame not in allowed:
            choices = ", ".join(str(number) for number in allowed.tolist())
            raise UnusableInput(
                f"Frame {frame}, given as {name}, is not among the segmented frames; choose one of {choices}."
            )


def _smoothed(volumes_ml: Array, frames: Array, frames_per_cycle: int) -> Array:
    if len(frames) == frames_per_cycle and shows_several_beats(volumes_ml):
        return volumes_ml
    fit = fit_cycle(volumes_ml, frames, frames_per_cycle)
    return volumes_ml if fit is None else fit.volume_ml(frames / frames_per_cycle)


def _extreme(values: Array, frames: Array, taken: int | None) -> int:
    """The frame of the smallest value, the other key frame left out."""
    return int(frames[np.argmin(np.where(frames == taken, np.inf, values))])
