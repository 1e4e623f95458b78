"""Claims about samples, splits and the exported file."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import normalize
from CardioSAMLib.evaluation.protocols.splits import Split, read_split, stratified_split
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.training.augmentation import (
    AUGMENTATIONS,
    AugmentationOptions,
    random_crop,
    random_look,
    renormalize,
    sampling_grid,
)
from CardioSAMLib.training.dataset import SliceSampler, Volume
from CardioSAMLib.training.export import check_same, export_onnx, largest_difference

STILL = AugmentationOptions(
    shift_mm=0, anywhere_share=0, rotation_degrees=0, log_scale=0, shear=0, lone_slice_share=0, gamma_log=0,
    brightness=0, contrast_log=0, noise=0, bias_field=0, blur_share=0,
)  # fmt: skip


def test_every_slice_is_drawn_once_per_pass(volumes):
    sampler = SliceSampler(volumes, batch=4, seed=0)
    drawn = Counter(sample for step in range(3) for sample in sampler.at(step))
    assert drawn == {(volume, number): 1 for volume in range(3) for number in range(4)}


def test_a_step_draws_the_same_slices_whatever_was_drawn_before(volumes):
    assert SliceSampler(volumes, 4, 7).at(5) == SliceSampler(volumes, 4, 7).at(5)
    assert SliceSampler(volumes, 4, 7).at(5) != SliceSampler(volumes, 4, 8).at(5)


def test_a_crop_without_augmentation_shows_the_heart_in_its_middle(volumes):
    image, share = random_crop(volumes[1], 2, 32, 1.4, STILL, (0, 0, 0))
    middle = share[:, 12:20, 12:20].argmax(0)
    assert (middle == 3).all()
    assert image.shape == (3, 32, 32)
    assert share.sum(0).numpy() == pytest.approx(1.0, abs=0.01)


def test_image_and_labels_are_turned_and_shifted_together(volumes):
    for place in range(20):
        image, share = random_crop(volumes[0], 1, 32, 1.4, AugmentationOptions(anywhere_share=0), (0, 0, place))
        cavity = share[3] > 0.99
        outside = share[0] > 0.99
        if cavity.any() and outside.any():
            assert image[1][cavity].mean() > image[1][outside].mean() + 0.4


UPRIGHT = replace(STILL, quarter_turns=False, mirror=False, log_aspect=0.0)


def sides_px(options, place):
    """How far the cavity (40 px across) reaches in rows and columns in a view."""
    rows, columns = np.mgrid[:96, :96]
    disk = np.hypot(rows - 47.5, columns - 47.5) < 20
    targets = np.stack([~disk, disk & False, disk & False, disk])[None] * np.uint8(255)
    volume = Volume("disk", disk[None].astype(np.float16), targets, (47.5, 47.5))
    _, share = random_crop(volume, 0, 64, 1.4, options, (0, place))
    return np.ptp(np.argwhere(share[3].numpy() > 0.5), axis=0)


def test_a_view_without_options_is_the_slice_as_it_is():
    assert sides_px(UPRIGHT, 0).tolist() == [39, 39]


def test_the_uniform_scale_stays_in_its_range_and_reaches_its_ends():
    found = np.array([sides_px(replace(UPRIGHT, scale=0.1), place) for place in range(60)]) / 39.0
    assert found.min() > 1 / 1.15
    assert found.max() < 1 / 0.85
    assert found.min() < 0.95
    assert found.max() > 1.05


def linear_map(options, seed):
    """Of a view: the steps in the slice, as (row, column), of one pixel down and of one to the right; the columns."""
    grid = sampling_grid(np.array([47.5, 47.5]), (96, 96), 65, options, np.random.default_rng(seed))[0].numpy()
    places = grid[..., ::-1].astype(float) * 95 / 2
    return np.stack([places[64, 0] - places[0, 0], places[0, 64] - places[0, 0]], axis=1) / 64


def test_the_published_views_are_turned_by_up_to_15_degrees_and_scaled_by_up_to_a_tenth_but_never_mirrored():
    options = replace(AUGMENTATIONS["jain"], elastic_share=0.0)
    maps = np.stack([linear_map(options, seed) for seed in range(300)])
    determinants = np.linalg.det(maps)
    assert determinants.min() > 0.0
    np.testing.assert_allclose(maps.transpose(0, 2, 1) @ maps, determinants[:, None, None] * np.eye(2), atol=1e-5)
    scales, angles_degrees = np.sqrt(determinants), np.rad2deg(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    assert (angles_degrees.min(), angles_degrees.max()) == (pytest.approx(-15, abs=1), pytest.approx(15, abs=1))
    assert np.abs(angles_degrees).max() <= 15.0 + 1e-4
    assert (scales.min(), scales.max()) == (pytest.approx(0.9, abs=0.01), pytest.approx(1.1, abs=0.01))
    assert scales.min() >= 0.9 - 1e-6
    assert scales.max() <= 1.1 + 1e-6


def test_the_usual_views_are_turned_by_every_quarter_and_mirrored_or_not_all_as_often():
    options = AugmentationOptions(rotation_degrees=0.0, log_scale=0.0, log_aspect=0.0, shear=0.0)
    maps = np.stack([linear_map(options, seed) for seed in range(400)])
    np.testing.assert_allclose(maps, maps.round(), atol=1e-5)
    # A determinant of 1 or -1 and, of the first column, one of four directions.
    seen = Counter((round(np.linalg.det(one)), *one[:, 0].round().astype(int).tolist()) for one in maps)
    directions = [(1, 0), (0, 1), (-1, 0), (0, -1)]
    assert seen.keys() == {(sign, *direction) for sign in (1, -1) for direction in directions}
    assert min(seen.values()) > 25


def test_elastic_bends_by_so_many_pixels_at_points_so_far_apart():
    """Sampled places against those without: at the control points a normal distribution, smooth between them."""
    straight, bent = (
        [
            sampling_grid(np.array([47.5, 47.5]), (96, 96), 65, options, np.random.default_rng(seed))[0].numpy()
            for seed in range(200)
        ]
        for options in (UPRIGHT, replace(UPRIGHT, elastic_share=1.0))
    )
    moved_px = (np.stack(bent) - np.stack(straight)) * 95 / 2
    assert moved_px[:, ::32, ::32].std() == pytest.approx(4.0, rel=0.1)
    assert np.abs(np.diff(moved_px, axis=1)).max() < 4.0
    assert np.corrcoef(moved_px[:, 0, 0, 0], moved_px[:, 32, 0, 0])[0, 1] == pytest.approx(0.0, abs=0.2)


def test_elastic_bends_as_many_samples_as_asked_for():
    options = [replace(UPRIGHT, elastic_share=share) for share in (0.0, 0.5)]
    grids = [
        [sampling_grid(np.zeros(2), (96, 96), 32, one, np.random.default_rng(seed)) for seed in range(200)]
        for one in options
    ]
    bent = sum(not torch.equal(a, b) for a, b in zip(*grids, strict=True))
    assert bent == pytest.approx(100, abs=25)


def test_the_look_changes_brightness_but_not_places(volumes):
    crops = torch.stack([random_crop(volume, 1, 32, 1.4, STILL, (0, 0, 0))[0] for volume in volumes])
    normal = renormalize(crops)
    looked = random_look(normal, AugmentationOptions(), torch.Generator().manual_seed(0))
    for before, after in zip(normal[:, 1], looked[:, 1], strict=True):
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.8
    assert not torch.allclose(normal, looked, atol=0.1)


def test_a_scanner_s_noise_is_on_its_share_of_the_samples_and_lifts_the_dark():
    dark_and_bright = torch.zeros(200, 3, 32, 32)
    dark_and_bright[..., 16:] = 1.0
    looked = random_look(
        dark_and_bright, replace(STILL, rician_share=0.5, rician=0.3), torch.Generator().manual_seed(0)
    )
    dark, bright = looked[:, 1, :, :16], looked[:, 1, :, 16:]
    noisy = dark.std((-2, -1)) > 1e-4
    assert int(noisy.sum()) == pytest.approx(100, abs=25)
    # A magnitude cannot be negative: noise alone has a mean, so light and dark come closer than the noise is strong.
    contrast = bright.mean((-2, -1)) - dark.mean((-2, -1))
    torch.testing.assert_close(contrast[~noisy], torch.full_like(contrast[~noisy], 2.0), rtol=0, atol=1e-3)
    assert contrast[noisy].max() < 2.0


def test_training_normalizes_as_use_does():
    images = np.random.default_rng(0).gamma(2.0, 50.0, (2, 3, 40, 40)).astype(np.float32)
    np.testing.assert_allclose(renormalize(torch.from_numpy(images)).numpy(), normalize(images), atol=1e-4)


def test_the_exported_file_computes_what_the_network_computes_and_names_no_path(tmp_path):
    import onnxruntime

    torch.manual_seed(0)
    network = UNet25D((4, 6, 8)).eval()
    export_onnx(network, tmp_path / "model.onnx", 32)
    content = (tmp_path / "model.onnx").read_bytes()
    assert b"CardioSAMLib" not in content
    assert b"site-packages" not in content
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    for batch, rows, columns in [(1, 32, 32), (3, 48, 64)]:
        images = torch.randn(batch, 3, rows, columns)
        (probabilities,) = session.run(None, {"images": images.numpy()})
        expected = torch.softmax(network(images), dim=1).detach().numpy()
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert largest_difference(network, tmp_path / "model.onnx", 32) < 1e-3
    with torch.no_grad():
        network.heads[0].bias[1] += 0.5
    assert 0.1 < largest_difference(network, tmp_path / "model.onnx", 32) < 0.6


def test_a_file_that_gives_no_numbers_is_not_the_same_and_is_refused(tmp_path):
    network = UNet25D((4, 8)).eval()
    with torch.no_grad():
        network.heads[0].bias.fill_(float("nan"))
    export_onnx(network, tmp_path / "model.onnx", 32)
    difference = largest_difference(UNet25D((4, 8)), tmp_path / "model.onnx", 32)
    assert difference == math.inf
    check_same(1e-4)
    with pytest.raises(UnusableInput, match="the training is kept"):
        check_same(difference)


def test_a_split_takes_the_same_share_of_every_group():
    groups = {f"p{number:03d}": "ABCDE"[number % 5] for number in range(100)}
    split = stratified_split(groups, 0.2, seed=3)
    assert Counter(groups[name] for name in split.validation) == dict.fromkeys("ABCDE", 4)
    assert set(split.train) | set(split.validation) == set(groups)
    assert split == stratified_split(groups, 0.2, seed=3)
    assert split != stratified_split(groups, 0.2, seed=4)


def test_a_patient_in_both_parts_is_refused():
    with pytest.raises(UnusableInput, match="p1 in training and validation"):
        Split(("p1", "p2"), ("p1",))


def test_a_file_that_is_no_split_is_refused(tmp_path):
    (tmp_path / "split.json").write_text("[]")
    with pytest.raises(UnusableInput, match="is not a split"):
        read_split(tmp_path / "split.json")
