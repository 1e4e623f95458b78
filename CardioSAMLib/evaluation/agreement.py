"""How well a measurement agrees with a reference: all the numbers of the agreement table for one quantity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.bland_altman import DEFAULT_OPTIONS, AgreementOptions, BlandAltman, bland_altman
from CardioSAMLib.evaluation.pairs import CompletePairs, Values, all_equal, complete_pairs
from CardioSAMLib.evaluation.reliability import IntraclassCorrelation, concordance, icc_2_1, icc_3_1


@dataclass(frozen=True)
class Agreement:
    """Agreement of a predicted with a reference measurement. A value that does not exist is None; `notes` says why.

    n: complete pairs; dropped: pairs with a missing value. pearson_r: linear correlation, blind to offset and scale.
    determination: 1 - SSE / SST of the prediction itself, not of a line fitted to it; below 0 where the mean of the
    references would predict better. icc_2_1, icc_3_1: absolute agreement, consistency. ccc: Lin's concordance.
    mae, rmse: mean absolute and root mean square error, in `unit`. cv_percent: within-patient coefficient of variation
    of the two methods, 100 SD(differences) / sqrt(2) / mean of all values.
    """

    n: int
    dropped: int
    unit: str
    bland_altman: BlandAltman
    pearson_r: float | None
    determination: float | None
    icc_2_1: IntraclassCorrelation | None
    icc_3_1: IntraclassCorrelation | None
    ccc: float | None
    mae: float
    rmse: float
    cv_percent: float | None
    notes: tuple[str, ...]

    @property
    def pearson_r_squared(self) -> float | None:
        """Share of variance that a fitted line would explain. Not `determination`: a biased prediction has a high
        r squared and a low determination."""
        return None if self.pearson_r is None else self.pearson_r**2


def agreement(
    reference: Values, predicted: Values, options: AgreementOptions = DEFAULT_OPTIONS, *, unit: str = ""
) -> Agreement:
    """All numbers of agreement of one quantity, one value per patient in each of reference and predicted.

    unit: that of the values, for labels. `options` shape the Bland-Altman part; everything else is in units.
    Raises UnusableInput if the lengths differ, a value is NaN or infinite, or fewer than three pairs are complete.
    """
    pairs = complete_pairs(predicted, reference)
    ratings = np.stack([pairs.first, pairs.second], axis=1)
    limits = bland_altman(reference, predicted, options, unit=unit)
    correlation = pearson_r(pairs.first, pairs.second)
    explained = determination(pairs.second, pairs.first)
    absolute, concordant, cv_percent = icc_2_1(ratings), concordance(pairs.first, pairs.second), _cv_percent(pairs)
    reasons = (
        (correlation, "There is no correlation: the predicted or the reference values are all equal."),
        (explained, "There is no coefficient of determination: the reference values are all equal."),
        (absolute, "There is no intraclass correlation: the means of the pairs are all equal."),
        (concordant, "There is no concordance: all values are one and the same."),
        (cv_percent, "There is no coefficient of variation: the mean of all values is not positive."),
    )
    return Agreement(
        n=limits.n,
        dropped=pairs.dropped,
        unit=unit,
        bland_altman=limits,
        pearson_r=correlation,
        determination=explained,
        icc_2_1=absolute,
        icc_3_1=icc_3_1(ratings),
        ccc=concordant,
        mae=float(np.mean(np.abs(pairs.differences))),
        rmse=math.sqrt(float(np.mean(pairs.differences**2))),
        cv_percent=cv_percent,
        notes=(*limits.notes, *(sentence for value, sentence in reasons if value is None)),
    )


def pearson_r(first: Array, second: Array) -> float | None:
    """Pearson's product-moment correlation of float `(patients,)`; None if one of them does not vary."""
    if all_equal(first) or all_equal(second):
        return None
    return float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))


def determination(reference: Array, predicted: Array) -> float | None:
    """1 - sum((reference - predicted)^2) / sum((reference - mean(reference))^2), float `(patients,)`; None if the
    reference does not vary."""
    if all_equal(reference):
        return None
    error = float(np.sum((reference - predicted) ** 2))
    return 1.0 - error / float(np.sum((reference - reference.mean()) ** 2))


def _cv_percent(pairs: CompletePairs) -> float | None:
    mean = float((pairs.first.mean() + pairs.second.mean()) / 2.0)
    if mean <= 0.0:
        return None
    return 100.0 * float(np.std(pairs.differences, ddof=1)) / math.sqrt(2.0) / mean
