"""Simulated users who correct the automatic contours of a study click by click, seeing the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.function import volumes_ml
from CardioSAMLib.io import AcdcPatient
from CardioSAMLib.labels import STORAGE, CineSegmentation, Structure
from CardioSAMLib.prompts import PointPrompt, SlicePrompts, StructurePrompts, box_around
from CardioSAMLib.segmentation import EmbeddingCache, HeartBox, Prompter
from CardioSAMLib.segmentation.correction import Reach, corrected_slice, correction_prompts
from CardioSAMLib.segmentation.corrective import corrective_click
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.promptable import MaskLogits, PromptableModel

MOST_CLICKS = 5
Key = tuple[int, int]
"""Frame and slice."""


@dataclass(frozen=True, eq=False)
class Study:
    """An ACDC patient with contours of both frames, and the box of the heart that they give."""

    patient: AcdcPatient
    reference: Array
    automatic: CineSegmentation
    region: HeartBox


@dataclass(frozen=True)
class Click:
    """Into the largest error of a study. error_px: its pixels."""

    key: Key
    structure: Structure
    point: PointPrompt
    error_px: int


@dataclass(frozen=True)
class Made:
    """A click that was made. gain_px: wrong pixels of the study before, less those after. obeyed: by the new contour.

    seconds: that the answer took, the slice being encoded.
    """

    click: Click
    gain_px: int
    obeyed: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class Course:
    """A study corrected. labels: after 0, 1, ... clicks; as many as there were errors to click at, then the same."""

    labels: tuple[Array, ...]
    made: tuple[Made, ...]


Answer = Callable[[Study, CineSegmentation, Click, tuple[Click, ...]], Array]
"""New labels of the study after a click. The clicks: all on this slice so far, the new one last."""


def course_of(study: Study, answer: Answer) -> Course:
    """The automatic contours, and what becomes of them with each click.

    A click goes to the deepest pixel of the largest error of the study: of all frames, slices and structures, the most
    connected pixels that one structure misses or has too many; of two as large, the missing one.
    """
    now = study.automatic
    labels, made = [now.labels], []
    clicks: dict[Key, tuple[Click, ...]] = {}
    errors = {key: worst(study, now.labels, key, ()) for key in np.ndindex(now.labels.shape[:2])}
    for _ in range(MOST_CLICKS):
        click = max(filter(None, errors.values()), key=rank, default=None)
        if click is not None:
            clicks[click.key] = (*clicks.get(click.key, ()), click)
            start = time.perf_counter()
            new = answer(study, now, click, clicks[click.key])
            seconds = time.perf_counter() - start
            gain = np.count_nonzero(now.labels != study.reference) - np.count_nonzero(new != study.reference)
            made.append(Made(click, int(gain), obeys(new, click), seconds))
            for key in errors:
                if key == click.key or not np.array_equal(new[key], now.labels[key]):
                    errors[key] = worst(study, new, key, clicks.get(key, ()))
            now = replace(now, labels=new)
        labels.append(now.labels)
    return Course(tuple(labels), tuple(made))


def worst(study: Study, labels: Array, key: Key, clicks: Sequence[Click]) -> Click | None:
    """The click into the largest error of a slice that was clicked so far; None where nothing is left to click at."""
    used = {click.point.pixel for click in clicks}
    found = []
    for structure in Structure:
        value = STORAGE.value_of(structure)
        click = corrective_click(study.reference[key] == value, labels[key] == value, used)
        if click is not None:
            found.append(Click(key, structure, click.point, click.error_px))
    return max(found, key=rank, default=None)


def rank(click: Click) -> tuple[int, bool]:
    return click.error_px, click.point.positive


def obeys(labels: Array, click: Click) -> bool:
    is_inside = bool(labels[click.key][click.point.pixel] == STORAGE.value_of(click.structure))
    return is_inside == click.point.positive


def corrected(prompter: Prompter, reach: Reach | None = None) -> Answer:
    """As the library corrects a slice."""
    reach = reach or Reach()

    def answer(study: Study, now: CineSegmentation, click: Click, clicks: tuple[Click, ...]) -> Array:
        labels = now.labels.copy()
        prompts = correction_prompts(now, *click.key, by_structure(clicks))
        labels[click.key] = corrected_slice(prompter, study.patient.cine, now, prompts, study.region, reach)
        return labels

    return answer


def contour_shown(model: PromptableModel, cache: EmbeddingCache) -> Answer:
    """As the library, but the model is shown the contour that is to change also where there is a positive click."""

    def answer(study: Study, now: CineSegmentation, click: Click, clicks: tuple[Click, ...]) -> Array:
        prompter = Prompter(cast(PromptableModel, ContourShown(model, now.labels[click.key])), cache)
        return corrected(prompter)(study, now, click, clicks)

    return answer


class ContourShown:
    """A promptable model that sees labels `(rows, columns)` beside the prompts, and is the same in all else."""

    def __init__(self, model: PromptableModel, labels: Array) -> None:
        self._model, self._labels = model, labels

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def decode(self, embedding: Mapping[str, Array], image: ModelImage, prompts: StructurePrompts) -> MaskLogits:
        contour = self._labels == STORAGE.value_of(prompts.structure)
        return self._model.decode(embedding, image, replace(prompts, mask=contour) if contour.any() else prompts)


def corrected_beside(prompter: Prompter) -> Answer:
    """The same, and the click also on the slices above and below, where the structure is drawn and disobeys it."""

    def answer(study: Study, now: CineSegmentation, click: Click, clicks: tuple[Click, ...]) -> Array:
        labels = corrected(prompter)(study, now, click, clicks)
        frame, number = click.key
        for beside in (number - 1, number + 1):
            carried = replace(click, key=(frame, beside))
            if 0 <= beside < labels.shape[1] and labels[carried.key].any() and not obeys(labels, carried):
                labels = corrected(prompter)(study, replace(now, labels=labels), carried, (carried,))
        return labels

    return answer


def model_alone(prompter: Prompter) -> Answer:
    """What the promptable model draws of the clicked structure, shown its contour, a box around it and its clicks."""

    def answer(study: Study, now: CineSegmentation, click: Click, clicks: tuple[Click, ...]) -> Array:
        labels = now.labels.copy()
        contour = labels[click.key] == STORAGE.value_of(click.structure)
        points = by_structure(clicks)[click.structure]
        try:
            shown = StructurePrompts(click.structure, points, box_around(contour), contour if contour.any() else None)
        except UnusableInput:  # negative points only, and no contour any more
            return labels
        prompts = SlicePrompts(*click.key, (shown,))
        labels[click.key] = prompter.predict(
            study.patient.cine, prompts, study.region, existing=labels[click.key]
        ).labels
        return labels

    return answer


def slice_redrawn(study: Study, now: CineSegmentation, click: Click, _clicks: tuple[Click, ...]) -> Array:
    """The reference of the whole slice: what could be reached with the effort of a contour instead of a click."""
    labels = now.labels.copy()
    labels[click.key] = study.reference[click.key]
    return labels


def by_structure(clicks: Sequence[Click]) -> dict[Structure, tuple[PointPrompt, ...]]:
    points: dict[Structure, tuple[PointPrompt, ...]] = {}
    for click in clicks:
        points[click.structure] = (*points.get(click.structure, ()), click.point)
    return points


def mean_dice(reference: Array, labels: Array) -> float:
    """3D Dice, mean over the structures and frames."""
    return float(np.mean(dice_by_structure(reference, labels)))


def dice_by_structure(reference: Array, labels: Array) -> list[list[float]]:
    """3D Dice by frame and structure; labels `(frames, slices, rows, columns)`."""
    values = [STORAGE.value_of(structure) for structure in Structure]
    return [[dice(a == value, b == value) for value in values] for a, b in zip(reference, labels, strict=True)]


def ef_percent(study: Study, labels: Array, structure: Structure) -> float:
    """The first frame is end-diastole, the second end-systole."""
    end_diastole, end_systole = volumes_ml(labels, structure, study.patient.cine.geometry)
    return float(100.0 * (end_diastole - end_systole) / end_diastole)
