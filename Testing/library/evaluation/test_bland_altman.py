"""Claims about bias and limits of agreement, against Bland and Altman's own example and by geometry."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.bland_altman import ECHO_OPTIONS, AgreementOptions, Difference, bland_altman
from CardioSAMLib.evaluation.limit_intervals import LimitsInterval

# Bland and Altman, Lancet 1986;1:307, table: first readings of peak expiratory flow, L/min, 17 subjects.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]

volumes = st.floats(10.0, 400.0)
studies = st.lists(st.tuples(volumes, volumes), min_size=3, max_size=20)


def columns(study):
    return [a for a, _ in study], [b for _, b in study]


def test_the_peak_flow_example_has_its_published_numbers():
    options = AgreementOptions(multiplier=2.0, limits_interval=LimitsInterval.APPROXIMATE)
    found = bland_altman(MINI, WRIGHT, options, unit="L/min")
    assert found.n == 17
    assert found.unit == "L/min"
    assert (round(found.bias, 1), round(found.sd, 1)) == (-2.1, 38.8)
    # The paper goes on with the two rounded numbers, so its limits are up to 0.15 away.
    assert (found.lower, found.upper) == pytest.approx((-79.7, 75.5), abs=0.15)
    assert found.bias_ci == pytest.approx((-22.0, 17.8), abs=0.06)
    assert found.lower_ci == pytest.approx((-114.3, -45.1), abs=0.2)
    assert found.upper_ci == pytest.approx((40.9, 110.1), abs=0.2)


def test_the_default_interval_of_the_limits_uses_carkeets_factors():
    # Carkeet 2015, limits as a pair, 16 degrees of freedom: 1.4900 and 3.0824.
    found = bland_altman(MINI, WRIGHT)
    assert found.upper_ci == pytest.approx((found.bias + 1.49 * found.sd, found.bias + 3.0824 * found.sd), abs=0.01)
    assert found.lower_ci == pytest.approx((found.bias - 3.0824 * found.sd, found.bias - 1.49 * found.sd), abs=0.01)


def test_the_multiplier_is_said_and_sets_the_limits():
    at_196, at_2 = bland_altman(MINI, WRIGHT), bland_altman(MINI, WRIGHT, AgreementOptions(multiplier=2.0))
    assert (at_196.multiplier, at_2.multiplier) == (1.96, 2.0)
    assert at_2.upper - at_196.upper == pytest.approx(0.04 * at_2.sd)


def test_percent_of_the_mean_and_of_the_reference_are_different_numbers():
    reference, predicted = [100.0, 100.0, 100.0, 100.0], [150.0, 150.0, 150.0, 300.0]
    of_reference = bland_altman(reference, predicted, AgreementOptions(difference=Difference.PERCENT_OF_REFERENCE))
    of_mean = bland_altman(reference, predicted, ECHO_OPTIONS, unit="mL")
    assert of_reference.bias == pytest.approx((50 + 50 + 50 + 200) / 4)
    assert of_mean.bias == pytest.approx((40 + 40 + 40 + 100) / 4)
    assert of_reference.unit == "% of the reference"
    assert of_mean.unit == "% of the mean"
    assert of_mean.multiplier == 2.0


def test_percent_differences_of_values_that_are_not_positive_are_refused():
    with pytest.raises(UnusableInput, match="positive values"):
        bland_altman([0.0, 1.0, 2.0], [1.0, 1.0, 2.0], AgreementOptions(difference=Difference.PERCENT_OF_REFERENCE))


def test_limits_at_no_sd_are_refused():
    with pytest.raises(UnusableInput, match=r"1\.96 or 2"):
        AgreementOptions(multiplier=0.0)


def test_a_prediction_ten_percent_too_large_has_the_slope_of_that_proportion():
    reference = np.array([50.0, 80.0, 120.0, 200.0, 260.0])
    # Difference 0.1 r over the mean 1.05 r.
    assert bland_altman(reference, 1.1 * reference).slope == pytest.approx(0.1 / 1.05)


def test_the_slope_and_its_p_are_those_of_the_regression_of_difference_on_mean():
    a, b = np.array(WRIGHT, float), np.array(MINI, float)
    line = stats.linregress((a + b) / 2, a - b)
    found = bland_altman(MINI, WRIGHT)
    assert (found.slope, found.slope_p) == pytest.approx((line.slope, line.pvalue))
    # The p of the slope is that of the correlation of sum and difference (Pitman 1939): the two spreads are compared.
    assert found.slope_p == pytest.approx(stats.pearsonr(a + b, a - b).pvalue)


def test_equal_differences_have_no_trend_and_say_so():
    found = bland_altman([10.1, 20.2, 30.3], [15.1, 25.2, 35.3])
    assert (found.slope, found.slope_p) == (None, None)
    assert found.notes == ("No proportional bias can be sought: the differences are all equal.",)
    assert found.bias == pytest.approx(5.0)
    assert found.sd == pytest.approx(0.0, abs=1e-9)


def test_a_prediction_ten_percent_too_large_has_equal_percent_differences_and_no_trend():
    reference = np.array([50.3, 80.7, 120.1, 200.9, 260.2])
    found = bland_altman(reference, 1.1 * reference, AgreementOptions(difference=Difference.PERCENT_OF_REFERENCE))
    assert found.bias == pytest.approx(10.0)
    assert found.slope is None
    assert found.notes == ("No proportional bias can be sought: the differences are all equal.",)


def test_equal_means_have_no_trend_and_say_so():
    found = bland_altman([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    assert found.slope is None
    assert found.notes == ("No proportional bias can be sought: the means of the pairs are all equal.",)


@settings(max_examples=60, deadline=None)
@given(studies)
def test_swapping_the_methods_turns_everything_around(study):
    reference, predicted = columns(study)
    there, back = bland_altman(reference, predicted), bland_altman(predicted, reference)
    assert there.bias == pytest.approx(-back.bias)
    assert there.sd == pytest.approx(back.sd)
    assert (there.lower, there.upper) == pytest.approx((-back.upper, -back.lower))
    assert there.lower_ci == pytest.approx((-back.upper_ci[1], -back.upper_ci[0]))
    if there.slope is not None:
        assert there.slope == pytest.approx(-back.slope)


@settings(max_examples=60, deadline=None)
@given(studies, st.sampled_from(list(Difference)), st.sampled_from(list(LimitsInterval)))
def test_every_number_is_finite_and_each_limit_lies_within_its_interval(study, difference, method):
    found = bland_altman(*columns(study), AgreementOptions(difference=difference, limits_interval=method))
    numbers = [found.bias, found.sd, found.lower, found.upper, *found.bias_ci, *found.lower_ci, *found.upper_ci]
    numbers += [value for value in (found.slope, found.slope_p) if value is not None]
    assert all(math.isfinite(number) for number in numbers)
    assert found.lower_ci[0] <= found.lower <= found.lower_ci[1]
    assert found.upper_ci[0] <= found.upper <= found.upper_ci[1]
    assert found.bias_ci[0] <= found.bias <= found.bias_ci[1]
