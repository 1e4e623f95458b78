"""Claims about the points that the refiner puts on a structure."""

import numpy as np
import pytest

from CardioSAMLib.segmentation.refiner.mode import CORRECTED, LITERAL
from CardioSAMLib.segmentation.refiner.positives import MOST_POINTS, foreground, positive_pixels


def ring(inner, outer, size=64):
    rows, columns = np.mgrid[:size, :size]
    distance = np.hypot(rows - size / 2, columns - size / 2)
    return (distance >= inner) & (distance < outer)


def blobs(count):
    mask = np.zeros((200, 200), bool)
    for row, column in [(10, 10), (10, 180), (180, 10), (180, 180), (95, 95), (10, 95)][:count]:
        mask[row : row + 6, column : column + 6] = True
    return mask


@pytest.mark.parametrize("mode", [CORRECTED, LITERAL])
@pytest.mark.parametrize("seed", range(5))
def test_all_points_lie_in_the_mask_even_in_that_of_a_ring(mode, seed):
    mask = ring(14, 18)
    pixels = positive_pixels(mask, mode, np.random.default_rng(seed))
    assert 4 <= len(set(pixels)) == len(pixels) <= 6
    assert all(mask[pixel] for pixel in pixels)


@pytest.mark.parametrize("count", [4, 5, 6])
def test_there_are_as_many_points_as_parts_that_lie_apart(count):
    pixels = positive_pixels(blobs(count), CORRECTED, np.random.default_rng(0))
    assert len(pixels) == count
    assert len({(row // 50, column // 50) for row, column in pixels}) == count


@pytest.mark.parametrize("count", [4, 5])
def test_the_smallest_inertia_always_takes_six(count):
    assert len(positive_pixels(blobs(count), LITERAL, np.random.default_rng(0))) == 6


@pytest.mark.parametrize("pixels", [[(3, 4)], [(3, 4), (3, 5), (9, 9)], [(0, 0), (0, 1), (1, 0), (1, 1)]])
def test_of_a_mask_of_four_pixels_or_fewer_all_are_taken(pixels):
    mask = np.zeros((10, 10), bool)
    for pixel in pixels:
        mask[pixel] = True
    assert positive_pixels(mask, CORRECTED, np.random.default_rng(0)) == pixels


def test_an_empty_mask_has_no_points():
    assert positive_pixels(np.zeros((5, 5), bool), CORRECTED, np.random.default_rng(0)) == []


def test_a_mask_of_more_pixels_than_are_looked_at_gets_points_by_the_seed():
    mask = ring(0, 28)
    assert mask.sum() > MOST_POINTS
    first, again = (positive_pixels(mask, CORRECTED, np.random.default_rng(7)) for _ in range(2))
    assert first == again
    assert all(mask[pixel] for pixel in first)


def test_the_second_threshold_is_relative_to_the_highest_probability():
    probability = np.array([[0.1, 0.2, 0.3, 0.5, 0.8]])
    # 0.4 of 0.8 is 0.32: what is above remains. Literally, the second step sees a binary map and changes nothing.
    assert foreground(probability, CORRECTED).tolist() == [[False, False, False, True, True]]
    assert foreground(probability, LITERAL).tolist() == [[False, True, True, True, True]]


@pytest.mark.parametrize("mode", [CORRECTED, LITERAL])
def test_where_nothing_is_likely_there_is_no_object(mode):
    assert not foreground(np.full((3, 3), 0.15), mode).any()


def test_a_mask_stays_as_it_is():
    mask = ring(5, 10)
    assert np.array_equal(foreground(mask, CORRECTED), mask)
