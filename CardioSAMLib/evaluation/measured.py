"""One measurement of many patients from predicted and from reference contours, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.bland_altman import BlandAltman, bland_altman
from CardioSAMLib.evaluation.metrics import StudyMetric
from CardioSAMLib.evaluation.pairs import FEWEST_PATIENTS
from CardioSAMLib.evaluation.scores import StudyScore
from CardioSAMLib.labels import Structure


@dataclass(frozen=True, eq=False)
class Measured:
    """The patients that have the measurement from both contours.

    patients: names. predicted, reference: float `(patients,)` in the metric's unit.
    """

    metric: StudyMetric
    patients: tuple[str, ...]
    predicted: Array
    reference: Array

    @property
    def differences(self) -> Array:
        """Predicted minus reference, float `(patients,)`, in the metric's error unit."""
        return np.asarray(self.predicted - self.reference)

    @property
    def means(self) -> Array:
        """Mean of predicted and reference, float `(patients,)`: the horizontal axis of Bland and Altman."""
        return np.asarray((self.predicted + self.reference) / 2.0)

    @property
    def structure(self) -> Structure:
        """Whose contours the measurement comes from; it gives the color."""
        if "mass" in self.metric.key:
            return Structure.MYO
        return Structure.RV if self.metric.key.startswith("rv_") else Structure.LV


def measured_of(studies: Iterable[StudyScore], metric: StudyMetric) -> Measured:
    """One measurement of those studies that have it from both contours, in the order given."""
    found = [
        (study.patient, predicted, reference)
        for study in studies
        if (predicted := study.predicted.get(metric.key)) is not None
        and (reference := study.reference.get(metric.key)) is not None
    ]
    return Measured(
        metric,
        tuple(patient for patient, _, _ in found),
        np.array([predicted for _, predicted, _ in found], dtype=float),
        np.array([reference for _, _, reference in found], dtype=float),
    )


def limits_of(measured: Measured) -> BlandAltman | None:
    """Bias and limits of agreement (1.96 SD, in units); None with fewer patients than that takes."""
    if len(measured.patients) < FEWEST_PATIENTS:
        return None
    return bland_altman(measured.reference, measured.predicted, unit=measured.metric.error_unit)
