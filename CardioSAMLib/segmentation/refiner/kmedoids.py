"""K-medoids of points in a plane: as many of the points as are asked for, so that all lie near one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from CardioSAMLib.cine import Array

_LEAST_GAIN = 1e-6
"""Share of the inertia below which a swap is rounding, not gain: it would go back and forth forever."""


@dataclass(frozen=True, eq=False)
class Medoids:
    """indices: int `(k,)`, in order, of the points that are medoids. nearest: int `(points,)`, the cluster of each.

    inertia: sum of the distances of all points to their medoid.
    """

    indices: Array
    nearest: Array
    inertia: float


def distances_between(points: Array) -> Array:
    """Euclidean, float32 `(points, points)`, of points `(points, 2)`."""
    return np.asarray(cdist(points, points), dtype=np.float32)


def k_medoids(distances: Array, k: int, random: np.random.Generator) -> Medoids:
    """Partitioning around medoids (Kaufman & Rousseeuw 1990): the best swap of a medoid for a point, until none helps.

    distances: `(points, points)`, between points that are all at different places; 1 <= k <= points. The start is drawn
    as in k-means++ (Arthur 2007), each medoid with a probability by the squared distance to those before it.
    Raises ValueError for another k.
    """
    if not 1 <= k <= len(distances):
        raise ValueError(f"{len(distances)} points have no {k} medoids")
    medoids = _seeded(distances, k, random)
    while (swap := _best_swap(distances, medoids)) is not None:
        place, point = swap
        medoids[place] = point
    medoids.sort()
    to_medoids = distances[:, medoids]
    return Medoids(medoids, to_medoids.argmin(axis=1), float(to_medoids.min(axis=1).sum(dtype=float)))


def silhouette(distances: Array, nearest: Array) -> float:
    """Mean silhouette (Rousseeuw 1987) of clusters 0, 1, ...: 1 far apart, 0 not apart; a point by itself counts 0."""
    clusters = int(nearest.max()) + 1
    member = nearest[:, None] == np.arange(clusters)
    sizes = member.sum(axis=0)
    if clusters < 2:
        return 0.0
    sums = distances.astype(float) @ member
    own = np.take_along_axis(sums, nearest[:, None], axis=1)[:, 0] / np.maximum(sizes[nearest] - 1, 1)
    other = np.where(member, np.inf, sums / sizes).min(axis=1)
    widest = np.maximum(own, other)
    scores = np.divide(other - own, widest, out=np.zeros_like(own), where=widest > 0)
    return float(np.where(sizes[nearest] > 1, scores, 0.0).mean())


def _seeded(distances: Array, k: int, random: np.random.Generator) -> Array:
    chosen = [int(random.integers(len(distances)))]
    while len(chosen) < k:
        weights = distances[:, chosen].min(axis=1).astype(float) ** 2
        weights[chosen] = 0.0
        chosen.append(int(random.choice(len(weights), p=weights / weights.sum())))
    return np.array(chosen)


def _best_swap(distances: Array, medoids: Array) -> tuple[int, int] | None:
    """The place among the medoids and the point to put there that lower the inertia most; None where none does.

    All swaps at once (Schubert & Rousseeuw 2019, FastPAM1): a point changes the inertia by what it takes over from all
    clusters, and by what the cluster of the medoid that goes needs in addition.
    """
    to_medoids = distances[:, medoids]
    nearest = to_medoids.argmin(axis=1)
    least = to_medoids.min(axis=1)
    to_medoids[np.arange(len(nearest)), nearest] = np.inf
    second = to_medoids.min(axis=1)
    # A product with the clusters sums their rows at the speed of BLAS; what it rounds is checked below.
    member = (nearest == np.arange(len(medoids))[:, None]).astype(distances.dtype)
    taken_over = member @ np.minimum(distances, least[:, None])
    in_addition = member @ np.minimum(distances, second[:, None]) - taken_over
    inertia = taken_over.sum(axis=0) + in_addition
    inertia[:, medoids] = np.inf
    place, point = divmod(int(inertia.argmin()), len(distances))
    swapped = medoids.copy()
    swapped[place] = point
    before = least.sum(dtype=float)
    after = distances[:, swapped].min(axis=1).sum(dtype=float)
    return (place, point) if after < before * (1.0 - _LEAST_GAIN) else None
