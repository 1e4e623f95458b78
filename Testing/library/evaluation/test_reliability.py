"""Claims about intraclass and concordance correlation, against published examples and statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from statsmodels.stats.anova import anova_lm

from CardioSAMLib.evaluation.reliability import concordance, icc_2_1, icc_3_1, mean_squares

# Shrout and Fleiss 1979, table 2: six targets by four judges.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)

# Steps of 0.1: differences are then either none or far above rounding.
tenths = st.integers(-5000, 5000).map(lambda value: value / 10)
ratings_of_two = st.lists(st.tuples(tenths, tenths), min_size=3, max_size=20).map(lambda rows: np.array(rows, float))


def test_mean_squares_of_the_judges_are_the_published_ones():
    # Shrout and Fleiss 1979, table 3.
    found = mean_squares(JUDGES)
    assert (found.n, found.k) == (6, 4)
    assert (found.rows, found.columns, found.error) == pytest.approx((11.24, 32.49, 1.02), abs=0.005)


def test_intraclass_correlations_of_the_judges_are_the_published_ones():
    # Shrout and Fleiss 1979, table 4: ICC(2,1) .29, ICC(3,1) .71.
    assert round(icc_2_1(JUDGES).value, 2) == 0.29
    assert round(icc_3_1(JUDGES).value, 2) == 0.71


def test_intervals_of_the_judges_are_those_of_r_psych():
    # The example of psych::ICC (Revelle): ICC2 0.019 to 0.76, ICC3 0.342 to 0.95.
    assert icc_2_1(JUDGES).ci == pytest.approx((0.019, 0.76), abs=0.005)
    assert icc_3_1(JUDGES).ci == pytest.approx((0.342, 0.946), abs=0.001)


def test_mean_squares_are_those_of_a_two_way_analysis_of_variance_in_statsmodels():
    ratings = np.random.default_rng(5).normal(120.0, 30.0, size=(12, 3)) + np.array([0.0, 4.0, -9.0])
    rows, columns = np.indices(ratings.shape)
    frame = pd.DataFrame({"value": ratings.ravel(), "row": rows.ravel(), "column": columns.ravel()})
    table = anova_lm(smf.ols("value ~ C(row) + C(column)", frame).fit())
    found = mean_squares(ratings)
    assert (found.rows, found.columns, found.error) == pytest.approx(tuple(table["mean_sq"]))


def test_the_interval_of_consistency_covers_the_truth_as_often_as_said():
    rng = np.random.default_rng(21)
    patients, noise = rng.normal(0.0, 3.0, size=(3000, 15, 1)), rng.normal(0.0, 1.5, size=(3000, 15, 2))
    truth = 9.0 / (9.0 + 2.25)
    covered = [low <= truth <= high for low, high in (icc_3_1(ratings).ci for ratings in patients + noise)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.012)


def test_an_offset_between_raters_lowers_absolute_agreement_only():
    shifted = JUDGES[:, :2] + np.array([0.0, 50.0])
    assert icc_3_1(shifted).value == pytest.approx(icc_3_1(JUDGES[:, :2]).value)
    assert icc_2_1(shifted).value < 0.1 * icc_2_1(JUDGES[:, :2]).value


def test_equal_raters_agree_fully():
    same = np.repeat(JUDGES[:, :1], 2, axis=1)
    for found in (icc_2_1(same), icc_3_1(same)):
        assert (found.value, found.ci) == (1.0, (1.0, 1.0))
    assert concordance(same[:, 0], same[:, 1]) == pytest.approx(1.0)


def test_a_pure_offset_is_full_consistency_and_the_absolute_agreement_of_the_variances():
    reference = np.array([1.0, 2.0, 3.0])
    ratings = np.stack([reference, reference + 1.0], axis=1)
    assert icc_3_1(ratings).value == 1.0
    # BMS = 2, JMS = 3 * 2 * 0.25 = 1.5, EMS = 0: 2 / (2 + 2 * 1.5 / 3).
    assert icc_2_1(ratings).value == pytest.approx(2.0 / 3.0)


def test_concordance_of_an_offset_by_hand():
    # Variances and covariance 2/3, means one apart: 2 * 2/3 / (2/3 + 2/3 + 1) = 4/7.
    reference = np.array([1.0, 2.0, 3.0])
    assert concordance(reference, reference + 1.0) == pytest.approx(4.0 / 7.0)


def test_patients_that_do_not_differ_have_no_reliability():
    ratings = np.array([[5.0, 6.0], [5.0, 6.0], [5.0, 6.0]])
    assert icc_2_1(ratings) is None
    assert icc_3_1(ratings) is None
    assert concordance(ratings[:, 0], ratings[:, 1]) == 0.0
    assert concordance(ratings[:, 0], ratings[:, 0]) is None


@settings(max_examples=100, deadline=None)
@given(ratings_of_two, st.integers(-200, 200))
def test_consistency_does_not_feel_a_constant_offset(ratings, offset):
    before, after = icc_3_1(ratings), icc_3_1(ratings + np.array([0.0, float(offset)]))
    assert (before is None) == (after is None)
    if before is not None:
        assert after.value == pytest.approx(before.value, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(ratings_of_two)
def test_concordance_is_never_stronger_than_correlation(ratings):
    first, second = ratings.T
    found = concordance(first, second)
    if found is not None and np.ptp(first) > 0 and np.ptp(second) > 0:
        assert abs(found) <= abs(np.corrcoef(first, second)[0, 1]) + 1e-9


@settings(max_examples=100, deadline=None)
@example(ratings=np.array([(0.0, 0.0), (0.0, 0.0), (-0.2, 0.3)]))
@given(ratings_of_two)
def test_an_intraclass_correlation_lies_within_its_interval_and_at_most_one(ratings):
    for found in (icc_2_1(ratings), icc_3_1(ratings)):
        if found is not None:
            assert found.ci[0] - 1e-9 <= found.value <= found.ci[1] + 1e-9
            assert found.ci[1] <= 1.0 + 1e-9
