"""A patient whose contours are known at end-diastole and end-systole, and how contours are scored against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import score
from CardioSAMLib.function.volumes import volumes_ml
from CardioSAMLib.io import load_acdc_patient, load_cine
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.resources import DEFAULT_PROMPTABLE_ID, find_model
from CardioSAMLib.segmentation import EmbeddingCache, HeartBox, Prompter, heart_box_of, promptable_of
from CardioSAMLib.segmentation.propagation import SliceKey

THREADS = 1


@dataclass(frozen=True, eq=False)
class Study:
    """A patient with reference labels at two frames. labels: `(2, slices, rows, columns)`, ED and ES."""

    name: str
    cine: Cine
    ed: int
    es: int
    labels: Array

    @property
    def region(self) -> HeartBox:
        return heart_box_of(self.labels[0], self.cine.geometry.spacing_mm[:2])

    @property
    def drawn(self) -> list[int]:
        """Slices with contours at end-diastole."""
        return [number for number, plane in enumerate(self.labels[0]) if plane.any()]

    @property
    def middle(self) -> int:
        """Of the slices with all structures at end-diastole the middle one."""
        whole = [n for n in self.drawn if all((self.labels[0, n] == value).any() for value in STORAGE.structures)]
        return whole[len(whole) // 2]

    def with_sources(self, numbers: Sequence[int]) -> tuple[CineSegmentation, list[SliceKey]]:
        """The segmentation in which the expert has drawn these slices at end-diastole, and their keys."""
        labels = np.zeros(self.cine.pixels.shape, np.uint8)
        labels[self.ed, list(numbers)] = self.labels[0, list(numbers)]
        return CineSegmentation(labels, (self.ed,), Provenance("expert")), [(self.ed, number) for number in numbers]


def study_of(folder: Path) -> Study:
    patient = load_acdc_patient(folder)
    if patient.labels is None:
        raise SystemExit(f"{folder.name} has no expert labels.")
    if folder.parent.name == "acdc":
        return Study(folder.name, patient.cine, 0, 1, patient.labels)
    return Study(folder.name, load_cine(folder), patient.ed_frame, patient.es_frame, patient.labels)


def ed_scores(study: Study, labels: Array) -> dict[str, float]:
    """At end-diastole, the drawn slices included."""
    return scores_of(study, 0, labels[study.ed])


def es_scores(study: Study, labels: Array) -> dict[str, float]:
    """At end-systole, with the ejection fraction that the expert's end-diastole and this end-systole give."""
    return {**scores_of(study, 1, labels[study.es]), **ef_errors(study, study.labels[0], labels[study.es])}


def both_scores(study: Study, labels: Array) -> dict[str, float]:
    """Of both frames together (means), the drawn slice included, with the ejection fraction of the result."""
    ed, es = scores_of(study, 0, labels[study.ed]), scores_of(study, 1, labels[study.es])
    return {**{key: (ed[key] + es[key]) / 2 for key in ed}, **ef_errors(study, labels[study.ed], labels[study.es])}


def scores_of(study: Study, phase: int, labels: Array) -> dict[str, float]:
    row_mm, column_mm, slice_mm = study.cine.geometry.spacing_mm
    values: dict[str, float] = {}
    for structure in Structure:
        value = STORAGE.value_of(structure)
        found = MaskPair(study.labels[phase] == value, labels == value, (slice_mm, row_mm, column_mm))
        scored = score(found)
        values |= {f"{key}_{structure.name}": float(scored[key]) for key in ("dice", "hd95_mm")}
    return values


def ef_errors(study: Study, ed: Array, es: Array) -> dict[str, float]:
    """Predicted less reference, in points, of both ventricles."""
    errors = {}
    for structure in (Structure.LV, Structure.RV):
        found, true = (ejection_fraction(pair, structure, study.cine) for pair in (np.stack([ed, es]), study.labels))
        errors[f"ef_error_{structure.name}"] = found - true
    return errors


def ejection_fraction(labels: Array, structure: Structure, cine: Cine) -> float:
    edv, esv = volumes_ml(labels, structure, cine.geometry)
    return float(100.0 * (edv - esv) / edv) if edv > 0 else 0.0


def prompter_in(folder: Path) -> Prompter:
    return Prompter(promptable_of(find_model(DEFAULT_PROMPTABLE_ID), threads=THREADS), EmbeddingCache(folder))
