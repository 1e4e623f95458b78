"""Claims about base, middle and apex."""

import numpy as np
import pytest

from CardioSAMLib.evaluation.protocols.regions import regions
from CardioSAMLib.evaluation.scores import Region
from CardioSAMLib.labels import STORAGE, Structure

LETTERS = {"b": Region.BASE, "m": Region.MID, "a": Region.APEX, "-": Region.OUTSIDE}


def stack(radii, without_cavity=()):
    """One slice per radius in pixels: a disk of wall with LV inside; 0 is an empty slice."""
    rows, columns = np.mgrid[:41, :41]
    distance = np.hypot(rows - 20, columns - 20)
    labels = np.zeros((len(radii), 41, 41), np.uint8)
    for number, radius in enumerate(radii):
        labels[number][distance < radius] = STORAGE.value_of(Structure.MYO)
        if number not in without_cavity:
            labels[number][distance < radius - 2] = STORAGE.value_of(Structure.LV)
    return labels


@pytest.mark.parametrize(
    ("radii", "expected"),
    [
        ((18, 17, 16, 15, 12, 8), "bbmmaa"),
        ((8, 12, 15, 16, 17, 18), "aammbb"),
        ((18, 17, 16, 15, 14, 12, 8), "bbmmmaa"),
        ((18, 17, 16, 15, 14, 13, 12, 8), "bbmmmmaa"),
        ((0, 18, 15, 8, 0), "-bma-"),
        ((18, 12), "mm"),
        ((18,), "m"),
        ((0, 0), "--"),
    ],
)
def test_thirds_of_the_slices_with_wall_base_first_and_the_rest_in_the_middle(radii, expected):
    assert regions(stack(radii)) == tuple(LETTERS[letter] for letter in expected)


def test_an_apical_slice_of_wall_alone_counts_as_apex():
    assert regions(stack((18, 15, 6), without_cavity=(2,))) == (Region.BASE, Region.MID, Region.APEX)


def test_without_a_ventricle_nothing_tells_base_from_apex():
    assert regions(stack((18, 15, 6), without_cavity=(0, 1, 2))) == (Region.OUTSIDE,) * 3
