"""How sure limits of agreement are: factors k, so that `bias + k SD` bounds the confidence interval of a limit.

All rest on normally distributed differences. n: pairs; multiplier m: the limits are bias +/- m SD.
Carkeet A. Exact parametric confidence intervals for Bland-Altman limits of agreement. Optom Vis Sci 2015;92:e71-e80.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

import numpy as np
from scipy import optimize, stats

LEVEL = 0.95
"""Confidence level of every interval of agreement."""

_ALPHA_HALF = (1.0 - LEVEL) / 2.0
_NODES = 64
_FARTHEST_SD = 9.0


class LimitsInterval(str, Enum):
    """How the confidence intervals of the limits of agreement are made.

    EXACT_PAIR: both limits together (Carkeet 2015, what he advises for most uses). EXACT_SINGLE: each limit alone
    (Carkeet 2015). APPROXIMATE: standard error sqrt(3 / n) SD (Bland and Altman 1986), too narrow outward in small
    samples.
    """

    EXACT_PAIR = "exact_pair"
    EXACT_SINGLE = "exact_single"
    APPROXIMATE = "approximate"


def upper_limit_factors(method: LimitsInterval, n: int, multiplier: float) -> tuple[float, float]:
    """The two k of the 95 % confidence interval of the upper limit; those of the lower limit are their negatives."""
    return _FACTORS[method](n, multiplier)


def one_sided_factor(n: int, multiplier: float, confidence: float) -> float:
    """k for which mean + k SD of n normal values lies above their true mean + multiplier SD with this confidence.

    k = t'(confidence; n - 1, multiplier sqrt(n)) / sqrt(n) with the quantile t' of the noncentral t distribution
    (Owen 1963; Carkeet 2015, limits considered individually).
    """
    root_n = math.sqrt(n)
    return float(stats.nct.ppf(confidence, n - 1, multiplier * root_n)) / root_n


def two_sided_factor(n: int, multiplier: float, confidence: float) -> float:
    """k for which mean +/- k SD of n normal values holds the share 2 Phi(multiplier) - 1 of all with this confidence.

    The exact two-sided tolerance factor: the root of E_z[P(chi2(n - 1) > (n - 1) r(z)^2 / k^2)] = confidence, where z
    is the error of the mean in SD, normal with variance 1 / n, and r(z)^2 is the quantile of the noncentral chi-square
    with 1 degree of freedom and noncentrality z^2 at the share (Odeh 1978; Carkeet 2015, limits considered as a pair).
    """
    share = 2.0 * float(stats.norm.cdf(multiplier)) - 1.0
    # The integrand is even and smooth: Gauss-Legendre on one side, out to where the normal density is 1e-18.
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    t = 0.5 * _FARTHEST_SD * (nodes + 1.0)
    density = _FARTHEST_SD * weights * stats.norm.pdf(t)
    radius2 = stats.ncx2.ppf(share, 1, t**2 / n)

    def excess(k: float) -> float:
        return float(np.sum(density * stats.chi2.sf((n - 1) * radius2 / k**2, n - 1))) - confidence

    return float(optimize.brentq(excess, 0.01 * multiplier, 1000.0 * multiplier, xtol=1e-10))


def _exact_pair(n: int, multiplier: float) -> tuple[float, float]:
    return two_sided_factor(n, multiplier, _ALPHA_HALF), two_sided_factor(n, multiplier, 1.0 - _ALPHA_HALF)


def _exact_single(n: int, multiplier: float) -> tuple[float, float]:
    return one_sided_factor(n, multiplier, _ALPHA_HALF), one_sided_factor(n, multiplier, 1.0 - _ALPHA_HALF)


def _approximate(n: int, multiplier: float) -> tuple[float, float]:
    half = float(stats.t.ppf(1.0 - _ALPHA_HALF, n - 1)) * math.sqrt(3.0 / n)
    return multiplier - half, multiplier + half


_FACTORS: dict[LimitsInterval, Callable[[int, float], tuple[float, float]]] = {
    LimitsInterval.EXACT_PAIR: _exact_pair,
    LimitsInterval.EXACT_SINGLE: _exact_single,
    LimitsInterval.APPROXIMATE: _approximate,
}
