"""From contours to the measurements of a study."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from CardioSAMLib.cine import PLAUSIBLE_BPM, Array, Cine
from CardioSAMLib.function.body_size import body_surface_area_m2
from CardioSAMLib.function.cardiac_function import CardiacFunction, VentricleFunction, VolumeCurves
from CardioSAMLib.function.curve import (
    MIN_FRAMES_FOR_RATES,
    HarmonicFit,
    PeakRates,
    fit_cycle,
    peak_rates,
    shows_several_beats,
)
from CardioSAMLib.function.exclusion import notes_on_exclusion, without_slices
from CardioSAMLib.function.frames import check_named_frames, end_diastole_and_end_systole
from CardioSAMLib.function.mass import myocardial_mass_g
from CardioSAMLib.function.missing import notes_on_missing, several_beats_note
from CardioSAMLib.function.options import MeasureOptions
from CardioSAMLib.function.volumes import slices_with, volumes_ml
from CardioSAMLib.labels import CineSegmentation, Structure

# Fewer frames do not tell how long the cycle is: two may be end-diastole and end-systole alone.
_MIN_FRAMES_FOR_HEART_RATE = 12
_MOST_FRAMES_FOUND = 0.9
"""Share of the frames with a ventricle, from which on its curve says whether it beats once or more often."""


@dataclass(frozen=True)
class _Circumstances:
    """What is the same for both ventricles. es_frame, and what is unknown: None."""

    frames: int
    ed_frame: int
    es_frame: int | None
    heart_rate_bpm: float | None
    bsa_m2: float | None
    cycle_ms: float | None


@dataclass(frozen=True)
class _Course:
    """Volumes of one structure in all frames of the cine, `(frames,)`, 0 where it was not found, and their fit."""

    volumes_ml: Array
    fit: HarmonicFit | None
    found_frames: int
    several_beats: bool

    def at(self, frame: int | None) -> float | None:
        volume = 0.0 if frame is None else float(self.volumes_ml[frame])
        return volume if volume > 0.0 else None


def measure(cine: Cine, segmentation: CineSegmentation, options: MeasureOptions | None = None) -> CardiacFunction:
    """Volumes, ejection fraction, output, mass and rates of both ventricles (docs/methods.md).

    Both ventricles are measured at the frames of the left one; at those of the right one if there is no left.
    What cannot be computed is None, and a note says why and what to give.
    Raises UnusableInput if the segmentation is not of this cine, a frame named in the options was not segmented, or a
    slice to be left out does not exist.
    """
    options = options or MeasureOptions()
    segmentation.check_fits(cine)
    # Found on all contours: leaving out a slice of end-diastole must not make another frame end-diastole.
    ed, es = _key_frames(cine, segmentation, options)
    segmentation = without_slices(segmentation, options.excluded)
    lv, rv, myocardium = (_course(cine, segmentation, s) for s in (Structure.LV, Structure.RV, Structure.MYO))
    around = _Circumstances(
        frames=cine.frames,
        ed_frame=ed,
        es_frame=es,
        heart_rate_bpm=_heart_rate_bpm(cine, segmentation, lv.several_beats),
        bsa_m2=_bsa_m2(cine, options.bsa_formula),
        cycle_ms=None if cine.frame_interval_ms is None else cine.frame_interval_ms * cine.frames,
    )
    masses = [_mass_g(cine, segmentation, frame) for frame in (ed, es)]
    function = CardiacFunction(
        ed_frame=ed,
        es_frame=es,
        heart_rate_bpm=around.heart_rate_bpm,
        bsa_m2=around.bsa_m2,
        bsa_formula=options.bsa_formula,
        lv=replace(
            _function_of(lv, around),
            mass_ed_g=masses[0],
            mass_es_g=masses[1],
            mass_ed_index_g_m2=_per(masses[0], around.bsa_m2),
        ),
        rv=_function_of(rv, around),
        curves=_curves(cine, segmentation, lv, rv, myocardium),
        lv_slices_ed=_slices(segmentation, Structure.LV, ed),
        lv_slices_es=_slices(segmentation, Structure.LV, es),
        rv_slices_ed=_slices(segmentation, Structure.RV, ed),
        rv_slices_es=_slices(segmentation, Structure.RV, es),
    )
    notes = (*notes_on_missing(function, cine), *notes_on_exclusion(options.excluded))
    return replace(function, notes=(*notes, several_beats_note()) if lv.several_beats else notes)


def _course(cine: Cine, segmentation: CineSegmentation, structure: Structure) -> _Course:
    volumes = volumes_ml(segmentation.labels, structure, cine.geometry)
    found = np.flatnonzero(volumes > 0.0)
    several = len(found) >= _MOST_FRAMES_FOUND * cine.frames and shows_several_beats(
        np.interp(np.arange(cine.frames), found, volumes[found])
    )
    fit = None if several else fit_cycle(volumes[found], found, cine.frames)
    return _Course(volumes, fit, len(found), several)


def _key_frames(cine: Cine, segmentation: CineSegmentation, options: MeasureOptions) -> tuple[int, int | None]:
    segmented = np.asarray(segmentation.segmented_frames)
    check_named_frames(options, segmented)
    lv, rv = (volumes_ml(segmentation.labels, structure, cine.geometry) for structure in (Structure.LV, Structure.RV))
    leading = lv if lv.any() else rv
    found = segmented[leading[segmented] > 0.0]
    named_both = options.ed_frame is not None and options.es_frame is not None
    if len(found) >= 2 or named_both:
        return end_diastole_and_end_systole(leading, options, segmented)
    only = int(found[0]) if len(found) else int(segmented[0])
    ed = only if options.ed_frame is None else options.ed_frame
    return ed, None if options.es_frame == ed else options.es_frame


def _function_of(course: _Course, around: _Circumstances) -> VentricleFunction:
    edv, esv = course.at(around.ed_frame), course.at(around.es_frame)
    stroke = None if edv is None or esv is None else edv - esv
    heart_rate, bsa = around.heart_rate_bpm, around.bsa_m2
    output = None if stroke is None or heart_rate is None else stroke * heart_rate / 1000.0
    rates = _rates(course, around)
    return VentricleFunction(
        edv_ml=edv,
        esv_ml=esv,
        sv_ml=stroke,
        ef_percent=None if stroke is None or edv is None else 100.0 * stroke / edv,
        co_l_min=output,
        edv_index_ml_m2=_per(edv, bsa),
        esv_index_ml_m2=_per(esv, bsa),
        sv_index_ml_m2=_per(stroke, bsa),
        ci_l_min_m2=_per(output, bsa),
        peak_ejection_rate_ml_s=None if rates is None else rates.ejection_ml_s,
        peak_filling_rate_ml_s=None if rates is None else rates.filling_ml_s,
        time_to_peak_ejection_ms=None if rates is None else rates.time_to_ejection_ms,
        time_to_peak_filling_ms=None if rates is None else rates.time_to_filling_ms,
    )


def _rates(course: _Course, around: _Circumstances) -> PeakRates | None:
    enough = course.found_frames >= MIN_FRAMES_FOR_RATES
    if course.fit is None or not enough or around.cycle_ms is None or around.es_frame is None:
        return None
    return peak_rates(
        course.fit, around.ed_frame / around.frames, around.es_frame / around.frames, cycle_ms=around.cycle_ms
    )


def _curves(cine: Cine, segmentation: CineSegmentation, lv: _Course, rv: _Course, myocardium: _Course) -> VolumeCurves:
    frames = segmentation.segmented_frames
    chosen = np.asarray(frames)

    def smooth(course: _Course) -> tuple[float, ...] | None:
        return None if course.fit is None else tuple(course.fit.volume_ml(chosen / cine.frames).tolist())

    return VolumeCurves(
        frames=frames,
        times_ms=_times_ms(cine, frames),
        lv_ml=tuple(lv.volumes_ml[chosen].tolist()),
        rv_ml=tuple(rv.volumes_ml[chosen].tolist()),
        myocardium_ml=tuple(myocardium.volumes_ml[chosen].tolist()),
        lv_smooth_ml=smooth(lv),
        rv_smooth_ml=smooth(rv),
    )


def _times_ms(cine: Cine, frames: tuple[int, ...]) -> tuple[float, ...] | None:
    if cine.frame_times_ms is not None:
        return tuple(cine.frame_times_ms[frame] for frame in frames)
    interval = cine.frame_interval_ms
    # Few frames, such as a pair of end-diastole and end-systole, do not lie evenly in the beat.
    if interval is None or cine.frames < _MIN_FRAMES_FOR_HEART_RATE:
        return None
    return tuple(frame * interval for frame in frames)


def _heart_rate_bpm(cine: Cine, segmentation: CineSegmentation, several_beats: bool) -> float | None:
    """As the file says, else from the length of the frames, which is right where they cover the cycle, and once: what
    the contours of all frames tell, and those of some do not."""
    if cine.heart_rate_bpm is not None:
        return cine.heart_rate_bpm
    if len(segmentation.segmented_frames) < cine.frames:
        return None
    if cine.frame_interval_ms is None or cine.frames < _MIN_FRAMES_FOR_HEART_RATE or several_beats:
        return None
    rate = 60000.0 / (cine.frame_interval_ms * cine.frames)
    low, high = PLAUSIBLE_BPM
    return rate if low <= rate <= high else None


def _bsa_m2(cine: Cine, formula: str) -> float | None:
    height, weight = cine.patient.height_cm, cine.patient.weight_kg
    return None if height is None or weight is None else body_surface_area_m2(height, weight, formula)


def _mass_g(cine: Cine, segmentation: CineSegmentation, frame: int | None) -> float | None:
    if frame is None:
        return None
    myocardium = segmentation.mask(Structure.MYO)[frame]
    return myocardial_mass_g(myocardium, cine.geometry) if myocardium.any() else None


def _slices(segmentation: CineSegmentation, structure: Structure, frame: int | None) -> tuple[int, ...]:
    return () if frame is None else slices_with(segmentation.labels[frame], structure)


def _per(value: float | None, bsa_m2: float | None) -> float | None:
    return None if value is None or bsa_m2 is None else value / bsa_m2
