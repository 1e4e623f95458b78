"""Where the contours of an evaluation come from (floor 4): a model with its box around the heart, or a folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.evaluation.protocols.prompting import NO_JITTER, BoxJitter, segment_with_boxes
from CardioSAMLib.evaluation.scores import Phase, Problem
from CardioSAMLib.evaluation_run.options import EvaluationOptions, HeartBoxChoice
from CardioSAMLib.io import AcdcPatient
from CardioSAMLib.io.predictions import (
    PredictionFile,
    UnusablePrediction,
    find_prediction,
    list_predictions,
    load_prediction,
    parse_label_map,
)
from CardioSAMLib.prompts import BoxPrompt
from CardioSAMLib.resources import find_model, sha256_of
from CardioSAMLib.segmentation.automatic import CropSegmenter
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.segmenter import segmenter_of

MAIN = "main"
REFERENCE = HeartBoxChoice.reference.value
AUTOMATIC = HeartBoxChoice.automatic.value


@dataclass(frozen=True, eq=False)
class Drawn:
    """Contours of one patient. labels: `(slices, rows, columns)` in the `STORAGE` order, by the phases that there are.

    seconds: that drawing took, None where it was done elsewhere. problems: why phases are missing.
    """

    labels: Mapping[Phase, Array]
    seconds: float | None
    problems: tuple[Problem, ...] = ()


class Contours(Protocol):
    """Who draws. Sent to other processes, so it holds no model but says how to load it."""

    def fingerprint(self, patient: str, frames: tuple[int, int]) -> str:
        """Changes when other contours are to be expected of a patient. frames: of ED and ES, 0-based."""
        ...

    def draw(self, patient: AcdcPatient) -> Drawn:
        """The contours of both frames as far as there are any."""
        ...


@dataclass(frozen=True)
class ModelContours:
    """A model of the catalogue. heart_box: who places its crop, `automatic` or `reference`. threads: per process, 0
    for one per core."""

    model_id: str
    heart_box: str = AUTOMATIC
    jitter: BoxJitter = NO_JITTER
    threads: int = 0

    def fingerprint(self, patient: str, frames: tuple[int, int]) -> str:  # noqa: ARG002
        return f"{find_model(self.model_id).sha256} {self.heart_box} {self.jitter}"

    def draw(self, patient: AcdcPatient) -> Drawn:
        """Where no heart is found nothing is drawn: all structures are missed, which a mean must not pass over."""
        segmenter = loaded_segmenter(self.model_id, self.threads)
        start = time.perf_counter()
        problems: tuple[Problem, ...] = ()
        try:
            labels = self._labels(segmenter, patient)
        except UnusableInput as error:
            labels = np.zeros(patient.cine.pixels.shape, dtype=np.uint8)
            problems = (Problem(patient.name, "no_heart", str(error)),)
        seconds = time.perf_counter() - start
        return Drawn({Phase.ED: labels[0], Phase.ES: labels[1]}, seconds, problems)

    def _labels(self, segmenter: CropSegmenter, patient: AcdcPatient) -> Array:
        if self.heart_box == AUTOMATIC or patient.labels is None:
            return segmenter.segment(patient.cine, (0, 1)).labels

        def prompted(cine: Cine, boxes: Mapping[int, BoxPrompt]) -> Array:
            heart = _heart_of(boxes[0], cine) if 0 in boxes else None
            return segmenter.segment(cine, (0, 1), heart=heart).labels

        # One box, at end-diastole: the segmenter, too, looks for the heart in its first frame only.
        whole_heart = {0: (patient.labels[0] > 0).any(axis=0)}
        return segment_with_boxes(patient.cine, whole_heart, prompted, self.jitter, patient.name)


@dataclass(frozen=True)
class FolderContours:
    """Label files that another tool has written. label_map: as `parse_label_map` takes it."""

    files: tuple[PredictionFile, ...]
    label_map: str

    def __post_init__(self) -> None:
        parse_label_map(self.label_map)  # one sentence now, not one per patient

    def fingerprint(self, patient: str, frames: tuple[int, int]) -> str:
        parts = [self.label_map]
        for phase, frame in zip(Phase, frames, strict=True):
            try:
                path = find_prediction(self.files, patient, phase.value, frame + 1)
                parts.append(f"{path.name} {sha256_of(path)}")
            except (OSError, UnusableInput) as error:
                parts.append(str(error))
        return "\n".join(parts)

    def draw(self, patient: AcdcPatient) -> Drawn:
        labels: dict[Phase, Array] = {}
        problems = []
        label_map = parse_label_map(self.label_map)
        shape = patient.cine.pixels.shape[1:]
        for phase, frame in zip(Phase, (patient.ed_frame, patient.es_frame), strict=True):
            try:
                path = find_prediction(self.files, patient.name, phase.value, frame + 1)
                labels[phase] = load_prediction(path, label_map, shape, patient.cine.geometry)
            except UnusablePrediction as error:
                problems.append(Problem(patient.name, error.code, str(error)))
        return Drawn(labels, None, tuple(problems))


def contours_of(options: EvaluationOptions) -> dict[str, Contours]:
    """Who draws, by variant: `MAIN`, which is evaluated, and those that stand beside it in tables on prompts.

    Raises UnusableInput where the folder of predictions or the model cannot be used.
    """
    if options.predictions is not None:
        return {MAIN: FolderContours(list_predictions(options.predictions), options.label_map)}
    threads = 0 if options.workers == 1 else 1
    contours: dict[str, Contours] = {MAIN: ModelContours(options.model_id, options.prompt_source, threads=threads)}
    if options.heart_box is HeartBoxChoice.both:
        contours[REFERENCE] = ModelContours(options.model_id, REFERENCE, threads=threads)
    for pixels in options.box_jitter_px:
        jitter = BoxJitter(pixels, options.jitter_seed)
        contours[jitter_name(pixels)] = ModelContours(options.model_id, REFERENCE, jitter, threads)
    loaded_segmenter(options.model_id, threads)  # a missing file is said once, before any work
    return contours


def jitter_name(pixels: float) -> str:
    """Of the variant whose boxes are so many pixels off."""
    return f"jitter {pixels:g}"


@lru_cache(maxsize=1)
def loaded_segmenter(model_id: str, threads: int) -> CropSegmenter:
    """The model, loaded once per process."""
    return segmenter_of(find_model(model_id), threads)


def _heart_of(box: BoxPrompt, cine: Cine) -> HeartBox:
    rows, columns = (box.first_row_px, box.last_row_px), (box.first_column_px, box.last_column_px)
    row_mm, column_mm, _ = cine.geometry.spacing_mm
    extent_mm = ((rows[1] - rows[0] + 1.0) * row_mm, (columns[1] - columns[0] + 1.0) * column_mm)
    return HeartBox((float(np.mean(rows)), float(np.mean(columns))), extent_mm)
