"""Claims about `deformation`: known motions are found, and fields add up along a chain."""

import numpy as np
import pytest
from scipy import ndimage

from CardioSAMLib.segmentation.propagation.deformation import chained, deformation, pulled

SHAPE = (48, 56)


def picture(row=24.0, column=28.0, radius=10.0):
    rows, columns = np.indices(SHAPE)
    disk = (np.hypot(rows - row, columns - column) < radius).astype(float)
    return ndimage.gaussian_filter(disk, 1.5)


@pytest.mark.parametrize("moved_px", [(3.0, 0.0), (0.0, -4.0), (2.0, 3.0)])
def test_a_shift_is_found_where_there_is_an_edge(moved_px):
    fixed, moving = picture(), picture(24.0 + moved_px[0], 28.0 + moved_px[1])
    found = deformation(fixed, moving, 30, 1.5)
    edge = np.hypot(*np.gradient(fixed)) > 0.05
    for axis in (0, 1):
        along = edge & (np.abs(np.gradient(fixed)[axis]) > 0.07)
        assert np.median(found[axis][along]) == pytest.approx(moved_px[axis], abs=0.7)


def test_the_moving_image_seen_through_the_field_looks_like_the_fixed_one():
    fixed, moving = picture(radius=8.0), picture(radius=12.0)
    seen = pulled(moving[None], deformation(fixed, moving, 30, 1.5))[0]
    assert np.abs(seen - fixed).mean() < 0.2 * np.abs(moving - fixed).mean()


def test_equal_images_are_not_bent():
    assert np.abs(deformation(picture(), picture(), 10, 1.5)).max() < 1e-6


def test_shifts_add_up_along_a_chain():
    first, second = np.zeros((2, *SHAPE)), np.zeros((2, *SHAPE))
    first[0], second[1] = 3.0, -2.0
    both = chained(first, second)
    assert np.allclose(both[0], 3.0)
    assert np.allclose(both[1], -2.0)


def test_the_second_field_of_a_chain_is_read_where_the_first_one_leads():
    first, second = np.zeros((2, *SHAPE)), np.zeros((2, *SHAPE))
    first[1], second[0, :, 30] = 5.0, 1.0
    assert np.allclose(chained(first, second)[0, 10], np.arange(SHAPE[1]) == 25)


def test_a_field_points_to_where_a_pixel_comes_from():
    field = np.zeros((2, *SHAPE))
    field[0] = 4.0
    assert np.allclose(pulled(picture()[None], field)[0], picture(row=20.0), atol=1e-6)


def test_images_of_an_odd_or_a_small_size_can_be_registered():
    for shape in ((9, 11), (33, 47), (5, 40)):
        field = deformation(np.random.default_rng(1).random(shape), np.zeros(shape), 3, 1.0)
        assert field.shape == (2, *shape)
        assert np.isfinite(field).all()
