"""Random views of whole stacks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from CardioSAMLib.training.augmentation import AugmentationOptions
from CardioSAMLib.training.configuration import NetworkChoice
from CardioSAMLib.training.dataset import Volume
from CardioSAMLib.training.export import export_onnx, largest_difference
from CardioSAMLib.training.networks import WidthOptions
from CardioSAMLib.training.stack_sampling import StackOptions, StackSampler, random_stack, stack_batch

PLAIN = AugmentationOptions(
    shift_mm=0, anywhere_share=0, rotation_degrees=0, quarter_turns=False, mirror=False, log_scale=0, log_aspect=0,
    shear=0, lone_slice_share=0, gamma_log=0, brightness=0, contrast_log=0, noise=0, bias_field=0, blur_share=0,
)  # fmt: skip
SEES_STACKS = NetworkChoice("stack-unet", WidthOptions((6, 6, 6, 6, 12)))
STILL = StackOptions(stacks=2, slice_shift_mm=0.0, cut_share=0.0, coarse_share=0.0)


def centroid(share: torch.Tensor) -> torch.Tensor:
    places = torch.cartesian_prod(*(torch.arange(float(side)) for side in share.shape))
    return (places * share.flatten()[:, None]).sum(0) / share.sum()


@pytest.fixture
def volumes() -> list[Volume]:
    """Three volumes of 9, 10 and 11 slices of random pixels; in each slice a square of LV, at another place in each."""
    random = np.random.default_rng(0)
    made = []
    for slices in (9, 10, 11):
        targets = np.zeros((slices, 4, 48, 48), np.uint8)
        for number in range(slices):
            targets[number, 3, 10 + number : 30 + number, 12:32] = 255
        targets[:, 0] = 255 - targets[:, 3]
        made.append(Volume(f"p{slices}", random.random((slices, 48, 48)).astype(np.float16), targets, (24.0, 24.0)))
    return made


def test_every_volume_is_drawn_once_per_pass(volumes: list[Volume]) -> None:
    sampler = StackSampler(volumes, 1, seed=3)
    assert sorted(number for step in range(3) for number in sampler.at(step)) == [0, 1, 2]
    assert [sampler.at(step) for step in range(6)] == [StackSampler(volumes, 1, seed=3).at(step) for step in range(6)]


def test_a_batch_holds_whole_stacks_in_order(volumes: list[Volume]) -> None:
    sampler = StackSampler(volumes, 2, seed=0)
    images, shares, stacks = stack_batch(volumes, sampler, 32, 1.4, PLAIN, STILL, 0, 0)
    sizes = [len(volumes[number].images) for number in sampler.at(0)]
    assert torch.bincount(stacks).tolist() == sizes
    assert torch.all(stacks.diff() >= 0)
    assert images.shape == (sum(sizes), 3, 32, 32)
    assert shares.shape == (sum(sizes), 4, 32, 32)
    torch.testing.assert_close(shares.sum(1), torch.ones_like(shares[:, 0]), rtol=0, atol=0.02)
    # The middle channel of a slice is the outer one of its neighbor.
    torch.testing.assert_close(images[1, 0], images[0, 1])
    torch.testing.assert_close(images[0, 2], images[1, 1])


def test_a_batch_is_a_function_of_seed_and_step(volumes: list[Volume]) -> None:
    sampler, options = StackSampler(volumes, 2, seed=0), AugmentationOptions()
    first, again, other = (
        stack_batch(volumes, sampler, 32, 1.4, options, StackOptions(), 0, step) for step in (5, 5, 6)
    )
    torch.testing.assert_close(first[0], again[0], rtol=0, atol=0)
    assert first[0].shape != other[0].shape or not torch.equal(first[0], other[0])


def test_all_slices_of_a_stack_are_turned_alike(volumes: list[Volume]) -> None:
    turning = replace(PLAIN, rotation_degrees=45.0)
    for seed in range(5):
        _, shares = random_stack(volumes[0], 64, 1.4, turning, STILL, np.random.default_rng(seed))
        centers = torch.stack([centroid(share) for share in shares[:, 3]])
        steps = centers.diff(dim=0)
        # The square moves by one pixel from slice to slice, in one direction whatever the turn is.
        torch.testing.assert_close(steps.norm(dim=1).mean(), torch.tensor(1.0), rtol=0, atol=0.05)
        torch.testing.assert_close(steps, steps.mean(0).expand_as(steps), rtol=0, atol=0.35)


def test_slices_shift_against_each_other_with_their_labels(volumes: list[Volume]) -> None:
    shifting = replace(STILL, slice_shift_mm=3.0)
    _, shares = random_stack(volumes[0], 64, 1.4, PLAIN, shifting, np.random.default_rng(0))
    centers = torch.stack([centroid(share) for share in shares[:, 3]])
    assert centers.diff(dim=0).std(0).min() > 0.5


def test_slices_are_cut_off_at_the_ends_only_and_at_most_a_third(volumes: list[Volume]) -> None:
    volume = volumes[0]
    marked = replace(volume, images=np.broadcast_to(np.arange(9.0)[:, None, None], (9, 48, 48)).astype(np.float16))
    cutting, lengths = replace(STILL, cut_share=1.0), set()
    for seed in range(30):
        images, _ = random_stack(marked, 16, 1.4, PLAIN, cutting, np.random.default_rng(seed))
        numbers = images.mean((1, 2)).round().int()
        assert torch.all(numbers.diff().abs() == 1)
        lengths.add(len(numbers))
    assert lengths == {7, 8, 9}


def test_a_network_on_the_small_encoder_is_trained_on_whole_stacks_and_exported(configuration, trained, tmp_path):
    seen = []
    stacks = replace(configuration, network=SEES_STACKS, stacks=StackOptions(stacks=1), steps=4)
    run = trained(stacks, tmp_path, progress=lambda _share, what: seen.append(what))
    assert [what.split(",")[0] for what in seen] == [f"step {step} of 4" for step in range(1, 5)]
    file = tmp_path / "stacks.onnx"
    export_onnx(run.average, file, configuration.size_px)
    assert largest_difference(run.average, file, configuration.size_px) < 1e-3
