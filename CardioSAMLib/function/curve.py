"""The volume-time curve as a periodic function: harmonic fit, and the rates of ejection and filling read off it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array

HARMONICS = 4
MIN_FRAMES_FOR_FIT = 2 * HARMONICS + 2
MIN_FRAMES_FOR_RATES = 20
_LEAST_WAVE = 0.05
"""Part of the mean volume: smaller waves are noise."""
_OTHER_WAVE = 0.3
# Rates are sought on this many points of the cycle: at 60 beats per minute the time of a peak is right to 1 ms.
_POINTS_PER_CYCLE = 1000


@dataclass(frozen=True)
class HarmonicFit:
    """volume(phase) = mean + sum over k of cosines[k-1] cos(2 pi k phase) + sines[k-1] sin(2 pi k phase), in mL.

    A phase of 1 is one cardiac cycle.
    """

    mean_ml: float
    cosines_ml: tuple[float, ...]
    sines_ml: tuple[float, ...]

    def volume_ml(self, phase: Array) -> Array:
        angle = _angles(phase, len(self.cosines_ml))
        return np.asarray(self.mean_ml + np.cos(angle) @ self.cosines_ml + np.sin(angle) @ self.sines_ml)

    def rate_ml_per_cycle(self, phase: Array) -> Array:
        """Derivative of the volume by the phase."""
        angle = _angles(phase, len(self.cosines_ml))
        order = 2.0 * np.pi * np.arange(1, len(self.cosines_ml) + 1)
        return np.asarray(np.cos(angle) @ (order * self.sines_ml) - np.sin(angle) @ (order * self.cosines_ml))


@dataclass(frozen=True)
class PeakRates:
    """Greatest speeds of emptying (end-diastole to end-systole) and filling (end-systole to end-diastole).

    Both are positive. Times count from end-diastole to the peak of ejection, from end-systole to that of filling.
    """

    ejection_ml_s: float
    filling_ml_s: float
    time_to_ejection_ms: float
    time_to_filling_ms: float


def fit_cycle(volumes_ml: Array, frames: Array, frames_per_cycle: int) -> HarmonicFit | None:
    """Least-squares fit of four harmonics to the volumes of some frames; None if the frames cannot carry it.

    volumes_ml, frames: `(n,)`, frames 0-based and rising. Frames are taken as equally spaced over one whole cycle.
    The fit has nine unknowns, so it needs ten frames, and no gap as wide as the period of two samples of the fourth
    harmonic: a wave between the frames would be free there (docs/methods.md).
    """
    if len(frames) < MIN_FRAMES_FOR_FIT:
        return None
    widest_gap = int(np.max(np.diff(np.append(frames, frames[0] + frames_per_cycle))))
    if widest_gap >= frames_per_cycle / (2 * HARMONICS):
        return None
    angle = _angles(np.asarray(frames) / frames_per_cycle, HARMONICS)
    design = np.hstack([np.ones((len(frames), 1)), np.cos(angle), np.sin(angle)])
    solution = np.linalg.lstsq(design, np.asarray(volumes_ml, dtype=float), rcond=None)[0].tolist()
    return HarmonicFit(solution[0], tuple(solution[1 : HARMONICS + 1]), tuple(solution[HARMONICS + 1 :]))


def shows_several_beats(volumes_ml: Array) -> bool:
    """Whether the strongest wave of a curve, volumes of all frames, has two or more periods, and there is hardly one
    of a single period.

    Each beat has its largest wave at the length of the beat, so that a curve of one beat has none that is stronger.
    """
    volumes = np.asarray(volumes_ml, dtype=float)
    if len(volumes) < MIN_FRAMES_FOR_FIT or not volumes.any():
        return False
    waves_ml = 2.0 * np.abs(np.fft.rfft(volumes - volumes.mean())) / len(volumes)
    strongest = int(np.argmax(waves_ml))
    is_a_beat = waves_ml[strongest] > _LEAST_WAVE * volumes.mean()
    return bool(strongest >= 2 and is_a_beat and waves_ml[1] < _OTHER_WAVE * waves_ml[strongest])


def peak_rates(fit: HarmonicFit, ed_phase: float, es_phase: float, cycle_ms: float) -> PeakRates:
    """Peak ejection and filling rate of a fitted curve; phases in 0..1, cycle_ms: length of one cycle."""
    systole = (es_phase - ed_phase) % 1.0
    from_ed = np.linspace(0.0, systole, _POINTS_PER_CYCLE)
    from_es = np.linspace(0.0, 1.0 - systole, _POINTS_PER_CYCLE)
    ejection = -fit.rate_ml_per_cycle(ed_phase + from_ed)
    filling = fit.rate_ml_per_cycle(es_phase + from_es)
    per_second = 1000.0 / cycle_ms
    return PeakRates(
        ejection_ml_s=float(ejection.max() * per_second),
        filling_ml_s=float(filling.max() * per_second),
        time_to_ejection_ms=float(from_ed[ejection.argmax()] * cycle_ms),
        time_to_filling_ms=float(from_es[filling.argmax()] * cycle_ms),
    )


def _angles(phase: Array, harmonics: int) -> Array:
    """`(..., harmonics)`."""
    return np.asarray(2.0 * np.pi * np.asarray(phase, dtype=float)[..., None] * np.arange(1, harmonics + 1))
