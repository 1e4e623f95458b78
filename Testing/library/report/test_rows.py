from dataclasses import replace

import pytest

from CardioSAMLib.function import METRICS, VentricleFunction
from CardioSAMLib.report.rows import format_value, measurement_rows


def cells(function, side="lv"):
    return {row.key: getattr(row, side) for row in measurement_rows(function)}


def test_there_is_a_row_per_metric_with_its_title_and_unit(study):
    rows = measurement_rows(study.function)
    assert [(row.key, row.title, row.unit) for row in rows] == [(m.key, m.title, m.unit) for m in METRICS]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(151.26, 1, "151.3"), (5.637, 2, "5.64"), (431.7, 0, "432"), (-0.04, 1, "0.0"), (0.0, 1, "0.0"), (None, 1, "–")],
)
def test_values_have_the_digits_of_the_registry(value, digits, text):
    assert format_value(value, digits) == text


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_every_metric_that_is_missing_says_why(bare_study, metric):
    function = replace(bare_study.function, lv=VentricleFunction(), curves=replace(bare_study.function.curves))
    reasons = {cells(function, side)[metric.key].reason for side in ("lv", "rv")}
    if metric.key in ("edv_ml", "mass_ed_g"):  # they need contours only, and the left ventricle has them
        reasons -= {"see the quality notes"}
    assert reasons
    assert not reasons & {"", "see the quality notes"}


def test_the_reason_is_the_thing_that_is_missing(study):
    nothing, function = VentricleFunction(), study.function
    without_rate = cells(replace(function, lv=nothing, heart_rate_bpm=None))
    assert without_rate["co_l_min"].reason == "heart rate unknown"
    without_size = cells(replace(function, lv=nothing, bsa_m2=None))
    assert without_size["edv_index_ml_m2"].reason == "body size unknown"
    without_times = cells(replace(function, lv=nothing, curves=replace(function.curves, times_ms=None)))
    assert without_times["peak_ejection_rate_ml_s"].reason == "frame times unknown"
    assert cells(replace(function, lv=nothing))["time_to_peak_filling_ms"].reason == "needs more frames"
    one_frame = cells(replace(function, lv=nothing, es_frame=None))
    assert one_frame["ef_percent"].reason == "one frame only"
    empty = replace(function.curves, myocardium_ml=(0.0,) * 4)
    assert cells(replace(function, lv=nothing, curves=empty))["mass_ed_g"].reason == "no myocardium found"


def test_mass_belongs_to_the_left_ventricle_only(study):
    assert cells(study.function, "rv")["mass_ed_g"].reason == "LV only"


def test_a_ventricle_that_was_not_found_says_so(bare_study):
    assert cells(bare_study.function, "rv")["edv_ml"].reason == "not found"
