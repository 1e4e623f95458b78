"""Claims about comparisons, against published examples and statsmodels."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.comparison import compare_groups, compare_paired, holm

# Student, Biometrika 1908;6:1: hours of sleep gained by ten patients with two drugs; R's data set `sleep`.
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

# Hollander and Wolfe, Nonparametric Statistical Methods, 1973: depression scale of nine patients at two visits (p. 29),
# permeability of two kinds of membrane (p. 69); both are examples of R's wilcox.test.
FIRST_VISIT = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
SECOND_VISIT = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
AT_TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]


def test_the_t_test_of_students_sleep_is_the_published_one():
    # t = -4.0621 with 9 degrees of freedom, p = 0.002833, mean difference -1.58 (R, help of t.test).
    found = compare_paired(DRUG_1, DRUG_2)
    assert found.n == 10
    assert found.mean_difference == pytest.approx(-1.58)
    assert found.t_p == pytest.approx(0.002833, abs=5e-7)
    assert found.d_z == pytest.approx(-4.0621 / math.sqrt(10), abs=1e-5)


def test_the_pooled_effect_size_of_students_sleep_is_the_published_one():
    # Variances 3.200556 and 4.009000 (R): -1.58 / sqrt of their mean.
    assert compare_paired(DRUG_1, DRUG_2).d_pooled == pytest.approx(-1.58 / math.sqrt((3.200556 + 4.009) / 2), abs=1e-6)


def test_the_signed_rank_test_of_the_depression_scale_is_the_published_one():
    # V = 40, one-sided p = 0.01953.
    assert compare_paired(FIRST_VISIT, SECOND_VISIT).wilcoxon_p == pytest.approx(2 * 0.01953, abs=1e-5)


def test_zero_differences_are_left_out_of_the_signed_rank_test():
    # Nine of ten patients slept longer with drug 2, one as long: all nine ranks on one side, p = 2 / 2^9.
    assert compare_paired(DRUG_1, DRUG_2).wilcoxon_p == pytest.approx(2 / 2**9)


def test_the_rank_biserial_by_hand():
    # Sizes 1, 2, 3, 4 and a zero: the negative one has rank 2 of 10.
    assert compare_paired([1.0, -2.0, 3.0, 4.0, 0.0], [0.0] * 5).rank_biserial == pytest.approx((8 - 2) / 10)
    assert compare_paired([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).rank_biserial == 0.0


def test_the_interval_of_the_mean_difference_is_seeded_and_holds_it():
    found = compare_paired(FIRST_VISIT, SECOND_VISIT, seed=7)
    assert found.ci[0] < found.mean_difference < found.ci[1]
    assert found.ci == compare_paired(FIRST_VISIT, SECOND_VISIT, seed=7).ci
    assert found.ci != compare_paired(FIRST_VISIT, SECOND_VISIT, seed=8).ci


def test_no_difference_at_all_is_p_one_and_effect_zero_and_says_so():
    found = compare_paired(DRUG_1, DRUG_1)
    assert (found.mean_difference, found.ci) == (0.0, (0.0, 0.0))
    assert (found.t_p, found.wilcoxon_p, found.d_z, found.d_pooled) == (1.0, 1.0, 0.0, 0.0)
    assert found.notes == ("All differences are zero: p is 1 and the effect 0 by definition, not by a test.",)


def test_the_same_difference_everywhere_has_no_t_test_and_says_so():
    found = compare_paired([value + 0.1 for value in FIRST_VISIT], FIRST_VISIT)
    assert (found.t_p, found.d_z) == (None, None)
    assert found.ci == pytest.approx((0.1, 0.1))
    assert found.wilcoxon_p == pytest.approx(2 / 2**9)
    assert found.notes == ("All differences are equal: there is no spread for a t test or for d_z.",)


def test_values_without_spread_have_no_pooled_effect_size_and_say_so():
    found = compare_paired([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])
    assert found.d_pooled is None
    assert "The values of both do not vary: there is no pooled SD for d_pooled." in found.notes


def test_missing_values_are_dropped_in_pairs_and_counted():
    found = compare_paired([*DRUG_1, None, 1.0], [*DRUG_2, 1.0, None])
    assert (found.n, found.dropped) == (10, 2)
    assert found.mean_difference == pytest.approx(-1.58)


def test_swapping_a_and_b_turns_the_effect_around():
    there, back = compare_paired(DRUG_1, DRUG_2), compare_paired(DRUG_2, DRUG_1)
    assert (there.d_z, there.d_pooled) == pytest.approx((-back.d_z, -back.d_pooled))
    assert (there.t_p, there.wilcoxon_p) == pytest.approx((back.t_p, back.wilcoxon_p))


def test_the_rank_sum_test_of_the_membranes_is_the_published_one():
    # W = 35, one-sided p = 0.1272.
    found = compare_groups(AT_TERM, EARLY)
    assert (found.n_a, found.n_b, found.u) == (10, 5, 35.0)
    assert found.p == pytest.approx(2 * 0.1272, abs=1e-4)
    assert found.rank_biserial == pytest.approx(2 * 35 / 50 - 1)


def test_a_group_that_is_larger_throughout_has_a_rank_biserial_of_one():
    assert compare_groups([4, 5, 6], [1, 2, 3]).rank_biserial == 1.0
    assert compare_groups([1, 2, 3], [4, 5, 6]).rank_biserial == -1.0
    assert compare_groups([1, 4], [1, 4]).rank_biserial == 0.0


def test_groups_of_one_value_do_not_differ_and_say_so():
    found = compare_groups([1.0, 1.0, None], [1.0])
    assert (found.p, found.rank_biserial, found.dropped) == (1.0, 0.0, 1)
    assert found.notes == (
        "All values of both groups are equal: p is 1 and the effect 0 by definition, not by a test.",
    )


def test_an_empty_group_is_refused():
    with pytest.raises(UnusableInput, match="2 and 0 values"):
        compare_groups([1.0, 2.0], [None])


def test_holm_by_hand():
    # Ascending .005 .01 .03 .04 times 4 3 2 1: .02 .03 .06 .04, and the last may not fall below .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_of_nothing_is_nothing():
    assert holm([]) == ()


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_p(bad):
    with pytest.raises(UnusableInput, match="outside 0 to 1"):
        holm([0.5, bad])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], rtol=1e-12)
