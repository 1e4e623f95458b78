"""Predicted and reference labels of one study -> its scores per structure and frame, and per slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from CardioSAMLib.cine import Array, Geometry
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import score
from CardioSAMLib.evaluation.protocols.regions import regions
from CardioSAMLib.evaluation.scores import Phase, SliceScore, VolumeScore
from CardioSAMLib.labels import STORAGE, Structure


@dataclass(frozen=True)
class LabeledStudy:
    """What is compared: labels of end-diastole, end-systole or both, on the native grid of the images.

    predicted, reference: `(slices, rows, columns)` in the `STORAGE` order, by phase; a phase without a prediction is
    not scored. group: of the patients, "" where not known.
    """

    patient: str
    group: str
    predicted: Mapping[Phase, Array]
    reference: Mapping[Phase, Array]
    geometry: Geometry


def score_volumes(study: LabeledStudy) -> tuple[VolumeScore, ...]:
    """Each structure at each predicted phase, scored in 3D."""
    row_mm, column_mm, slice_mm = study.geometry.spacing_mm
    scores = []
    for phase, predicted in study.predicted.items():
        for structure in Structure:
            value = STORAGE.value_of(structure)
            pair = MaskPair(study.reference[phase] == value, predicted == value, (slice_mm, row_mm, column_mm))
            scores.append(VolumeScore(study.patient, study.group, phase, structure, pair.emptiness, score(pair)))
    return tuple(scores)


def score_slices(study: LabeledStudy) -> tuple[SliceScore, ...]:
    """Each structure in each slice of each predicted phase, scored in 2D; the region is that of the reference."""
    scores = []
    for phase, predicted in study.predicted.items():
        reference = study.reference[phase]
        for number, region in enumerate(regions(reference)):
            for structure in Structure:
                value = STORAGE.value_of(structure)
                pair = MaskPair(reference[number] == value, predicted[number] == value, study.geometry.spacing_mm[:2])
                scores.append(
                    SliceScore(
                        study.patient, study.group, phase, structure, number, region, pair.emptiness, score(pair)
                    )
                )
    return tuple(scores)
