"""How sure a statistic over patients is, without assuming a distribution."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.pairs import FEWEST_PATIENTS, Values, all_equal, present

_BATCH = 1000


def bootstrap_interval(
    values: Values,
    statistic: Callable[..., Any],
    *,
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Confidence interval of a statistic by resampling patients, bias-corrected and accelerated (BCa).

    values: one number per patient, None where missing (left out). Rows of one patient must be averaged before: two
    frames of a heart are no two patients. statistic: of a 1D array; faster if it takes `axis` as `numpy.mean` does.
    The same seed gives the same interval. Where all values are equal the interval is that point; where BCa does not
    exist (leaving out any one patient changes nothing) it is the percentile interval.
    Raises UnusableInput for fewer than three values, NaN or infinity.
    Efron B, Tibshirani RJ. An Introduction to the Bootstrap, 1993, chapter 14.
    """
    sample = present(values)
    if len(sample) < FEWEST_PATIENTS:
        raise UnusableInput(f"A bootstrap over {len(sample)} patients says nothing; give at least {FEWEST_PATIENTS}.")
    if all_equal(sample):
        point = float(statistic(sample))
        return point, point
    # scipy divides 0 by 0, and warns, where BCa does not exist; that case is handled below.
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (sample,),
            statistic,
            n_resamples=resamples,
            batch=_BATCH,
            confidence_level=level,
            method="BCa",
            random_state=np.random.default_rng(seed),
        )
    interval = result.confidence_interval
    if not (np.isfinite(interval.low) and np.isfinite(interval.high)):
        tail = 50.0 * (1.0 - level)
        low, high = np.percentile(result.bootstrap_distribution, [tail, 100.0 - tail])
        return float(low), float(high)
    return float(interval.low), float(interval.high)
