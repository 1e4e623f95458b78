"""Prompts as a person would give them, drawn from reference contours: the protocol of Stein 2023 (docs/prompts.md).

Two modes: `stein_literal` does what was published, mistakes included, so that its table can be repeated;
`stein_corrected`, the one to use, does what was meant. What they choose differently stands in their entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, StructurePrompts, box_around

Seed = int | Sequence[int]
"""Of a draw: a number, or several, such as (seed of the run, number of the patient, frame, slice)."""

LITERAL_PASSES = 5
RING_WIDTH_PX = 10
"""Ring points lie at most so far outside the box, where a contour that leaks would come to lie."""

_POSITIVES, _NEGATIVES, _RING = range(3)


@dataclass(frozen=True)
class PromptMode:
    """The choices on which publication and correction differ.

    first_point: the center of mass, cut off to whole pixels and dropped where it misses the structure ("com"), or the
        pixel farthest from the structure's edge ("edt").
    background_is_a_class: whether the background is prompted for, too, and its points are negatives of the others.
    may_repeat: whether a point may be drawn again: the first one as a further positive, and negatives.
    past_edge_px: how far past the last row and column of the image a box may go.
    complete_slices_only: whether one random slice with all structures is taken of a volume in each of 5 passes,
        instead of every slice that has contours once.
    """

    name: str
    first_point: Literal["com", "edt"]
    background_is_a_class: bool
    may_repeat: bool
    past_edge_px: float
    complete_slices_only: bool


STEIN_LITERAL = PromptMode("stein_literal", "com", True, True, 1.0, True)
STEIN_CORRECTED = PromptMode("stein_corrected", "edt", False, False, 0.0, False)


@dataclass(frozen=True)
class PromptCounts:
    """What is given for each structure.

    positives: points on it, at least one. negatives: points on *each* of the other classes, taken from their
    positives. ring_points: negatives on the background just outside the box. box_margin_px: native pixels to each side.

    Raises UnusableInput where a count is too small.
    """

    positives: int
    negatives: int
    box: bool
    ring_points: int = 0
    box_margin_px: float = 5.0

    def __post_init__(self) -> None:
        if self.positives < 1 or min(self.negatives, self.ring_points, self.box_margin_px) < 0:
            raise UnusableInput(f"{self} cannot be drawn; ask for at least one positive and for nothing negative.")


THESIS_GRID = tuple(PromptCounts(*counts) for counts in product((2, 3, 5), (0, 1, 2), (False, True)))
"""The 18 combinations of the published table."""


@dataclass(frozen=True)
class BackgroundPrompts:
    """What the literal mode shows of the background, which it segments like a structure."""

    points: tuple[PointPrompt, ...]
    box: BoxPrompt | None


@dataclass(frozen=True)
class SimulatedPrompts:
    """Prompts for the structures that a slice has; nothing is prompted for where it has none."""

    structures: tuple[StructurePrompts, ...]
    background: BackgroundPrompts | None = None


def simulate(labels: Array, mode: PromptMode, counts: PromptCounts, seed: Seed) -> SimulatedPrompts:
    """Prompts for one slice from its reference.

    labels: `(rows, columns)` in the `STORAGE` order. With the same seed, 2 positives are the first 2 of 5, and a
    structure's positives do not depend on what else is asked for. A structure with fewer pixels gets fewer points.

    Raises UnusableInput where the mode does not use the slice.
    """
    masks = {structure: labels == STORAGE.value_of(structure) for structure in Structure}
    absent = [structure.name for structure in Structure if not masks[structure].any()]
    if mode.complete_slices_only and absent:
        raise UnusableInput(
            f"The slice has no {' and no '.join(absent)}, and {mode.name} takes only slices with all structures; "
            "choose slices with `slices_of_passes`."
        )
    classes: dict[Structure | None, Array] = {one: mask for one, mask in masks.items() if mask.any()}
    if mode.background_is_a_class:
        classes[None] = np.asarray(labels == 0)
    positives = {one: _positives(mask, mode, counts.positives, _stream(seed, one)) for one, mask in classes.items()}
    points, boxes = {}, {}
    for one, mask in classes.items():
        others = [positives[other] for other in classes if other is not one]
        negatives = _negatives(others, mode, counts.negatives, _stream(seed, one, _NEGATIVES))
        box = box_around(mask, counts.box_margin_px, mode.past_edge_px)
        if box is not None and one is not None:
            negatives += _ring(labels, box, counts.ring_points, _stream(seed, one, _RING))
        points[one] = (*_points(positives[one], True), *_points(negatives, False))
        boxes[one] = box if counts.box else None
    structures = tuple(StructurePrompts(one, points[one], boxes[one]) for one in classes if one is not None)
    background = BackgroundPrompts(points[None], boxes[None]) if None in classes else None
    return SimulatedPrompts(structures, background)


def slices_of_passes(labels: Array, mode: PromptMode, seed: Seed) -> tuple[tuple[int, ...], ...]:
    """The slices of a volume that are prompted for, pass by pass; what is scored is the mean over the passes.

    labels: `(slices, rows, columns)` in the `STORAGE` order. Slices without any contour are never taken: nothing
    would be prompted for and nothing found, which would count as a success.
    """
    present = np.stack([(labels == STORAGE.value_of(structure)).any(axis=(1, 2)) for structure in Structure])
    if not mode.complete_slices_only:
        return (tuple(np.flatnonzero(present.any(axis=0)).tolist()),)
    complete = np.flatnonzero(present.all(axis=0))
    if not complete.size:
        return ((),) * LITERAL_PASSES
    return tuple((int(number),) for number in np.random.default_rng(seed).choice(complete, LITERAL_PASSES))


def depth_px(mask: Array) -> Array:
    """How far each pixel of a bool mask `(rows, columns)` is from the next pixel that is not in it, float; 0 outside.

    The border of the image is an edge: what lies beyond it is not in the mask.
    """
    return np.asarray(ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1])


def deepest_pixel(depth: Array) -> tuple[int, int]:
    """Row and column of the greatest depth; of several such pixels the first in reading order."""
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    return int(row), int(column)


def _positives(mask: Array, mode: PromptMode, count: int, random: np.random.Generator) -> list[tuple[int, int]]:
    rows, columns = np.nonzero(mask)
    if mode.first_point == "edt":
        first = [deepest_pixel(depth_px(mask))]
    else:
        row, column = int(rows.mean()), int(columns.mean())
        first = [(row, column)] if mask[row, column] else []
    drawn = random.permutation(len(rows))[:count]
    further = [(int(rows[number]), int(columns[number])) for number in drawn]
    if not mode.may_repeat:
        further = [pixel for pixel in further if pixel not in first]
    # A dropped center of mass is made up for, so that all classes of a row of the table have as many points.
    return (first + further)[:count]


def _negatives(
    others: Sequence[list[tuple[int, int]]], mode: PromptMode, count: int, random: np.random.Generator
) -> list[tuple[int, int]]:
    """So many of each other class's positives."""
    drawn = []
    for positives in others:
        number = count if mode.may_repeat else min(count, len(positives))
        drawn += [positives[i] for i in random.choice(len(positives), number, replace=mode.may_repeat)]
    return drawn


def _ring(labels: Array, box: BoxPrompt, count: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Background pixels outside the box, within `RING_WIDTH_PX` of it."""
    rows, columns = np.indices(labels.shape)
    down = np.maximum(box.first_row_px - rows, rows - box.last_row_px)
    across = np.maximum(box.first_column_px - columns, columns - box.last_column_px)
    beyond = np.maximum(down, across)
    pixels = np.argwhere((labels == 0) & (beyond > 0) & (beyond <= RING_WIDTH_PX))
    drawn = pixels[random.permutation(len(pixels))[:count]]
    return [(row, column) for row, column in drawn.tolist()]


def _points(pixels: Sequence[tuple[int, int]], positive: bool) -> tuple[PointPrompt, ...]:
    return tuple(PointPrompt(row, column, positive) for row, column in pixels)


def _stream(seed: Seed, one: Structure | None, purpose: int = _POSITIVES) -> np.random.Generator:
    """Random numbers of their own for each class and purpose, so that asking for more of one changes no other."""
    return np.random.default_rng([*np.atleast_1d(seed).tolist(), 0 if one is None else STORAGE.value_of(one), purpose])
