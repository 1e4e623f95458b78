"""Claims about bootstrap intervals over patients."""

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.bootstrap import bootstrap_interval

# Efron and Tibshirani 1993, table 14.1: spatial test, score A of 26 neurologically impaired children.
SPATIAL = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]


def test_the_interval_of_the_spatial_test_variance_is_the_published_one():
    # Table 14.2: variance 171.5, BCa 90 % interval 115.8 to 259.6 with 2000 resamples; percentile 100.8 to 233.9.
    assert np.var(SPATIAL) == pytest.approx(171.5, abs=0.05)
    low, high = bootstrap_interval(SPATIAL, np.var, level=0.90)
    assert low == pytest.approx(115.8, abs=3.0)
    assert high == pytest.approx(259.6, abs=6.0)


def test_the_mean_of_many_normal_values_has_the_interval_of_the_t_distribution():
    values = np.random.default_rng(3).normal(60.0, 10.0, size=400)
    half = 1.966 * values.std(ddof=1) / 20.0
    assert bootstrap_interval(values, np.mean) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.06)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    assert bootstrap_interval(SPATIAL, np.mean, seed=4) == bootstrap_interval(SPATIAL, np.mean, seed=4)
    assert bootstrap_interval(SPATIAL, np.mean, seed=4) != bootstrap_interval(SPATIAL, np.mean, seed=5)


def test_a_higher_level_gives_a_wider_interval():
    low_90, high_90 = bootstrap_interval(SPATIAL, np.mean, level=0.90)
    low_99, high_99 = bootstrap_interval(SPATIAL, np.mean, level=0.99)
    assert low_99 < low_90 < np.mean(SPATIAL) < high_90 < high_99


def test_missing_patients_are_left_out():
    assert bootstrap_interval([*SPATIAL, None], np.mean) == bootstrap_interval(SPATIAL, np.mean)


def test_a_statistic_without_axis_is_taken_too():
    def middle(values):
        return float(np.median(values))

    looped = bootstrap_interval(SPATIAL, middle, resamples=500)
    assert looped == bootstrap_interval(SPATIAL, np.median, resamples=500)


def test_equal_values_have_a_point_for_an_interval():
    assert bootstrap_interval([0.9, 0.9, 0.9], np.mean) == pytest.approx((0.9, 0.9))


def test_where_leaving_out_one_patient_changes_nothing_the_interval_is_the_percentile_one():
    # Medians of resamples of 20 zeros and a one are zero but for about one in 10^9.
    assert bootstrap_interval([0.0] * 20 + [1.0], np.median) == (0.0, 0.0)


def test_two_patients_are_too_few():
    with pytest.raises(UnusableInput, match="at least 3"):
        bootstrap_interval([1.0, 2.0, None], np.mean)
