"""Claims about the table of agreement of one quantity."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.agreement import agreement
from CardioSAMLib.evaluation.bland_altman import ECHO_OPTIONS
from CardioSAMLib.evaluation.reliability import IntraclassCorrelation

# Bland and Altman, Lancet 1986;1:307, table: first readings of peak expiratory flow, L/min, 17 subjects.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]

REFERENCE = [40.0, 50.0, 60.0, 70.0]


def test_the_correlation_of_the_two_peak_flow_meters_is_the_published_one():
    # "r = 0.94 (p < 0.001)", Bland and Altman 1986.
    assert round(agreement(MINI, WRIGHT).pearson_r, 2) == 0.94


def test_a_biased_predictor_has_a_perfect_r_squared_and_a_poor_determination():
    found = agreement(REFERENCE, [value + 10.0 for value in REFERENCE], unit="mL")
    assert found.pearson_r_squared == pytest.approx(1.0)
    # SSE = 4 * 100, SST = 225 + 25 + 25 + 225.
    assert found.determination == pytest.approx(1.0 - 400.0 / 500.0)
    assert (found.mae, found.rmse) == pytest.approx((10.0, 10.0))


def test_the_mean_of_the_references_as_prediction_has_no_determination_and_no_correlation():
    found = agreement(REFERENCE, [55.0] * 4)
    assert found.determination == pytest.approx(0.0)
    assert found.pearson_r is None
    assert "There is no correlation: the predicted or the reference values are all equal." in found.notes


def test_errors_by_hand():
    found = agreement(REFERENCE, [41.0, 48.0, 60.0, 73.0])
    assert found.mae == pytest.approx(6.0 / 4.0)
    assert found.rmse == pytest.approx(math.sqrt(14.0 / 4.0))
    # Differences 1, -2, 0, 3: mean 0.5, sum of squares about it 13, so SD sqrt(13 / 3). Mean of all: 55.25.
    assert found.cv_percent == pytest.approx(100.0 * math.sqrt(13.0 / 3.0) / math.sqrt(2.0) / 55.25)


def test_a_constant_reference_has_neither_correlation_nor_determination():
    found = agreement([50.0, 50.0, 50.0], [49.0, 50.0, 52.0])
    assert (found.pearson_r, found.pearson_r_squared, found.determination) == (None, None, None)
    assert "There is no coefficient of determination: the reference values are all equal." in found.notes
    assert found.ccc == pytest.approx(0.0)


def test_identical_measurements_agree_fully_without_a_trend():
    found = agreement(REFERENCE, REFERENCE)
    full = IntraclassCorrelation(1.0, (1.0, 1.0))
    assert (found.pearson_r, found.determination, found.ccc) == pytest.approx((1.0, 1.0, 1.0))
    assert (found.icc_2_1, found.icc_3_1) == (full, full)
    assert (found.mae, found.rmse, found.cv_percent) == (0.0, 0.0, 0.0)
    assert found.bland_altman.slope is None


def test_one_and_the_same_value_everywhere_leaves_only_errors_and_five_reasons():
    found = agreement([5.0] * 3, [5.0] * 3)
    assert (found.pearson_r, found.determination, found.icc_2_1, found.icc_3_1, found.ccc) == (None,) * 5
    assert found.mae == 0.0
    assert len(found.notes) == 5


def test_values_around_zero_have_no_coefficient_of_variation():
    found = agreement([-1.0, 0.0, 1.0], [-1.5, 0.0, 1.5])
    assert found.cv_percent is None
    assert "There is no coefficient of variation: the mean of all values is not positive." in found.notes


def test_missing_values_are_dropped_in_pairs_and_counted():
    found = agreement([*REFERENCE, 80.0, None], [*REFERENCE, None, 10.0])
    assert (found.n, found.dropped) == (4, 2)
    assert found.mae == 0.0


def test_two_pairs_are_too_few():
    with pytest.raises(UnusableInput, match="at least 3"):
        agreement([1.0, 2.0], [1.0, 2.0])


def test_options_shape_the_limits_but_not_the_errors():
    found = agreement(MINI, WRIGHT, ECHO_OPTIONS, unit="L/min")
    assert (found.unit, found.bland_altman.unit) == ("L/min", "% of the mean")
    assert found.mae == agreement(MINI, WRIGHT).mae


tenths = st.integers(1, 4000).map(lambda value: value / 10)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(tenths, tenths), min_size=3, max_size=20))
def test_relations_that_hold_for_all_data(study):
    reference, predicted = np.array(study).T
    found = agreement(reference, predicted)
    assert abs(found.bland_altman.bias) <= found.mae + 1e-9
    assert found.mae <= found.rmse + 1e-9
    # RMSE^2 = bias^2 + SD^2 (n - 1) / n
    n, limits = found.n, found.bland_altman
    assert found.rmse**2 == pytest.approx(limits.bias**2 + limits.sd**2 * (n - 1) / n, abs=1e-6)
    if found.determination is not None and found.pearson_r_squared is not None:
        assert found.determination <= found.pearson_r_squared + 1e-9
        assert found.pearson_r == pytest.approx(stats.pearsonr(reference, predicted).statistic, abs=1e-9)
    numbers = (found.pearson_r, found.determination, found.ccc, found.cv_percent)
    assert all(number is None or math.isfinite(number) for number in numbers)
