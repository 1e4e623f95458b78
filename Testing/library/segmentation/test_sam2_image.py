"""Claims about `sam2_image`."""

import numpy as np
import pytest
import torch

from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.sam2_image import sam2_image

transforms = pytest.importorskip("sam2.utils.transforms", reason="the package sam2 is not installed (extra sam2)")


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize("shape", [(150, 181), (300, 224), (40, 700)])
def test_the_whole_slice_is_scaled_and_normalized_as_by_the_official_transform(shape):
    gray = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    image = sam2_image(gray, None, (1.4, 1.4), 224)
    expected = transforms.SAM2Transforms(224, 0.0)(np.stack([gray] * 3, axis=-1))
    torch.testing.assert_close(torch.from_numpy(image.pixels), expected, atol=1e-5, rtol=0)
    assert image.shown_px == (224, 224)


def test_the_crop_covers_the_slice_along_both_axes():
    """A slice of 100 x 200 pixels on 224 pixels each way: their centers lie half a step inside its border."""
    crop = sam2_image(np.zeros((100, 200), np.uint8), None, (1.4, 1.4), 224).crop
    for axis, size in enumerate((100, 200)):
        step = size / 224
        places = crop.coordinates_px(axis)
        np.testing.assert_allclose(places[[0, -1]], [-0.5 + step / 2, size - 0.5 - step / 2])


def test_the_region_is_the_square_of_176_mm_around_the_heart():
    gray = np.zeros((300, 300), np.uint8)
    gray[100, 120] = 255
    region = HeartBox((100.0, 120.0), (80.0, 80.0))
    image = sam2_image(gray, region, (1.0, 1.0), 352)
    brightest = np.unravel_index(image.pixels[0].argmax(), (352, 352))
    assert [image.crop.coordinates_px(axis)[place] for axis, place in enumerate(brightest)] == pytest.approx(
        [100, 120], abs=0.5
    )
    assert image.crop.step_px == (0.5, 0.5)
