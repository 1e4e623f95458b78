"""Claims about `model_image`: what a model answers lands where it belongs on the slice."""

import numpy as np
import pytest
import torch

from CardioSAMLib.crops import Crop
from CardioSAMLib.segmentation.model_image import NOWHERE_LOGIT, ModelImage, native_logits


def image_of_window(first, window, shown, size):
    step = (window[0] / shown[0], window[1] / shown[1])
    center = (first[0] - 0.5 + step[0] * size / 2, first[1] - 0.5 + step[1] * size / 2)
    return ModelImage(np.zeros((3, size, size), np.float32), Crop(center, step, size), shown)


@pytest.mark.parametrize(("window", "shown"), [((20, 30), (64, 96)), ((120, 90), (96, 72)), ((96, 96), (96, 96))])
def test_the_shown_part_is_interpolated_as_by_torch_without_aligned_corners(window, shown):
    logits = np.random.default_rng(0).normal(size=(96, 96)).astype(np.float32)
    native = native_logits(logits, image_of_window((0, 0), window, shown, 96), window)
    cut = torch.from_numpy(logits)[None, None, : shown[0], : shown[1]]
    expected = torch.nn.functional.interpolate(cut, window, mode="bilinear", align_corners=False)[0, 0].numpy()
    np.testing.assert_allclose(native, expected, atol=1e-4)


def test_a_bright_pixel_of_the_image_is_the_pixel_of_the_slice_under_it():
    logits = np.full((64, 64), -5.0, np.float32)
    logits[8:12, 20:24] = 5.0  # with 4 image pixels per native pixel: row 2, column 5 of the window
    native = native_logits(logits, image_of_window((30, 40), (16, 16), (64, 64), 64), (100, 100))
    assert np.argwhere(native > 0).tolist() == [[32, 45]]


def test_pixels_that_the_model_has_not_seen_are_nowhere_near_a_structure():
    logits = np.full((64, 64), 3.0, np.float32)
    native = native_logits(logits, image_of_window((30, 40), (16, 8), (64, 32), 64), (100, 100))
    shown = np.zeros((100, 100), bool)
    shown[30:46, 40:48] = True
    np.testing.assert_allclose(native[shown], 3.0)
    assert np.all(native[~shown] == NOWHERE_LOGIT)


def test_an_image_that_reaches_beyond_the_slice_is_cut_there():
    native = native_logits(np.ones((16, 16), np.float32), image_of_window((-4, -4), (16, 16), (16, 16), 16), (8, 8))
    np.testing.assert_allclose(native, 1.0)


def test_an_image_beside_the_slice_leaves_all_of_it_unseen():
    native = native_logits(np.ones((16, 16), np.float32), image_of_window((50, 0), (16, 16), (16, 16), 16), (8, 8))
    assert np.all(native == NOWHERE_LOGIT)
