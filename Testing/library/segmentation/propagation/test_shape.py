"""Claims about `shape`: contours as distances."""

import numpy as np
import pytest

from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.segmentation.propagation.shape import labels_of, shape_of

RV, MYO, LV = (STORAGE.value_of(one) for one in (Structure.RV, Structure.MYO, Structure.LV))
SHAPE = (50, 60)


def heart(row=25, column=35, lv_px=8.0, wall_px=5.0):
    rows, columns = np.indices(SHAPE)
    radius = np.hypot(rows - row, columns - column)
    labels = np.zeros(SHAPE, np.uint8)
    labels[np.hypot(rows - row, columns - column + 18) < 12] = RV
    labels[radius < lv_px + wall_px] = MYO
    labels[radius < lv_px] = LV
    return labels


def test_labels_come_back_as_they_were():
    assert np.array_equal(labels_of(shape_of(heart())), heart())


@pytest.mark.parametrize("value", [0, RV, MYO, LV])
def test_a_slice_with_one_structure_or_none_comes_back_as_it_was(value):
    labels = np.where(heart() == value, value, 0).astype(np.uint8)
    assert np.array_equal(labels_of(shape_of(labels)), labels)


def test_a_structure_that_fills_the_image_comes_back_as_it_was():
    labels = np.full(SHAPE, RV, np.uint8)
    assert np.array_equal(labels_of(shape_of(labels)), labels)


def test_the_average_of_two_disks_is_the_disk_between_them():
    small, large = (shape_of(heart(lv_px=radius, wall_px=6)) for radius in (6.0, 12.0))
    labels = labels_of((small + large) / 2)
    assert np.sqrt((labels == LV).sum() / np.pi) == pytest.approx(9.0, abs=0.3)
    assert np.sqrt((labels >= MYO).sum() / np.pi) == pytest.approx(15.0, abs=0.3)


def test_two_rings_farther_apart_than_their_wall_average_to_a_closed_ring():
    labels = labels_of((shape_of(heart(column=30, wall_px=3)) + shape_of(heart(column=36, wall_px=3))) / 2)
    cavity = labels == LV
    rim = np.zeros_like(cavity)
    for axis in (0, 1):
        for step in (-1, 1):
            rim |= np.roll(cavity, step, axis)
    assert cavity.any()
    assert (labels[rim & ~cavity] == MYO).all()


def test_a_structure_is_there_for_the_half_of_the_way_that_is_nearer_to_where_it_is():
    there, gone = shape_of(heart()), shape_of(np.zeros(SHAPE, np.uint8))
    assert (labels_of(0.8 * there + 0.2 * gone) == LV).any()
    assert not labels_of(0.4 * there + 0.6 * gone).any()
