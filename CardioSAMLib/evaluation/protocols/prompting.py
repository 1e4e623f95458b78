"""How much a model owes to the box it is given: reference box beside automatic box, and boxes that are off.

A box drawn from the reference tells a model where the answer lies, and most published figures of promptable models had
one. Both ways therefore stand side by side and are never ranked together.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.evaluation.metrics import METRICS
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.protocols.tables import Summary, ef_errors
from CardioSAMLib.evaluation.result import Cell, SummaryTable
from CardioSAMLib.evaluation.scores import PatientScores
from CardioSAMLib.prompts import BoxPrompt, box_around

Key = TypeVar("Key", bound=Hashable)


BoxPrompted = Callable[[Cine, Mapping[Key, BoxPrompt]], Array]
"""A model that is given boxes: labels uint8 `(frames, slices, rows, columns)` in the `STORAGE` order.

What has a box is the model's choice of key: a frame for the whole heart, or (structure, frame, slice).
"""


@dataclass(frozen=True)
class BoxJitter:
    """How far the sides of a box are off: each moves by an amount drawn evenly from -pixels to +pixels of the original
    image, so the box may become too small as well as too large. seed: with the patient's name, of the draw."""

    pixels: float
    seed: int = 0


NO_JITTER = BoxJitter(0.0)


def segment_with_boxes(
    cine: Cine, masks: Mapping[Key, Array], model: BoxPrompted[Key], jitter: BoxJitter, patient: str
) -> Array:
    """The labels that a model gives when its boxes are those of reference masks, moved by the jitter.

    masks: bool `(rows, columns)`, by what the model takes boxes for; an empty mask prompts for nothing.
    """
    boxes = {key: box for key, mask in masks.items() if (box := box_around(mask)) is not None}
    return model(cine, jittered(boxes, jitter, patient, (cine.pixels.shape[2], cine.pixels.shape[3])))


def jittered(
    boxes: Mapping[Key, BoxPrompt], jitter: BoxJitter, patient: str, shape: tuple[int, int]
) -> dict[Key, BoxPrompt]:
    """The boxes with each side moved, inside an image of `shape`. A patient's boxes are the same whoever else is
    scored; larger jitters move the same sides further the same way, so that a curve over jitters is smooth."""
    random = np.random.default_rng([jitter.seed, zlib.crc32(patient.encode())])
    moved = {}
    for key, box in boxes.items():
        top, bottom, left, right = jitter.pixels * random.uniform(-1.0, 1.0, 4)
        moved[key] = box.moved((top, left, bottom, right), shape)
    return moved


def prompt_source_table(automatic: Sequence[PatientScores], reference: Sequence[PatientScores]) -> SummaryTable:
    """Automatic and reference boxes side by side, over the patients that were scored with both."""
    both = {p.patient for p in automatic if p.volumes} & {p.patient for p in reference if p.volumes}
    sides = [[patient for patient in side if patient.patient in both] for side in (automatic, reference)]
    rows: list[tuple[Cell, ...]] = []
    for metric in METRICS:
        if metric.better != "zero":
            values = [Summary.of(patient_values(side, metric.key).values()) for side in sides]
            cells = (cell for value in values for cell in (value.mean, value.sd))
            rows.append((metric.title, metric.unit, values[0].n, *cells))
    for ventricle in ("lv", "rv"):
        errors = [Summary.of(map(abs, ef_errors(side, ventricle))) for side in sides]
        cells = (cell for error in errors for cell in (error.mean, error.sd))
        rows.append((f"{ventricle.upper()} EF absolute error", "points", errors[0].n, *cells))
    columns = (
        *("metric", "unit", "patients", "automatic box, mean", "automatic box, SD"),
        *("reference box, mean", "reference box, SD"),
    )
    note = (
        "The reference box comes from the expert contours that are scored against: its column is what a model could "
        "reach, not what it does alone, and must not be ranked with automatic methods."
    )
    return SummaryTable("prompt_source", "Who placed the box around the heart", columns, tuple(rows), note)


def box_jitter_table(by_pixels: Mapping[float, Sequence[PatientScores]], seed: int) -> SummaryTable:
    """Dice and HD95 by how far the sides of the reference box were off."""
    rows = []
    for pixels, patients in sorted(by_pixels.items()):
        dice = Summary.of(patient_values(patients, "dice").values())
        hd95 = Summary.of(patient_values(patients, "hd95_mm").values())
        rows.append((f"{pixels:g}", dice.n, dice.mean, dice.sd, hd95.mean, hd95.sd))
    columns = ("jitter (pixels)", "patients", "Dice mean", "Dice SD", "HD95 mean (mm)", "HD95 SD (mm)")
    note = (
        "Each side of the box of the reference moved by an amount drawn evenly from ± the jitter, in pixels of the "
        f"original image, inward as well as outward; seed {seed}."
    )
    return SummaryTable("box_jitter", "Boxes that are off", columns, tuple(rows), note)
