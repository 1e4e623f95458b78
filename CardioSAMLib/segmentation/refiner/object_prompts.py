"""The points for one structure in one slice: on it from its coarse contour, beside it from its surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.prompts import PointPrompt, StructurePrompts
from CardioSAMLib.segmentation.differentiable import PointLogits
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.refiner.mode import Negatives, RefinerOptions
from CardioSAMLib.segmentation.refiner.negatives import OptimizedPoints, optimized_points, random_pixels
from CardioSAMLib.segmentation.refiner.positives import foreground, positive_pixels
from CardioSAMLib.segmentation.refiner.surroundings import surroundings


@dataclass(frozen=True, eq=False)
class CoarseSlice:
    """What is known of a slice before it is refined; arrays are `(rows, columns)`.

    labels: the coarse contours, uint8 in the `STORAGE` order. confidence: the probability of each label drawn, or None.
    context: labels that say what lies around a structure. pixel_mm: size of a pixel (row, column).
    image, logits: how the model sees it, and answers points; logits None where nothing is optimized.
    """

    labels: Array
    confidence: Array | None
    context: Array
    pixel_mm: tuple[float, float]
    image: ModelImage
    logits: PointLogits | None


@dataclass(frozen=True, eq=False)
class ObjectPrompts:
    """prompts: of one structure. optimized: how its negatives came about; None where they were not optimized."""

    prompts: StructurePrompts
    optimized: OptimizedPoints | None


def object_prompts(
    coarse: CoarseSlice, structure: Structure, options: RefinerOptions, random: np.random.Generator
) -> ObjectPrompts | None:
    """The points for a structure, as many beside it as on it; None where there is none to refine.

    There are fewer negatives, or none, where its surroundings have fewer pixels.
    """
    own = coarse.labels == STORAGE.value_of(structure)
    mask = foreground(own if coarse.confidence is None else np.where(own, coarse.confidence, 0.0), options.mode)
    if not mask.any():
        return None
    positives = np.array(positive_pixels(mask, options.mode, random))
    negatives, optimized = np.empty((0, 2)), None
    if options.negatives is not Negatives.none:
        around = surroundings(coarse.context, structure, mask, coarse.pixel_mm)
        negatives = random_pixels(around, len(positives), random)
        if coarse.logits is not None and len(negatives):
            optimized = optimized_points(negatives, positives, around, coarse.image, coarse.logits, options.mode)
            negatives = optimized.places_px
    return ObjectPrompts(StructurePrompts(structure, _points(positives, negatives)), optimized)


def _points(positives: Array, negatives: Array) -> tuple[PointPrompt, ...]:
    on_it = [PointPrompt(row, column, True) for row, column in positives]
    beside = [PointPrompt(row, column, False) for row, column in negatives]
    # An optimized point that is not brought back may end on a positive one, and both cannot be meant.
    taken = {point.pixel for point in on_it}
    return (*on_it, *(point for point in beside if point.pixel not in taken))
