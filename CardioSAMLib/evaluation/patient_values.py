"""One number per patient from the scores of the volumes: what means and tests are made of (docs/statistics.md)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping

from CardioSAMLib.evaluation.scores import PatientScores, Phase
from CardioSAMLib.labels import Structure


def patient_values(
    patients: Iterable[PatientScores], metric_key: str, structure: Structure | None = None, phase: Phase | None = None
) -> dict[str, float]:
    """The metric of each patient, by name, in the order given.

    structure, phase: None averages over all of them: first over the structures of a frame, then over the frames, so
    that a frame with fewer structures weighs as much as another. Patients without such a volume are left out.
    """
    values = {}
    for patient in patients:
        frames = [
            [
                volume.values[metric_key]
                for volume in patient.volumes
                if volume.phase is each and structure in (None, volume.structure) and metric_key in volume.values
            ]
            for each in ((phase,) if phase is not None else Phase)
        ]
        means = [statistics.fmean(scores) for scores in frames if scores]
        if means:
            values[patient.patient] = statistics.fmean(means)
    return values


def worst_patients(patients: Iterable[PatientScores], count: int) -> tuple[tuple[str, float], ...]:
    """The names of so many patients with the lowest mean Dice, and that Dice, worst first."""
    dice: Mapping[str, float] = patient_values(patients, "dice")
    return tuple(sorted(dice.items(), key=lambda item: (item[1], item[0]))[:count])
