"""Claims about noise: it is measured where there is an image, too, and only noisy images are smoothed."""

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.segmentation.automatic import CropSegmenter
from CardioSAMLib.segmentation.noise import noise_share, smoothed, smoothing_px


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_the_deviation_of_white_noise_is_found(share):
    """On a ramp, which the filter does not see."""
    ramp = np.tile(np.linspace(0.0, 1000.0, 96), (4, 96, 1))
    noisy = ramp + np.random.default_rng(0).normal(0.0, 1000.0 * share, ramp.shape)
    low, high = np.percentile(noisy, (1.0, 99.0))
    assert noise_share(noisy) == pytest.approx(1000.0 * share / (high - low), rel=0.03)


def test_noise_of_a_heart_is_found_between_its_edges():
    def noise_of(sigma):
        return noise_share(make_phantom(PhantomOptions(frames=2, noise_sigma=sigma)).cine.pixels[0])

    assert noise_of(0.001) < 0.005
    assert 0.03 < noise_of(0.05) < 0.06


@pytest.mark.parametrize(("scale", "offset"), [(0.01, 0.0), (4000.0, 0.0), (1.0, 500.0), (1.0, -3.0)])
def test_units_and_zero_of_the_image_do_not_matter(scale, offset):
    stack = np.random.default_rng(1).uniform(0.5, 1.0, (2, 40, 40))
    assert noise_share(scale * stack + offset) == pytest.approx(noise_share(stack), rel=1e-3)


def test_an_image_of_one_value_has_no_noise():
    assert noise_share(np.zeros((2, 20, 20))) == 0.0


def test_smoothing_grows_with_noise_and_begins_above_that_of_usual_images():
    """0.0182 is the noisiest of ACDC's 100 training patients and their cines, which are cropped to the heart."""
    assert smoothing_px(0.0182) == 0.0
    assert 0.0 < smoothing_px(0.03) < smoothing_px(0.1) < smoothing_px(0.16)


@pytest.mark.parametrize("channels", [1, 2], ids=["normal", "Rayleigh"])
def test_nothing_but_noise_is_not_smoothed_into_shapes(channels):
    parts = np.random.default_rng(0).normal(0.0, 1.0, (channels, 4, 96, 96))
    noise = parts[0] if channels == 1 else np.hypot(*parts)
    assert noise_share(noise) == pytest.approx(0.22, abs=0.015)
    assert smoothing_px(noise_share(noise)) == 0.0


def test_an_image_without_noise_is_left_as_it_is():
    stack = np.random.default_rng(0).integers(0, 99, (2, 20, 20))
    assert smoothed(stack, 0.0) is stack


def test_slices_are_smoothed_by_themselves():
    stack = np.zeros((3, 31, 31))
    stack[1, 15, 15] = 1.0
    found = smoothed(stack, 1.5)
    assert not found[[0, 2]].any()
    assert found[1].sum() == pytest.approx(1.0, rel=1e-4)
    assert found[1, 15, 15] == pytest.approx(1.0 / (2.0 * np.pi * 1.5**2), rel=0.02)


def test_the_segmenter_smooths_what_is_noisy_and_says_so(threshold_network, card):
    rows, columns = np.mgrid[:128, :128]
    disk = np.hypot(rows - 64, columns - 64) < 25
    plane = np.where(disk, 300.0, np.where(np.hypot(rows - 64, columns - 64) < 35, 150.0, 0.0))
    still = np.tile(plane, (1, 4, 1, 1))
    noisy = still + np.random.default_rng(0).normal(0.0, 45.0, still.shape)
    segmenter = CropSegmenter(threshold_network, card)
    settings = {}
    for name, pixels in (("still", still), ("noisy", noisy)):
        found = segmenter.segment(Cine(pixels.astype(np.float32), Geometry((1.5, 1.5, 10.0))), [0])
        settings[name] = dict(found.provenance.settings)
        lv = found.labels[0, 1] == 3
        assert 2 * (lv & disk).sum() / (lv.sum() + disk.sum()) > 0.9
    assert settings["still"] == {}
    assert float(settings["noisy"]["smoothing_px"]) > 1.0
