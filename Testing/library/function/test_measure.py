from dataclasses import fields, replace

import numpy as np
import pytest

from CardioSAMLib.cine import Patient, UnusableInput
from CardioSAMLib.function import METRICS, MeasureOptions, VentricleFunction, measure
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom

ADULT = Patient(height_cm=180.0, weight_kg=80.0)  # 2 m2 by Mosteller


def beat(mean, swing, frames=20):
    return np.rint(mean + swing * np.cos(2 * np.pi * np.arange(frames) / frames))


def codes(function):
    return {note.code for note in function.notes}


def test_every_metric_is_a_field_and_every_field_a_metric():
    assert {metric.key for metric in METRICS} == {field.name for field in fields(VentricleFunction)}


def test_a_beat_from_150_to_60_ml_has_the_numbers_of_its_volumes(study_of):
    study = study_of([150, 60], [160, 80], [100, 104], heart_rate_bpm=70.0, patient=ADULT)
    function = measure(*study)
    lv, rv = function.lv, function.rv
    assert (function.ed_frame, function.es_frame) == (0, 1)
    assert (lv.edv_ml, lv.esv_ml, lv.sv_ml) == pytest.approx((150.0, 60.0, 90.0))
    assert lv.ef_percent == pytest.approx(60.0)
    assert lv.co_l_min == pytest.approx(6.3)
    assert (lv.mass_ed_g, lv.mass_es_g) == pytest.approx((105.0, 109.2))
    assert (lv.edv_index_ml_m2, lv.esv_index_ml_m2, lv.sv_index_ml_m2) == pytest.approx((75.0, 30.0, 45.0))
    assert (lv.ci_l_min_m2, lv.mass_ed_index_g_m2) == pytest.approx((3.15, 52.5))
    assert (rv.edv_ml, rv.ef_percent, rv.mass_ed_g) == (pytest.approx(160.0), pytest.approx(50.0), None)


def test_a_whole_cycle_has_rates_and_nothing_is_missing(study_of):
    study = study_of(beat(110, 40), beat(120, 40), beat(100, 0), heart_rate_bpm=75.0, patient=ADULT)
    function = measure(*study)
    # 40 mL * 2 pi / 0.8 s; volumes are whole milliliters.
    assert function.lv.peak_ejection_rate_ml_s == pytest.approx(314.0, rel=0.02)
    assert function.rv.time_to_peak_filling_ms == pytest.approx(200.0, abs=15.0)
    assert function.notes == ()
    assert function.curves.times_ms == pytest.approx(np.arange(20) * 40.0)


def test_the_right_ventricle_is_measured_at_the_frames_of_the_left(study_of):
    function = measure(*study_of([150, 60, 100], [100, 90, 160], [90] * 3))
    assert (function.rv.edv_ml, function.rv.esv_ml) == (100.0, 90.0)


def test_one_frame_gives_volumes_and_no_ejection_fraction(study_of):
    function = measure(*study_of([140], [150], [100]))
    assert function.es_frame is None
    assert function.lv.edv_ml == 140.0
    assert function.lv.ef_percent is None
    assert function.lv.esv_ml is None
    assert "one_frame" in codes(function)


def test_without_heart_rate_there_is_no_output_and_a_note_asks_for_it(study_of):
    function = measure(*study_of([150, 60], [160, 80], [100, 100], patient=ADULT))
    assert function.lv.co_l_min is None
    assert function.lv.ci_l_min_m2 is None
    assert "heart_rate_unknown" in codes(function)


def test_the_heart_rate_comes_from_the_frame_times_if_the_file_has_none(study_of):
    times = tuple(np.arange(20) * 50.0)
    function = measure(*study_of(beat(100, 40), beat(100, 40), beat(100, 0), frame_times_ms=times))
    assert function.heart_rate_bpm == pytest.approx(60.0)
    assert "heart_rate_from_frames" in codes(function)


@pytest.mark.parametrize("interval_ms", [0.034, 1000.0])
def test_no_heart_rate_is_made_of_frames_that_no_heart_beats_in(interval_ms, study_of):
    times = tuple(np.arange(20) * interval_ms)
    function = measure(*study_of(beat(100, 40), beat(100, 40), beat(100, 0), frame_times_ms=times))
    assert function.heart_rate_bpm is None
    assert function.lv.co_l_min is None


