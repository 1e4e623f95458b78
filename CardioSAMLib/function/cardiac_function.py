"""The measurements of a study, and the registry that describes each of them to tables, reports and CSV files."""

from __future__ import annotations

from dataclasses import dataclass

from CardioSAMLib.cine import QualityNote


@dataclass(frozen=True)
class Metric:
    """How one measurement is shown: field name in `VentricleFunction`, title, unit, digits after the point."""

    key: str
    title: str
    unit: str
    digits: int


METRICS = (
    Metric("edv_ml", "End-diastolic volume", "mL", 1),
    Metric("esv_ml", "End-systolic volume", "mL", 1),
    Metric("sv_ml", "Stroke volume", "mL", 1),
    Metric("ef_percent", "Ejection fraction", "%", 1),
    Metric("co_l_min", "Cardiac output", "L/min", 2),
    Metric("mass_ed_g", "Myocardial mass at end-diastole", "g", 1),
    Metric("mass_es_g", "Myocardial mass at end-systole", "g", 1),
    Metric("edv_index_ml_m2", "End-diastolic volume index", "mL/m²", 1),
    Metric("esv_index_ml_m2", "End-systolic volume index", "mL/m²", 1),
    Metric("sv_index_ml_m2", "Stroke volume index", "mL/m²", 1),
    Metric("ci_l_min_m2", "Cardiac index", "L/min/m²", 2),
    Metric("mass_ed_index_g_m2", "Myocardial mass index at end-diastole", "g/m²", 1),
    Metric("peak_ejection_rate_ml_s", "Peak ejection rate", "mL/s", 0),
    Metric("peak_filling_rate_ml_s", "Peak filling rate", "mL/s", 0),
    Metric("time_to_peak_ejection_ms", "Time from ED to peak ejection", "ms", 0),
    Metric("time_to_peak_filling_ms", "Time from ES to peak filling", "ms", 0),
)


@dataclass(frozen=True)
class VentricleFunction:
    """Measurements of one ventricle. None: cannot be computed, and a `QualityNote` says why.

    Mass is that of the left ventricular wall, so it is None for the right ventricle.
    """

    edv_ml: float | None = None
    esv_ml: float | None = None
    sv_ml: float | None = None
    ef_percent: float | None = None
    co_l_min: float | None = None
    mass_ed_g: float | None = None
    mass_es_g: float | None = None
    edv_index_ml_m2: float | None = None
    esv_index_ml_m2: float | None = None
    sv_index_ml_m2: float | None = None
    ci_l_min_m2: float | None = None
    mass_ed_index_g_m2: float | None = None
    peak_ejection_rate_ml_s: float | None = None
    peak_filling_rate_ml_s: float | None = None
    time_to_peak_ejection_ms: float | None = None
    time_to_peak_filling_ms: float | None = None


@dataclass(frozen=True)
class VolumeCurves:
    """Volumes of the segmented frames; all tuples have the same length, one value per segmented frame.

    frames: 0-based. times_ms: None where not known. *_smooth_ml: the periodic fit, None where it needs more frames.
    """

    frames: tuple[int, ...]
    times_ms: tuple[float, ...] | None
    lv_ml: tuple[float, ...]
    rv_ml: tuple[float, ...]
    myocardium_ml: tuple[float, ...]
    lv_smooth_ml: tuple[float, ...] | None = None
    rv_smooth_ml: tuple[float, ...] | None = None


@dataclass(frozen=True)
class CardiacFunction:
    """What a segmented cine says about the heart.

    ed_frame, es_frame: 0-based, the same for both ventricles; es_frame is None where only one frame was segmented.
    lv_slices_ed, lv_slices_es (and rv): 0-based slices that hold the structure in that frame.
    bsa_m2: body surface area by the formula named in bsa_formula; None where height or weight is unknown.
    """

    ed_frame: int
    es_frame: int | None
    heart_rate_bpm: float | None
    bsa_m2: float | None
    bsa_formula: str
    lv: VentricleFunction
    rv: VentricleFunction
    curves: VolumeCurves
    lv_slices_ed: tuple[int, ...] = ()
    lv_slices_es: tuple[int, ...] = ()
    rv_slices_ed: tuple[int, ...] = ()
    rv_slices_es: tuple[int, ...] = ()
    notes: tuple[QualityNote, ...] = ()
