"""How much of the variation between patients two or more ways of measuring share: intraclass and concordance
correlation.

Shrout PE, Fleiss JL. Psychol Bull 1979;86:420-428. McGraw KO, Wong SP. Psychol Methods 1996;1:30-46.
Lin LI. Biometrics 1989;45:255-268.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.limit_intervals import LEVEL
from CardioSAMLib.evaluation.pairs import EQUAL_WITHIN, all_equal


@dataclass(frozen=True)
class IntraclassCorrelation:
    """value: at most 1; below 0 where raters agree less than by chance. ci: 95 % confidence interval."""

    value: float
    ci: tuple[float, float]


@dataclass(frozen=True)
class MeanSquares:
    """Two-way analysis of variance without repeats: n patients (rows) by k raters (columns).

    rows, columns, error: mean squares BMS, JMS and EMS of Shrout and Fleiss; 0 where there is rounding only.
    """

    n: int
    k: int
    rows: float
    columns: float
    error: float


def mean_squares(ratings: Array) -> MeanSquares:
    """The mean squares of ratings, float `(patients, raters)`, at least 2 by 2."""
    n, k = ratings.shape
    grand = ratings.mean()
    by_row, by_column = ratings.mean(axis=1), ratings.mean(axis=0)
    residual = ratings - by_row[:, None] - by_column[None, :] + grand
    rounding = float(EQUAL_WITHIN * np.max(np.abs(ratings))) ** 2

    def cleaned(mean_square: float) -> float:
        return 0.0 if mean_square <= rounding else mean_square

    return MeanSquares(
        n=n,
        k=k,
        rows=cleaned(float(k * np.sum((by_row - grand) ** 2) / (n - 1))),
        columns=cleaned(float(n * np.sum((by_column - grand) ** 2) / (k - 1))),
        error=cleaned(float(np.sum(residual**2) / ((n - 1) * (k - 1)))),
    )


def icc_2_1(ratings: Array) -> IntraclassCorrelation | None:
    """ICC(2,1), absolute agreement of single ratings by raters who stand for others; an offset between them counts.

    (BMS - EMS) / (BMS + (k - 1) EMS + k (JMS - EMS) / n); interval by the F distribution with Satterthwaite's degrees
    of freedom (McGraw and Wong 1996, ICC(A,1)). ratings: float `(patients, raters)`. None if the means of the patients
    are all equal.
    """
    ms = mean_squares(ratings)
    if ms.rows == 0.0:
        return None
    if ms.columns == 0.0 and ms.error == 0.0:
        return IntraclassCorrelation(1.0, (1.0, 1.0))
    n, k = ms.n, ms.k
    value = (ms.rows - ms.error) / (ms.rows + (k - 1) * ms.error + k * (ms.columns - ms.error) / n)
    # McGraw and Wong's a = k rho / (n (1 - rho)) and b = 1 + (n - 1) a with rho written out, so that rho = 1 is no
    # division by zero; a JMS + b EMS is then BMS.
    a = (ms.rows - ms.error) / (ms.columns + (n - 1) * ms.error)
    b = 1.0 + (n - 1) * a
    freedom = ms.rows**2 / ((a * ms.columns) ** 2 / (k - 1) + (b * ms.error) ** 2 / ((n - 1) * (k - 1)))
    f_low = float(stats.f.ppf(0.5 + LEVEL / 2.0, n - 1, freedom))
    f_high = float(stats.f.ppf(0.5 + LEVEL / 2.0, freedom, n - 1))
    raters = k * ms.columns + (k * n - k - n) * ms.error
    # Divided by F, which is infinite where next to no degrees of freedom are left.
    low = n * (ms.rows / f_low - ms.error) / (raters + n * ms.rows / f_low)
    high = n * (f_high * ms.rows - ms.error) / (raters + n * f_high * ms.rows)
    # With less than one degree of freedom Satterthwaite's approximation can miss the estimate itself.
    return IntraclassCorrelation(value, (min(low, value), max(high, value)))


def icc_3_1(ratings: Array) -> IntraclassCorrelation | None:
    """ICC(3,1), consistency of single ratings by these very raters; an offset between them does not count.

    (BMS - EMS) / (BMS + (k - 1) EMS); interval by the F distribution (Shrout and Fleiss 1979). ratings: float
    `(patients, raters)`. None if the means of the patients are all equal.
    """
    ms = mean_squares(ratings)
    if ms.rows == 0.0:
        return None
    if ms.error == 0.0:
        return IntraclassCorrelation(1.0, (1.0, 1.0))
    within = (ms.n - 1) * (ms.k - 1)
    ratio = ms.rows / ms.error
    low = ratio / float(stats.f.ppf(0.5 + LEVEL / 2.0, ms.n - 1, within))
    high = ratio * float(stats.f.ppf(0.5 + LEVEL / 2.0, within, ms.n - 1))

    def consistency(f: float) -> float:
        return (f - 1.0) / (f + ms.k - 1.0)

    return IntraclassCorrelation(consistency(ratio), (consistency(low), consistency(high)))


def concordance(first: Array, second: Array) -> float | None:
    """Lin's concordance correlation coefficient, 2 s12 / (s1^2 + s2^2 + (m1 - m2)^2): 1 on the line of identity only.

    first, second: float `(patients,)`. Variances and covariance over n, as Lin 1989 has them. None if all values are
    one and the same.
    """
    if all_equal(np.concatenate([first, second])):
        return None
    covariance = float(np.mean((first - first.mean()) * (second - second.mean())))
    spread = float(np.var(first) + np.var(second) + (first.mean() - second.mean()) ** 2)
    return 2.0 * covariance / spread
