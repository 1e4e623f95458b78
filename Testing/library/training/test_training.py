"""Claims about samples, splits, the loop and the exported file."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import normalize
from CardioSAMLib.evaluation.protocols.splits import Split, read_split, stratified_split
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.resources import resources_dir
from CardioSAMLib.training.augmentation import AugmentationOptions, random_crop, random_look, renormalize
from CardioSAMLib.training.configuration import read_configuration
from CardioSAMLib.training.dataset import SliceSampler
from CardioSAMLib.training.export import export_onnx
from CardioSAMLib.training.loop import train
from CardioSAMLib.training.schedule import learning_rate

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


def test_the_look_changes_brightness_but_not_places(volumes):
    crops = torch.stack([random_crop(volume, 1, 32, 1.4, STILL, (0, 0, 0))[0] for volume in volumes])
    normal = renormalize(crops)
    looked = random_look(normal, AugmentationOptions(), torch.Generator().manual_seed(0))
    for before, after in zip(normal[:, 1], looked[:, 1], strict=True):
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.8
    assert not torch.allclose(normal, looked, atol=0.1)


def test_training_normalizes_as_use_does():
    images = np.random.default_rng(0).gamma(2.0, 50.0, (2, 3, 40, 40)).astype(np.float32)
    np.testing.assert_allclose(renormalize(torch.from_numpy(images)).numpy(), normalize(images), atol=1e-4)


def test_the_learning_rate_warms_up_and_falls_to_zero(configuration):
    rates = [learning_rate(step, 100, 10, configuration.learning_rate) for step in range(101)]
    assert rates[9] == pytest.approx(configuration.learning_rate)
    assert rates[55] == pytest.approx(configuration.learning_rate / 2)
    assert rates[100] == pytest.approx(0.0, abs=1e-9)
    assert max(rates) <= configuration.learning_rate


def test_training_learns(volumes, configuration, tmp_path):
    longer = replace(configuration, steps=60, validate_every=30, learning_rate=1e-2)
    train(longer, volumes, volumes[:1], tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [30, 60]
    assert rows[1]["loss"] < 0.8 * rows[0]["loss"]


def test_a_run_killed_and_resumed_ends_as_if_it_had_not_been(volumes, configuration, tmp_path):
    class Killed(Exception):
        pass

    def kill_at_step_five(fraction, _message):
        if fraction > 5 / configuration.steps - 1e-9:
            raise Killed

    whole = train(configuration, volumes, volumes[:1], tmp_path / "whole", save_every=3)
    with pytest.raises(Killed):
        train(configuration, volumes, volumes[:1], tmp_path / "killed", kill_at_step_five, save_every=3)
    resumed = train(configuration, volumes, volumes[:1], tmp_path / "killed", save_every=3)
    for key, value in whole.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[key]), key


def test_a_checkpoint_of_another_configuration_is_not_continued(volumes, configuration, tmp_path):
    train(configuration, volumes, volumes[:1], tmp_path)
    with pytest.raises(UnusableInput, match="another configuration"):
        train(replace(configuration, steps=9), volumes, volumes[:1], tmp_path)


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


@pytest.mark.parametrize("path", sorted((resources_dir() / "training").glob("*.json")), ids=lambda path: path.stem)
def test_every_configuration_that_ships_can_be_read_and_names_a_split_that_ships(path):
    split = read_split(resources_dir() / "splits" / read_configuration(path).split)
    assert len(split.train) == 80
    assert len(split.validation) == 20


def test_an_unknown_key_in_a_configuration_is_named(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"name": "mine", "widths": [4, 8], "split": "s.json", "learning_rat": 1}')
    with pytest.raises(UnusableInput, match="learning_rat"):
        read_configuration(path)


def test_a_file_that_is_no_split_is_refused(tmp_path):
    (tmp_path / "split.json").write_text("[]")
    with pytest.raises(UnusableInput, match="is not a split"):
        read_split(tmp_path / "split.json")
