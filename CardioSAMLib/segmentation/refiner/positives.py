"""Points on a structure from a coarse contour of it (Cohen Indelman et al. 2024)."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.segmentation.refiner.kmedoids import Medoids, distances_between, k_medoids, silhouette
from CardioSAMLib.segmentation.refiner.mode import RefinerMode

MOST_POINTS = 2000
"""Of a mask that are looked at: all distances between them are held at once."""

_COUNTS = (4, 5, 6)
_LEAST_PROBABILITY = 0.15
_SHARE_OF_HIGHEST = 0.4


def foreground(coarse: Array, mode: RefinerMode) -> Array:
    """Where the structure is, bool `(rows, columns)`, of a coarse mask or a map of its probability in 0..1.

    A bool mask comes back as it is. Probabilities up to 0.15 are nowhere; what remains is cut at 0.4 of the highest.
    The publication cuts a second time what it has made binary before, which changes nothing: so does its mode.
    """
    if coarse.dtype == bool:
        return coarse
    likely = np.where(coarse > _LEAST_PROBABILITY, coarse, 0.0)
    if not mode.relative_threshold:
        return np.asarray(likely > 0.0)
    return np.asarray(likely > _SHARE_OF_HIGHEST * likely.max())


def positive_pixels(mask: Array, mode: RefinerMode, random: np.random.Generator) -> list[tuple[int, int]]:
    """4 to 6 pixels (row, column) spread over a bool mask, all of them in it; all its pixels where it has fewer.

    How many: as many as make the clusters most distinct (greatest mean silhouette, the fewest of equals); in the
    literal mode, as many as make the inertia smallest, which is always the most.
    """
    pixels = np.argwhere(mask)
    if len(pixels) > MOST_POINTS:
        pixels = pixels[np.sort(random.choice(len(pixels), MOST_POINTS, replace=False))]
    if len(pixels) <= _COUNTS[0]:
        return [(row, column) for row, column in pixels.tolist()]
    distances = distances_between(pixels)
    candidates = [k_medoids(distances, k, random) for k in _COUNTS if k <= len(pixels)]

    def worth(candidate: Medoids) -> float:
        return silhouette(distances, candidate.nearest) if mode.count_by == "silhouette" else -candidate.inertia

    # max takes the first of equals, and the counts grow.
    best = max(candidates, key=worth)
    return [(row, column) for row, column in pixels[best.indices].tolist()]
