"""Claims about the factors behind the intervals of limits of agreement, against published tables and by simulation."""

import numpy as np
import pytest
from scipy import stats

from CardioSAMLib.evaluation.limit_intervals import (
    LimitsInterval,
    one_sided_factor,
    two_sided_factor,
    upper_limit_factors,
)

Z95 = float(stats.norm.ppf(0.975))
"""Carkeet's limits hold 95 % of the population exactly, so 1.95996 SD and not 1.96."""


@pytest.mark.parametrize(
    ("degrees_of_freedom", "inner", "inner_90", "outer_90", "outer"),
    [
        (1, 0.9744, 1.1237, 36.5192, 73.0772),
        (2, 1.1051, 1.2333, 9.7888, 13.9396),
        (9, 1.3915, 1.4778, 3.3934, 3.7706),
        (16, 1.4900, 1.5619, 2.8683, 3.0824),
        (30, 1.5856, 1.6434, 2.5414, 2.6685),
        (74, 1.6982, 1.7390, 2.2862, 2.3534),
    ],
)
def test_factors_of_the_pair_are_those_of_carkeets_table(degrees_of_freedom, inner, inner_90, outer_90, outer):
    # Carkeet 2015, coefficients for limits considered as a pair, four decimals (also in the tests of pyCompare, MIT).
    found = [two_sided_factor(degrees_of_freedom + 1, Z95, level) for level in (0.025, 0.05, 0.95, 0.975)]
    assert found == pytest.approx([inner, inner_90, outer_90, outer], abs=6e-5)


@pytest.mark.parametrize(("n", "k"), [(5, 4.203), (10, 2.911), (15, 2.566), (20, 2.396), (50, 2.065)])
def test_factors_of_a_single_limit_are_those_of_the_one_sided_tables(n, k):
    # Owen 1963; the same in ISO 16269-6: share 0.95, confidence 0.95.
    assert one_sided_factor(n, float(stats.norm.ppf(0.95)), 0.95) == pytest.approx(k, abs=6e-4)


def test_each_limit_alone_is_covered_as_often_as_said():
    rng = np.random.default_rng(11)
    n, repeats = 8, 20_000
    differences = rng.normal(3.0, 2.0, size=(repeats, n))
    low, high = upper_limit_factors(LimitsInterval.EXACT_SINGLE, n, 1.96)
    mean, sd = differences.mean(axis=1), differences.std(axis=1, ddof=1)
    limit = 3.0 + 1.96 * 2.0
    assert np.mean(mean + low * sd > limit) == pytest.approx(0.025, abs=0.005)
    assert np.mean(mean + high * sd < limit) == pytest.approx(0.025, abs=0.005)


def test_the_outer_pair_holds_the_share_of_the_limits_in_97_5_and_the_inner_in_2_5_percent_of_samples():
    rng = np.random.default_rng(12)
    n, repeats = 8, 20_000
    samples = rng.normal(size=(repeats, n))
    mean, sd = samples.mean(axis=1), samples.std(axis=1, ddof=1)
    share = stats.norm.cdf(2.0) - stats.norm.cdf(-2.0)
    for k, expected in zip(upper_limit_factors(LimitsInterval.EXACT_PAIR, n, 2.0), (0.025, 0.975), strict=True):
        held = stats.norm.cdf(mean + k * sd) - stats.norm.cdf(mean - k * sd)
        assert np.mean(held >= share) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("method", list(LimitsInterval))
def test_intervals_close_in_on_the_multiplier_as_patients_are_added(method):
    ends = np.array([upper_limit_factors(method, n, 1.96) for n in (5, 20, 100, 1000, 10_000)])
    assert np.all(np.diff(ends[:, 0]) > 0)
    assert np.all(np.diff(ends[:, 1]) < 0)
    assert ends[-1] == pytest.approx([1.96, 1.96], abs=0.04)
    assert np.all(ends[:, 0] < 1.96)
    assert np.all(ends[:, 1] > 1.96)


def test_the_approximate_interval_is_too_short_outward_in_small_samples():
    approximate, exact = LimitsInterval.APPROXIMATE, LimitsInterval.EXACT_SINGLE
    assert upper_limit_factors(approximate, 10, 1.96)[1] < upper_limit_factors(exact, 10, 1.96)[1]