def test_no_heart_rate_is_made_of_frames_that_may_show_several_beats(study_of):
    """The contours of two frames do not say how often the heart beats in all of them."""
    times = tuple(np.arange(20) * 50.0)
    cine, segmentation, *options = study_of(beat(100, 40), beat(100, 40), beat(100, 0), frame_times_ms=times)
    labels = np.where(np.isin(np.arange(20), (0, 10))[:, None, None, None], segmentation.labels, 0).astype(np.uint8)
    function = measure(cine, replace(segmentation, labels=labels, segmented_frames=(0, 10)), *options)
    assert function.heart_rate_bpm is None
    assert "heart_rate_unknown" in codes(function)


def test_several_beats_are_seen_though_a_frame_has_no_ventricle(study_of):
    volumes = np.rint(100 + 40 * np.cos(2 * np.pi * 2 * np.arange(40) / 40))
    volumes[7] = 0
    times = tuple(np.arange(40) * 40.0)
    function = measure(*study_of(volumes, volumes, beat(100, 0, 40), frame_times_ms=times))
    assert function.heart_rate_bpm is None
    assert "several_beats" in codes(function)


def test_a_pair_of_frames_and_a_heart_rate_have_no_times(study_of):
    function = measure(*study_of([150, 60], [160, 80], [100, 100], heart_rate_bpm=60.0))
    assert function.curves.times_ms is None
    assert function.lv.co_l_min == pytest.approx(5.4)


@pytest.mark.parametrize(("beats", "frames"), [(2, 40), (5, 60), (6.25, 80)])
def test_a_cine_of_several_beats_has_its_ejection_fraction_and_a_warning_but_no_rates(beats, frames, study_of):
    volumes = np.rint(100 + 40 * np.cos(2 * np.pi * beats * np.arange(frames) / frames))
    times = tuple(np.arange(frames) * 40.0)
    function = measure(*study_of(volumes, volumes, beat(100, 0, frames), frame_times_ms=times))
    assert function.lv.ef_percent == pytest.approx(100 * 80 / 140, abs=1.0)
    assert function.heart_rate_bpm is None
    assert function.lv.peak_ejection_rate_ml_s is None
    assert ("several_beats", "warning") in {(note.code, note.severity) for note in function.notes}


def test_two_frame_times_are_no_heart_rate(study_of):
    function = measure(*study_of([150, 60], [160, 80], [100, 100], frame_times_ms=(0.0, 350.0)))
    assert function.heart_rate_bpm is None


def test_without_weight_nothing_is_indexed_and_the_note_names_the_weight(study_of):
    function = measure(*study_of([150, 60], [160, 80], [100, 100], patient=Patient(height_cm=180.0)))
    assert function.bsa_m2 is None
    assert function.lv.edv_index_ml_m2 is None
    (note,) = (note for note in function.notes if note.code == "body_size_unknown")
    assert "weight" in note.message
    assert "height" not in note.message


def test_nineteen_frames_have_no_rates_and_a_note_says_so(study_of):
    function = measure(*study_of(beat(110, 40, 19), beat(120, 40, 19), beat(100, 0, 19), heart_rate_bpm=75.0))
    assert function.lv.peak_ejection_rate_ml_s is None
    assert {"lv_no_peak_rates", "rv_no_peak_rates"} <= codes(function)


def test_without_frame_times_there_are_no_rates_and_the_note_asks_for_the_heart_rate(study_of):
    function = measure(*study_of(beat(110, 40), beat(120, 40), beat(100, 0)))
    assert function.lv.peak_filling_rate_ml_s is None
    assert any("give the heart rate" in note.message for note in function.notes if note.code == "lv_no_peak_rates")


def test_a_missing_left_ventricle_is_none_and_an_error_and_the_right_is_still_measured(study_of):
    function = measure(*study_of([0, 0], [160, 80], [0, 0]))
    assert function.lv.edv_ml is None
    assert function.lv.mass_ed_g is None
    assert function.rv.ef_percent == pytest.approx(50.0)
    (note,) = (note for note in function.notes if note.code == "lv_not_found")
    assert note.severity == "error"
    assert "myocardium_not_found" in codes(function)


