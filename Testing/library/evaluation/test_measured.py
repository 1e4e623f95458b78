"""Measurements side by side: who is left out, and which way a difference is taken."""

import pytest

from CardioSAMLib.evaluation.measured import limits_of, measured_of
from CardioSAMLib.evaluation.metrics import STUDY_METRICS
from CardioSAMLib.evaluation.scores import StudyScore
from CardioSAMLib.labels import Structure

EF = next(metric for metric in STUDY_METRICS if metric.key == "lv_ef_percent")


def studies(*pairs):
    """Studies with (predicted, reference) ejection fractions, named a, b, c ..."""
    return [
        StudyScore(name, "", {EF.key: predicted}, {EF.key: reference}, None)
        for name, (predicted, reference) in zip("abcdef", pairs, strict=False)
    ]


def test_a_patient_without_one_of_both_values_is_left_out():
    measured = measured_of(studies((50.0, 52.0), (None, 40.0), (30.0, None)), EF)
    assert measured.patients == ("a",)


def test_a_difference_is_predicted_minus_reference_over_the_mean_of_both():
    measured = measured_of(studies((50.0, 52.0), (66.0, 60.0)), EF)
    assert measured.differences.tolist() == [-2.0, 6.0]
    assert measured.means.tolist() == [51.0, 63.0]


def test_two_patients_have_no_limits_of_agreement():
    assert limits_of(measured_of(studies((50.0, 52.0), (66.0, 60.0)), EF)) is None


def test_limits_carry_the_unit_of_the_error():
    limits = limits_of(measured_of(studies((49.0, 50.0), (60.0, 60.0), (71.0, 70.0)), EF))
    assert limits is not None
    assert (limits.bias, limits.sd, limits.unit) == (pytest.approx(0.0), pytest.approx(1.0), "points")


@pytest.mark.parametrize("metric", STUDY_METRICS, ids=lambda metric: metric.key)
def test_every_measurement_has_the_color_of_what_it_is_measured_on(metric):
    named = {"LV mass at end-diastole": Structure.MYO}
    expected = named.get(metric.title, Structure[metric.title[:2]])
    assert measured_of([], metric).structure is expected
