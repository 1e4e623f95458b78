"""Claims about crops: where their pixels lie, that nothing moves on the way to a crop and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from CardioSAMLib.crops import crop_around, normalize, put_back, take, with_neighbors


def ramp(rows=60, columns=80):
    """An image whose value tells its place: 1000 * row + column."""
    return (1000.0 * np.arange(rows)[:, None] + np.arange(columns)).astype(np.float32)


def test_a_crop_of_the_native_spacing_holds_the_native_pixels():
    crop = crop_around((20.5, 30.5), (1.4, 1.4), 1.4, 16)
    np.testing.assert_allclose(take(ramp(), crop), ramp()[13:29, 23:39], atol=1e-2)


def test_the_middle_of_a_crop_is_the_point_it_was_laid_around():
    crop = crop_around((20.0, 30.0), (0.7, 2.0), 1.4, 16)
    assert crop.coordinates_px(0).mean() == pytest.approx(20.0)
    assert crop.coordinates_px(1).mean() == pytest.approx(30.0)
    assert np.diff(crop.coordinates_px(0)) == pytest.approx(2.0)
    assert np.diff(crop.coordinates_px(1)) == pytest.approx(0.7)


def test_beyond_the_image_its_edge_goes_on():
    crop = crop_around((0.0, 0.0), (1.0, 1.0), 1.0, 8)
    taken = take(ramp(), crop)
    assert taken[0, 0] == pytest.approx(0.0, abs=1e-3)
    assert taken[-1, 0] == pytest.approx(1000.0 * 3.5, rel=1e-4)


@given(
    st.tuples(st.floats(20, 40), st.floats(20, 60)),
    st.tuples(st.floats(0.7, 2.0), st.floats(0.7, 2.0)),
    st.floats(1.0, 2.0),
)
def test_what_is_linear_in_the_native_pixels_comes_back_unmoved(center, pixel_mm, grid_mm):
    crop = crop_around(center, pixel_mm, grid_mm, 12)
    rows, columns = crop.coordinates_px(0), crop.coordinates_px(1)
    values = (1000.0 * rows[:, None] + columns)[None].astype(np.float32)
    window, native = put_back(values, crop, (60, 80))
    np.testing.assert_allclose(native[0], ramp()[window], rtol=1e-4, atol=0.05)


def test_a_crop_beside_the_image_covers_none_of_it():
    window, native = put_back(np.ones((2, 8, 8), np.float32), crop_around((-50.0, 10.0), (1, 1), 1.0, 8), (20, 20))
    assert native.size == 0
    assert np.zeros((20, 20))[window].size == 0


def test_a_fine_stripe_pattern_does_not_alias_into_a_coarse_crop():
    stripes = np.tile([0.0, 1.0], (64, 64)).astype(np.float32)
    crop = crop_around((31.5, 63.5), (0.5, 0.5), 1.5, 16)
    assert take(stripes, crop).std() < 0.1


def test_normalizing_gives_mean_zero_variance_one_and_forgets_gain_and_offset():
    images = np.random.default_rng(0).gamma(2.0, 50.0, (3, 32, 32)).astype(np.float32)
    normal = normalize(images)
    assert normal.mean(axis=(1, 2)) == pytest.approx(0.0, abs=1e-5)
    assert normal.std(axis=(1, 2)) == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(normalize(images * 7.0 + 300.0), normal, atol=1e-3)


def test_one_bright_pixel_does_not_darken_the_rest():
    image = np.random.default_rng(0).normal(100.0, 10.0, (1, 32, 32)).astype(np.float32)
    spiked = image.copy()
    spiked[0, 0, 0] = 1e5
    np.testing.assert_allclose(normalize(spiked)[0, 1:], normalize(image)[0, 1:], atol=0.05)


def test_a_slice_stands_between_its_neighbors_and_the_ends_repeat_themselves():
    assert with_neighbors(np.array([5, 6, 7])).tolist() == [[5, 5, 6], [5, 6, 7], [6, 7, 7]]
    assert with_neighbors(np.array([5])).tolist() == [[5, 5, 5]]
