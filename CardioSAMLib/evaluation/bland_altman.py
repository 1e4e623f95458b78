"""How far two ways of measuring the same patients lie apart: bias and limits of agreement.

Bland JM, Altman DG. Lancet 1986;1:307-310, and Stat Methods Med Res 1999;8:135-160.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy import stats

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.evaluation.limit_intervals import LEVEL, LimitsInterval, upper_limit_factors
from CardioSAMLib.evaluation.pairs import CompletePairs, Values, all_equal, complete_pairs


class Difference(str, Enum):
    """What a difference is measured in. The value is the unit of a percentage."""

    UNITS = ""
    PERCENT_OF_MEAN = "% of the mean"
    PERCENT_OF_REFERENCE = "% of the reference"


@dataclass(frozen=True)
class AgreementOptions:
    """multiplier: the limits of agreement are bias +/- multiplier SD. Raises UnusableInput if it is not positive."""

    multiplier: float = 1.96
    difference: Difference = Difference.UNITS
    limits_interval: LimitsInterval = LimitsInterval.EXACT_PAIR

    def __post_init__(self) -> None:
        if not 0.0 < self.multiplier < math.inf:
            raise UnusableInput(f"Limits of agreement at {self.multiplier} SD make no sense; give 1.96 or 2.")


DEFAULT_OPTIONS = AgreementOptions()
ECHO_OPTIONS = AgreementOptions(multiplier=2.0, difference=Difference.PERCENT_OF_MEAN)
"""As in the echocardiography papers: limits at 2 SD of percent differences (Ferreira and Arnaout 2023)."""


@dataclass(frozen=True)
class BlandAltman:
    """Bias and limits of agreement of predicted minus reference, all in `unit` but for slope and p.

    n: pairs. bias, sd: mean and standard deviation (n - 1) of the differences. lower, upper: bias -/+ multiplier sd.
    bias_ci, lower_ci, upper_ci: 95 % confidence intervals; that of the bias from Student's t, those of the limits made
    as `limits_interval` says. slope: proportional bias, change of the difference per unit of the pair's mean (least
    squares); slope_p: that there is none, two-sided. Both None where they do not exist; `notes` says why.
    """

    n: int
    unit: str
    bias: float
    sd: float
    multiplier: float
    lower: float
    upper: float
    bias_ci: tuple[float, float]
    lower_ci: tuple[float, float]
    upper_ci: tuple[float, float]
    limits_interval: LimitsInterval
    slope: float | None
    slope_p: float | None
    notes: tuple[str, ...]


def bland_altman(
    reference: Values, predicted: Values, options: AgreementOptions = DEFAULT_OPTIONS, *, unit: str = ""
) -> BlandAltman:
    """Bias and limits of agreement of predicted minus reference, over the pairs that are complete.

    unit: that of the values, for labels. Raises UnusableInput as `complete_pairs` does, and for percent differences of
    values that are not positive.
    """
    pairs = complete_pairs(predicted, reference)
    differences = differences_of(pairs, options.difference)
    n, bias, sd = len(differences), float(np.mean(differences)), float(np.std(differences, ddof=1))
    near, far = upper_limit_factors(options.limits_interval, n, options.multiplier)
    bias_half = float(stats.t.ppf(0.5 + LEVEL / 2.0, n - 1)) * sd / math.sqrt(n)
    slope, slope_p, notes = _trend(pairs, options.difference)
    return BlandAltman(
        n=n,
        unit=options.difference.value or unit,
        bias=bias,
        sd=sd,
        multiplier=options.multiplier,
        lower=bias - options.multiplier * sd,
        upper=bias + options.multiplier * sd,
        bias_ci=(bias - bias_half, bias + bias_half),
        lower_ci=(bias - far * sd, bias - near * sd),
        upper_ci=(bias + near * sd, bias + far * sd),
        limits_interval=options.limits_interval,
        slope=slope,
        slope_p=slope_p,
        notes=notes,
    )


def differences_of(pairs: CompletePairs, difference: Difference) -> Array:
    """Predicted (first) minus reference (second), float `(patients,)`, as `difference` says.

    Raises UnusableInput for percent differences of values that are not positive.
    """
    if difference is Difference.UNITS:
        return pairs.differences
    base = pairs.second if difference is Difference.PERCENT_OF_REFERENCE else (pairs.first + pairs.second) / 2.0
    if np.any(base <= 0.0):
        raise UnusableInput(
            f"A difference in {difference.value} needs positive values, and {np.min(base):g} is among them; "
            "take differences in units."
        )
    return np.asarray(100.0 * pairs.differences / base)


def _trend(pairs: CompletePairs, difference: Difference) -> tuple[float | None, float | None, tuple[str, ...]]:
    means, differences = (pairs.first + pairs.second) / 2.0, differences_of(pairs, difference)
    if all_equal(means):
        return None, None, ("No proportional bias can be sought: the means of the pairs are all equal.",)
    if all_equal(differences, scale=float(np.max(np.abs(means))) if difference is Difference.UNITS else 100.0):
        return None, None, ("No proportional bias can be sought: the differences are all equal.",)
    # Over the mean of the pair, not the reference: over the reference even two equally good methods show a slope.
    line = stats.linregress(means, differences)
    return float(line.slope), float(line.pvalue), ()
