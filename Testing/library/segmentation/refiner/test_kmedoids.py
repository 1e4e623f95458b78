"""Claims about k-medoids, against all choices there are on small sets."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CardioSAMLib.segmentation.refiner.kmedoids import distances_between, k_medoids, silhouette

POINTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=9, unique=True)


def inertia_of(distances, medoids):
    return distances[:, list(medoids)].min(axis=1).sum()


def blobs(*centers):
    """Five pixels in the form of a plus around each center."""
    plus = np.array([(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)])
    return np.concatenate([plus + center for center in centers])


@settings(max_examples=150, deadline=None)
@given(points=POINTS, k=st.integers(1, 4), seed=st.integers(0, 5))
def test_no_swap_of_a_medoid_for_another_point_lowers_the_inertia(points, k, seed):
    k = min(k, len(points))
    distances = distances_between(np.array(points))
    found = k_medoids(distances, k, np.random.default_rng(seed))
    assert len(set(found.indices.tolist())) == k
    assert found.inertia == pytest.approx(inertia_of(distances, found.indices), abs=1e-4)
    for out in found.indices:
        kept = [index for index in found.indices if index != out]
        swaps = [inertia_of(distances, [*kept, other]) for other in range(len(points)) if other not in kept]
        assert found.inertia <= min(swaps) + 1e-4


@settings(max_examples=100, deadline=None)
@given(points=POINTS, seed=st.integers(0, 5))
def test_one_medoid_is_the_best_of_all_points(points, seed):
    distances = distances_between(np.array(points))
    found = k_medoids(distances, 1, np.random.default_rng(seed))
    assert found.inertia == pytest.approx(distances.sum(axis=0).min(), abs=1e-4)


@pytest.mark.parametrize("seed", range(10))
def test_the_medoids_of_blobs_apart_are_their_centers_and_the_best_there_are(seed):
    points = blobs((5, 5), (5, 40), (40, 20))
    distances = distances_between(points)
    found = k_medoids(distances, 3, np.random.default_rng(seed))
    assert points[found.indices].tolist() == [[5, 5], [5, 40], [40, 20]]
    best = min(inertia_of(distances, chosen) for chosen in combinations(range(len(points)), 3))
    assert found.inertia == pytest.approx(best) == pytest.approx(12.0)
    assert found.nearest.tolist() == [0] * 5 + [1] * 5 + [2] * 5


def test_the_same_seed_gives_the_same_medoids():
    distances = distances_between(np.argwhere(np.ones((12, 15))))
    first, second = (k_medoids(distances, 5, np.random.default_rng(3)) for _ in range(2))
    assert first.indices.tolist() == second.indices.tolist()


def test_as_many_medoids_as_points_are_the_points():
    distances = distances_between(np.array([(0, 0), (3, 4), (9, 1)]))
    found = k_medoids(distances, 3, np.random.default_rng(0))
    assert found.indices.tolist() == [0, 1, 2]
    assert found.inertia == 0.0


@pytest.mark.parametrize("k", [0, 4])
def test_no_medoids_and_more_than_points_are_refused(k):
    with pytest.raises(ValueError, match="3 points"):
        k_medoids(distances_between(np.array([(0, 0), (3, 4), (9, 1)])), k, np.random.default_rng(0))


def test_the_silhouette_of_two_pairs_is_that_of_its_definition():
    # Points 0, 1 and 10, 11 on a line. Outer points: a = 1, b = 10.5; inner ones: a = 1, b = 9.5.
    distances = distances_between(np.array([(0, 0), (0, 1), (0, 10), (0, 11)]))
    expected = ((10.5 - 1) / 10.5 + (9.5 - 1) / 9.5) / 2
    assert silhouette(distances, np.array([0, 0, 1, 1])) == pytest.approx(expected)


def test_a_point_by_itself_counts_nothing_and_one_cluster_is_not_apart():
    distances = distances_between(np.array([(0, 0), (0, 1), (0, 10)]))
    assert silhouette(distances, np.array([0, 0, 1])) == pytest.approx((0.9 + 8 / 9) / 3)
    assert silhouette(distances, np.array([0, 0, 0])) == 0.0
