"""Rules on the numbers: can a heart be like that?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.quality.rules import Case, Finding, Limits


def ef_implausible(case: Case, limits: Limits) -> Iterator[Finding]:
    for name, ventricle in (("left", case.function.lv), ("right", case.function.rv)):
        value = ventricle.ef_percent
        if value is not None and not limits["min_percent"] <= value <= limits["max_percent"]:
            yield Finding(f"An ejection fraction of {value:.0f} % of the {name} ventricle is not plausible; {_LOOK}")


def edv_implausible(case: Case, limits: Limits) -> Iterator[Finding]:
    for name, ventricle in (("left", case.function.lv), ("right", case.function.rv)):
        value = ventricle.edv_ml
        if value is not None and not limits["min_ml"] <= value <= limits["max_ml"]:
            text = f"An end-diastolic volume of {value:.0f} mL of the {name} ventricle is not plausible; {_LOOK}"
            yield Finding(text, case.function.ed_frame)


def wall_implausible(case: Case, limits: Limits) -> Iterator[Finding]:
    frame = case.function.ed_frame
    wall = _wall_mm(case.segmentation.labels[frame], case.cine.geometry.pixel_area_mm2)
    if wall is not None and not limits["min_mm"] <= wall <= limits["max_mm"]:
        yield Finding(f"A wall of {wall:.1f} mm at end-diastole is not plausible; {_LOOK}", frame)


def mass_changes(case: Case, limits: Limits) -> Iterator[Finding]:
    """least_percent, most_percent: beyond them a stricter rule speaks."""
    at_ed, at_es = case.function.lv.mass_ed_g, case.function.lv.mass_es_g
    if at_ed is None or at_es is None:
        return
    change = 100.0 * (at_es - at_ed) / at_ed
    stricter = not limits.get("least_percent", -np.inf) <= change <= limits.get("most_percent", np.inf)
    if not stricter and not limits["min_percent"] <= change <= limits["max_percent"]:
        text = (
            f"The mass changes by {change:+.0f} % from end-diastole to end-systole, but muscle keeps its mass; "
            "check the epicardial contours and which basal slices are included."
        )
        yield Finding(text)


def stroke_volumes_differ(case: Case, limits: Limits) -> Iterator[Finding]:
    lv, rv = case.function.lv.sv_ml, case.function.rv.sv_ml
    if lv is not None and rv is not None and abs(lv - rv) > limits["max_difference_ml"]:
        text = (
            f"The stroke volumes differ by {abs(lv - rv):.0f} mL (left {lv:.0f}, right {rv:.0f}); without a shunt or "
            "a leaking valve they are equal, so check the basal slices."
        )
        yield Finding(text)


_LOOK = "check the contours and the spacing in the image's header."


def _wall_mm(labels: Array, pixel_area_mm2: float) -> float | None:
    """Thickness of the wall: median over the slices with LV and myocardium of the difference of the radii of circles
    that have the areas of epicardium and endocardium. labels: `(slices, rows, columns)`. None without such slices."""
    cavity = np.count_nonzero(labels == STORAGE.value_of(Structure.LV), axis=(1, 2)) * pixel_area_mm2
    wall = np.count_nonzero(labels == STORAGE.value_of(Structure.MYO), axis=(1, 2)) * pixel_area_mm2
    both = (cavity > 0) & (wall > 0)
    if not both.any():
        return None
    return float(np.median(np.sqrt((cavity + wall)[both] / np.pi) - np.sqrt(cavity[both] / np.pi)))
