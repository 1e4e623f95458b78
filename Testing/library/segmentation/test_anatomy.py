"""Claims about the anatomy that every segmentation has."""

import numpy as np
import pytest
from scipy import ndimage

from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.segmentation.anatomy import LEAST_BASAL_CERTAINTY, sensible_anatomy, without_doubtful_base

RV, MYO, LV = (STORAGE.value_of(structure) for structure in (Structure.RV, Structure.MYO, Structure.LV))


def heart(slices=5, size=48):
    """A ring of wall around a cavity, an RV at its side; wider toward slice 0, so that slice 0 is the base."""
    rows, columns = np.mgrid[:size, :size]
    labels = np.zeros((slices, size, size), np.uint8)
    for number, plane in enumerate(labels):
        radius = 10.0 - number
        distance = np.hypot(rows - size / 2, columns - size / 2)
        plane[np.hypot(rows - size / 2, columns - size / 2 + 12) < radius] = RV
        plane[distance < radius + 4] = MYO
        plane[distance < radius] = LV
    return labels


def test_a_sensible_heart_stays_as_it_is():
    assert np.array_equal(sensible_anatomy(heart()), heart())


def test_a_second_heart_elsewhere_is_removed():
    labels = heart(size=96)
    labels[2, 85:90, 85:90] = LV
    assert np.array_equal(sensible_anatomy(labels), heart(size=96))


def test_a_loose_piece_of_right_ventricle_is_removed():
    labels = heart()
    labels[1, 24, 46:] = MYO  # a bridge would make it part of the heart
    labels[1, 40:44, 40:44] = RV
    assert not (sensible_anatomy(labels)[1, 40:44, 40:44] == RV).any()


def test_each_slice_keeps_one_cavity():
    labels = heart()
    labels[2, 23:26, 12:36] = np.where(labels[2, 23:26, 12:36] == LV, MYO, labels[2, 23:26, 12:36])
    cleaned = sensible_anatomy(labels)
    for plane in cleaned:
        assert ndimage.label(plane == LV)[1] <= 1
    assert (cleaned[2] >= MYO).sum() == (labels[2] >= MYO).sum()


def test_a_hole_in_the_cavity_is_cavity_and_a_hole_in_the_wall_is_wall():
    labels = heart()
    inside, in_wall = labels.copy(), labels.copy()
    inside[2, 24, 24] = 0
    in_wall[2, 24, 24 + 10] = 0
    assert labels[2, 24, 24 + 10] == MYO
    assert np.array_equal(sensible_anatomy(inside), labels)
    assert np.array_equal(sensible_anatomy(in_wall), labels)


def test_the_wall_is_closed_except_at_the_base():
    labels = heart()
    gap = np.s_[:, 20:28, 24:48]
    opened = labels.copy()
    opened[gap] = np.where(opened[gap] == MYO, 0, opened[gap])
    cleaned = sensible_anatomy(opened)
    for number, plane in enumerate(cleaned):
        touching = ndimage.binary_dilation(plane == LV) & (plane < MYO)
        assert touching.any() == (number == 0)


def test_the_base_is_found_whichever_way_the_slices_run():
    opened = heart()
    gap = np.s_[:, 20:28, 24:48]
    opened[gap] = np.where(opened[gap] == MYO, 0, opened[gap])
    assert np.array_equal(sensible_anatomy(opened[::-1]), sensible_anatomy(opened)[::-1])


def test_an_empty_frame_stays_empty_and_one_slice_is_enough():
    assert not sensible_anatomy(np.zeros((4, 16, 16), np.uint8)).any()
    assert np.array_equal(sensible_anatomy(heart(slices=1)), heart(slices=1))


def test_the_input_is_not_changed():
    labels = heart()
    labels[2, 24, 24] = 0
    before = labels.copy()
    sensible_anatomy(labels)
    assert np.array_equal(labels, before)


def right_and_left(base_first):
    """Four slices with both ventricles and a fifth without RV at the apex, the base first or last."""
    labels = np.zeros((5, 20, 30), np.uint8)
    for number, radius in enumerate((6, 5, 5, 4, 4)):
        labels[number, 10 - radius : 10 + radius, 15 : 15 + 2 * radius] = MYO
        labels[number, 8:12, 18:22] = LV
        if number < 4:
            labels[number, 8:14, 4:12] = RV
    return labels if base_first else labels[::-1].copy()


@pytest.mark.parametrize("base_first", [True, False])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_cavity_behind_the_right_ventricle_is_right_ventricle_near_the_apex(base_first, number):
    labels = right_and_left(base_first)
    plane = labels[number if base_first else 4 - number]
    plane[plane >= MYO] = 0
    plane[6:12, 2:17] = MYO
    plane[8:11, 5:11] = LV
    expected = labels.copy()
    if number >= 3:  # the apical third
        expected[number if base_first else 4 - number, 6:12, 2:17] = RV
    assert np.array_equal(sensible_anatomy(labels), expected)


@pytest.mark.parametrize("base_first", [True, False])
@pytest.mark.parametrize("certainty", [0.7, 0.8])
def test_a_right_ventricle_is_left_out_of_the_basal_slice_where_it_is_doubtful(base_first, certainty):
    labels = right_and_left(base_first)
    given, probability = labels.copy(), np.where(labels == RV, 0.95, 0.02).astype(np.float32)
    basal = 0 if base_first else 4
    probability[basal][labels[basal] == RV] = certainty
    expected = labels.copy()
    if certainty < LEAST_BASAL_CERTAINTY:
        expected[basal][expected[basal] == RV] = 0
    assert np.array_equal(without_doubtful_base(labels, probability), expected)
    assert np.array_equal(labels, given)


def test_doubt_elsewhere_changes_nothing():
    labels = right_and_left(base_first=True)
    probability = np.where(labels == RV, 0.95, 0.02).astype(np.float32)
    probability[3] *= 0.5  # the apex
    assert np.array_equal(without_doubtful_base(labels, probability), labels)
    labels[1:][labels[1:] == RV] = 0  # in one slice only: nothing else would be left of it
    assert np.array_equal(without_doubtful_base(labels, probability * 0.5), labels)
    assert not without_doubtful_base(np.zeros_like(labels), probability).any()
