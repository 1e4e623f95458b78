"""Claims about `sam_image`: the same pixels as segment-anything's predictor, of the region where the heart is."""

import numpy as np
import pytest
import torch
from segment_anything.utils.transforms import ResizeLongestSide

from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS, sam_image

SAM, MEDSAM = NORMALIZATIONS["sam"], NORMALIZATIONS["medsam"]
MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


def full_range_bytes(shape, seed=0):
    gray = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    gray[0, :2] = 0, 255
    return gray


@pytest.mark.parametrize("size", [224, 256, 512, 1024])
@pytest.mark.parametrize("shape", [(150, 181), (216, 216), (512, 400)])
def test_the_whole_slice_is_scaled_as_by_the_official_transform(shape, size):
    gray = full_range_bytes(shape)
    image = sam_image(gray, None, (1.4, 1.4), SAM, size)
    official = ResizeLongestSide(size).apply_image(np.stack([gray] * 3, axis=-1))
    assert image.shown_px == official.shape[:2]
    shown = image.pixels[:, : image.shown_px[0], : image.shown_px[1]] * STD[:, None, None] + MEAN[:, None, None]
    np.testing.assert_allclose(shown, official.transpose(2, 0, 1), atol=1e-3)


def test_what_is_not_slice_is_0_after_normalization():
    image = sam_image(full_range_bytes((100, 50)), None, (1.0, 1.0), SAM, 224)
    assert image.shown_px == (224, 112)
    assert image.pixels.shape == (3, 224, 224)
    assert image.pixels.dtype == np.float32
    assert np.all(image.pixels[:, :, 112:] == 0)
    assert np.any(image.pixels[:, :, :112] != 0)


def test_an_intensity_scale_does_not_matter():
    plane = full_range_bytes((60, 60)).astype(np.float32)
    for normalization in (SAM, MEDSAM):
        one = sam_image(plane, None, (1.0, 1.0), normalization, 224).pixels
        other = sam_image(plane * 7.5, None, (1.0, 1.0), normalization, 224).pixels
        np.testing.assert_allclose(one, other, atol=2.1 / 255 / STD.min() * 255)


def test_medsam_sees_0_to_1_without_the_brightest_and_darkest_half_percent():
    plane = np.linspace(1.0, 1001.0, 200 * 200).reshape(200, 200)
    image = sam_image(plane, None, (1.0, 1.0), MEDSAM, 224)
    shown = image.pixels[:, :224, :224]
    assert shown.min() == 0.0
    assert shown.max() == 1.0
    gray = MEDSAM.gray_levels(plane)
    assert np.mean(gray == 0) == pytest.approx(0.005 + 0.5 / 255, abs=1e-3)  # clipped, and rounded down to 0
    assert np.mean(gray == 255) == pytest.approx(0.005 + 0.5 / 255, abs=1e-3)


def test_air_of_value_0_does_not_count_in_the_percentiles_of_medsam():
    plane = np.zeros((100, 100), np.float32)
    plane[:10] = np.linspace(100.0, 200.0, 1000).reshape(10, 100)
    gray = MEDSAM.gray_levels(plane)
    assert gray[5].mean() == pytest.approx(255 * 0.55, abs=3)  # row 5 holds 150 to 160 of 100 to 200


@pytest.mark.parametrize("normalization", [SAM, MEDSAM], ids=lambda entry: entry.id)
@pytest.mark.parametrize("value", [0.0, 9.0])
def test_a_slice_of_one_gray_gives_finite_pixels(normalization, value):
    image = sam_image(np.full((50, 50), value), None, (1.0, 1.0), normalization, 224)
    assert np.isfinite(image.pixels).all()


def test_the_region_is_a_square_of_176_mm_around_the_heart():
    image = sam_image(full_range_bytes((300, 300)), HeartBox((140.0, 160.0), (100.0, 90.0)), (1.1, 1.1), SAM, 224)
    window_px = 224 * image.crop.step_px[0]
    assert window_px * 1.1 == pytest.approx(176.0)
    assert image.crop.center_px == pytest.approx((140.0, 160.0), abs=0.5)
    assert image.shown_px == (224, 224)


def test_a_larger_heart_is_shown_with_a_margin():
    image = sam_image(full_range_bytes((300, 300)), HeartBox((150.0, 150.0), (120.0, 200.0)), (1.0, 1.0), SAM, 224)
    assert 224 * image.crop.step_px[0] == pytest.approx(224.0)


def test_the_region_is_moved_into_the_slice_so_that_nothing_of_it_is_padding():
    plane = np.arange(200 * 200, dtype=np.float32).reshape(200, 200)
    image = sam_image(plane, HeartBox((10.0, 195.0), (80.0, 80.0)), (1.0, 1.0), SAM, 224)
    rows, columns = image.crop.coordinates_px(0), image.crop.coordinates_px(1)
    assert image.shown_px == (224, 224)
    assert (round(rows[0]), round(rows[-1])) == (0, 175)
    assert (round(columns[0]), round(columns[-1])) == (24, 199)


def test_only_a_slice_smaller_than_the_region_is_padded():
    image = sam_image(full_range_bytes((300, 100)), HeartBox((150.0, 50.0), (80.0, 80.0)), (1.0, 1.0), SAM, 224)
    assert image.shown_px == (224, round(224 * 100 / 176))


def test_the_crop_says_where_the_pixels_lie():
    """The crop of a ramp over rows and columns has the ramp's values at the coordinates that it names."""
    ramp = np.add.outer(np.arange(220.0), np.arange(220.0) * 0.0)
    ramp = ramp * (255.0 / 219.0)
    image = sam_image(ramp, HeartBox((100.0, 100.0), (80.0, 80.0)), (1.0, 1.0), SAM, 512)
    gray = image.pixels[0] * STD[0] + MEAN[0]
    expected = image.crop.coordinates_px(0) * (255.0 / 219.0)
    np.testing.assert_allclose(gray[8:-8, 100], expected[8:-8], atol=1.1)


def test_oblong_pixels_become_square():
    image = sam_image(full_range_bytes((100, 200)), None, (2.0, 1.0), SAM, 224)
    assert image.shown_px == (224, 224)
    assert image.crop.step_px == pytest.approx((100 / 224, 200 / 224))


def test_the_normalization_of_sam_is_that_of_the_package():
    from segment_anything.modeling import Sam

    sam = Sam(torch.nn.Identity(), torch.nn.Identity(), torch.nn.Identity())
    gray = full_range_bytes((16, 16))
    expected = (torch.from_numpy(gray).float()[None] - sam.pixel_mean) / sam.pixel_std
    np.testing.assert_allclose(SAM.values(gray), expected.numpy(), atol=1e-6)
