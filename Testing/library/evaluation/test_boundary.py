"""Claims about the inner band and its IoU, with values worked out by hand."""

import numpy as np
import pytest

from CardioSAMLib.evaluation.boundary import boundary_iou, inner_band


def test_the_band_of_a_box_is_two_pixels_deep(box):
    np.testing.assert_array_equal(
        inner_band(box((2, 2), (12, 14), (20, 20))),
        box((2, 2), (12, 14), (20, 20)) & ~box((4, 4), (10, 12), (20, 20)),
    )


def test_the_band_goes_on_along_the_border_of_the_grid():
    band = inner_band(np.ones((8, 9), bool))
    assert band.sum() == 8 * 9 - 4 * 5


def test_in_3d_each_slice_has_the_band_it_has_in_2d(box):
    volume = box((1, 2, 3), (9, 15, 17))
    np.testing.assert_array_equal(inner_band(volume), np.stack([inner_band(plane) for plane in volume]))


def test_a_thin_mask_is_all_band(box):
    thin = box((0, 3), (20, 7), (20, 20))
    np.testing.assert_array_equal(inner_band(thin), thin)


def test_boundary_iou_of_a_box_and_one_grown_by_a_pixel(box):
    # Bands of 10 x 10 and 12 x 12: 100 - 36 = 64 and 144 - 64 = 80 pixels; shared: the outermost layer of the
    # smaller box, 100 - 64 = 36.
    small, large = box((5, 5), (15, 15), (20, 20)), box((4, 4), (16, 16), (20, 20))
    assert boundary_iou(small, large) == pytest.approx(36 / (64 + 80 - 36))


def test_a_hole_deep_inside_changes_the_band_but_little_of_the_overlap(box):
    solid = box((0, 0), (20, 20), (20, 20))
    holed = solid.copy()
    holed[10, 10] = False
    # Around the hole 5 x 5 - 1 = 24 pixels join a band of 400 - 256 = 144.
    assert boundary_iou(solid, holed) == pytest.approx(144 / 168)


def test_empty_masks_follow_the_rule_of_iou():
    empty, full = np.zeros((6, 6), bool), np.ones((6, 6), bool)
    assert boundary_iou(empty, empty) == 1.0
    assert boundary_iou(empty, full) == 0.0
    assert boundary_iou(full, empty) == 0.0
