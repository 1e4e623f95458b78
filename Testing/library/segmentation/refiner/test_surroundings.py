"""Claims about what lies around a structure, on squares: LV in MYO, RV beside it."""

import numpy as np
import pytest

from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.segmentation.refiner.surroundings import surroundings

RV, MYO, LV = (STORAGE.value_of(structure) for structure in (Structure.RV, Structure.MYO, Structure.LV))


@pytest.fixture
def labels():
    labels = np.zeros((60, 80), np.uint8)
    labels[20:40, 30:50] = MYO
    labels[25:35, 35:45] = LV
    labels[20:40, 20:30] = RV
    return labels


def around(labels, structure, pixel_mm=(2.0, 2.0)):
    return surroundings(labels, structure, labels == STORAGE.value_of(structure), pixel_mm)


def test_around_the_lv_is_its_wall(labels):
    assert np.array_equal(around(labels, Structure.LV), labels == MYO)


def test_around_the_wall_are_both_cavities_and_ten_millimeters_of_background(labels):
    found = around(labels, Structure.MYO)
    assert found[labels == LV].all()
    assert found[labels == RV].all()
    # The last column of the wall is 49: with pixels of 2 mm, 10 mm reach column 54.
    assert found[30, 50:55].all()
    assert not found[30, 55:].any()


def test_around_the_rv_are_the_wall_and_background_but_not_the_lv(labels):
    found = around(labels, Structure.RV)
    assert found[labels == MYO].all()
    assert not found[labels == LV].any()
    assert found[30, 15:20].all()
    assert not found[30, :15].any()


def test_the_ring_is_measured_in_millimeters_along_each_axis(labels):
    found = around(labels, Structure.MYO, pixel_mm=(5.0, 1.0))
    assert found[40:42, 40].all()
    assert not found[42:, 40].any()
    assert found[30, 50:60].all()
    assert not found[30, 60:].any()


@pytest.mark.parametrize("structure", list(Structure))
def test_no_pixel_of_the_structure_is_around_it(labels, structure):
    # Taken from elsewhere, the contexts may overlap the structure.
    foreground = np.zeros(labels.shape, bool)
    foreground[22:38, 25:48] = True
    assert not (surroundings(labels, structure, foreground, (1.0, 1.0)) & foreground).any()


def test_an_lv_without_wall_has_nothing_around_it(labels):
    assert not around(np.where(labels == MYO, 0, labels), Structure.LV).any()