def test_a_missing_right_ventricle_is_none_with_a_note(study_of):
    function = measure(*study_of([150, 60], None, [100, 100]))
    assert function.rv.edv_ml is None
    assert function.rv.ef_percent is None
    assert "rv_not_found" in codes(function)


def test_nothing_at_all_is_not_a_crash(study_of):
    function = measure(*study_of([0, 0]))
    assert function.es_frame is None
    assert {"lv_not_found", "rv_not_found", "myocardium_not_found"} <= codes(function)


def test_a_frame_where_the_ventricle_was_missed_is_named(study_of):
    volumes = beat(110, 40)
    volumes[10] = 0
    function = measure(*study_of(volumes, beat(120, 40), beat(100, 0), heart_rate_bpm=75.0))
    assert function.lv.esv_ml in (70.0, 72.0)  # its neighbors: 110 - 40 cos(18 degrees) = 72
    (note,) = (note for note in function.notes if note.code == "lv_not_found_in_frames")
    assert note.frame == 10


def test_each_missing_value_of_an_ed_es_pair_has_its_reason(study_of):
    function = measure(*study_of([150, 60], [160, 80], [100, 104]))
    missing = {metric.key for metric in METRICS if getattr(function.lv, metric.key) is None}
    reasons = {"heart_rate_unknown", "body_size_unknown", "lv_no_peak_rates", "rv_no_peak_rates"}
    assert codes(function) == reasons
    assert missing == {key for key in (m.key for m in METRICS) if "index" in key or "co_" in key or "ci_" in key} | {
        "peak_ejection_rate_ml_s",
        "peak_filling_rate_ml_s",
        "time_to_peak_ejection_ms",
        "time_to_peak_filling_ms",
    }


def test_only_segmented_frames_make_the_curve(study_of):
    function = measure(*study_of([150, 0, 0, 60], [160, 0, 0, 80], [100, 0, 0, 100], segmented=(0, 3)))
    assert function.curves.frames == (0, 3)
    assert function.curves.lv_ml == (150.0, 60.0)
    assert (function.ed_frame, function.es_frame) == (0, 3)
    assert function.curves.lv_smooth_ml is None


def test_frames_given_by_the_user_are_measured(study_of):
    study = study_of([150, 140, 60, 70], [160] * 4, [100] * 4)
    function = measure(*study, MeasureOptions(ed_frame=1, es_frame=3))
    assert function.lv.ef_percent == pytest.approx(50.0)


def test_a_segmentation_of_another_cine_is_refused(study_of):
    cine, _ = study_of([150, 60])
    _, other = study_of([150, 60, 70])
    with pytest.raises(UnusableInput, match="shape"):
        measure(cine, other)


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=120, columns=120))


def test_the_phantoms_labels_measure_as_its_truth(phantom):
    function, truth = measure(phantom.cine, phantom.segmentation), phantom.truth
    assert (function.ed_frame, function.es_frame) == (truth.ed_frame, truth.es_frame)
    assert function.lv.edv_ml == pytest.approx(truth.lv.edv_ml, rel=0.02)
    assert function.lv.ef_percent == pytest.approx(truth.lv.ef_percent, abs=1.0)
    assert function.rv.ef_percent == pytest.approx(truth.rv.ef_percent, abs=1.5)
    assert function.lv.mass_ed_g == pytest.approx(truth.mass_g, rel=0.02)


def test_an_atrium_drawn_as_ventricle_is_listed_and_adds_its_area_times_the_interval(phantom):
    before = measure(phantom.cine, phantom.segmentation)
    labels = phantom.segmentation.labels.copy()
    basal = max(before.lv_slices_es) + 1
    labels[before.es_frame, basal, 50:70, 50:70] = STORAGE.value_of(Structure.LV)
    after = measure(phantom.cine, replace(phantom.segmentation, labels=labels))
    assert set(after.lv_slices_es) - set(before.lv_slices_es) == {basal}
    assert after.lv.esv_ml - before.lv.esv_ml == pytest.approx(400 * 1.4**2 * 10 / 1000)
