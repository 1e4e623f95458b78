"""Claims about batches of cycles: one view for all frames, labels at their frames, the same batch for the same step."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.augmentation import AUGMENTATIONS
from CardioSAMLib.training.cine_options import CineOptions
from CardioSAMLib.training.cine_sampling import CycleBatches, random_cycle
from CardioSAMLib.training.sampling import Part

OPTIONS = CineOptions(cycles=2, teacher_frames=1)


@pytest.fixture
def sampler(cine_configuration, cines):
    def made(options=OPTIONS, part=None, **changes):
        arguments = () if part is None else (part,)
        return CycleBatches(replace(cine_configuration, **changes), options, cines, *arguments)

    return made


def test_frames_that_are_alike_look_alike_in_every_view(cine_configuration, cines):
    still = replace(cines[0], images=np.repeat(cines[0].images[:1], 6, axis=0))
    for augmentation in (AUGMENTATIONS["jain"], replace(cine_configuration.augmentation, noise=0.0)):
        to = replace(cine_configuration, augmentation=augmentation)
        images = random_cycle(still, 1, to, (5,)).images
        torch.testing.assert_close(images, images[:1].expand_as(images), rtol=0, atol=1e-5)
        assert not torch.allclose(images, random_cycle(still, 1, to, (6,)).images, atol=0.1)


def test_labels_are_those_of_the_labeled_frames_wherever_the_cycle_begins(cine_configuration, cines):
    """The cavity is the brightest there is, and of another size in every frame."""
    to = replace(cine_configuration, augmentation=replace(AUGMENTATIONS["jain"], anywhere_share=0.0, shift_mm=3.0))
    began = set()
    for seed in range(8):
        view = random_cycle(cines[0], 1, to, (seed,))
        began.add(tuple(view.labeled.tolist()))
        bright = view.images[view.labeled][:, 1].flatten(1)
        threshold = (bright.amax(1, keepdim=True) + bright.amin(1, keepdim=True)) / 2
        found, expected = (bright > threshold).float().mean(1), view.shares[:, 3].mean(dim=(1, 2))
        torch.testing.assert_close(found, expected, rtol=0.15, atol=0.005)
        torch.testing.assert_close(view.shares.sum(1), torch.ones(2, 32, 32))
    assert len(began) > 3


def test_a_batch_is_a_function_of_its_step(sampler):
    first, again, other = sampler().at(3), sampler().at(3), sampler().at(4)
    for name in ("images", "shares", "asked", "labeled"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.images, other.images)


def test_a_batch_has_all_frames_of_its_cycles_and_asks_for_some(sampler):
    batch = sampler().at(0)
    assert sum(batch.frames) == len(batch.images)
    assert len(batch.frames) == 2
    assert len(batch.shares) == int(batch.labeled.sum()) == 2 * 2
    assert len(batch.asked) == len(batch.labeled) == 2 * (2 + 1)
    assert batch.asked.diff().min() > 0
    in_first = batch.asked < batch.frames[0]
    assert batch.labeled[in_first].sum() == 2


def test_no_more_frames_are_asked_for_than_there_are(sampler):
    batch = sampler(CineOptions(cycles=1, teacher_frames=100)).at(0)
    assert batch.asked.tolist() == list(range(len(batch.images)))


def test_every_cycle_comes_once_a_pass_and_its_views_come_again_after_so_many(sampler):
    one_pass = 4  # 2 cines of 4 slices, 2 cycles per step
    kept = sampler(views=2)
    views = [[kept.at(step + turn * one_pass) for step in range(one_pass)] for turn in range(3)]

    def images_of(batches):
        return {tuple(cycle[0].flatten().tolist()) for b in batches for cycle in b.images.split(b.frames)}

    assert images_of(views[0]) == images_of(views[2])
    assert not images_of(views[0]) & images_of(views[1])
    assert len(images_of(views[0])) == 8, "every cycle once"
    new = sampler(views=0)
    assert not images_of([new.at(0)]) & images_of([new.at(step) for step in range(one_pass, 3 * one_pass)])


def test_processes_share_the_cycles_of_a_step(sampler):
    whole = sampler().at(2)
    parts = [sampler(part=Part(index, 2)).at(2) for index in (0, 1)]
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
    with pytest.raises(UnusableInput, match="cannot be divided among 3"):
        sampler(part=Part(0, 3))


@pytest.mark.parametrize("values", [{"cycles": 0}, {"teacher_frames": -1}, {"consistency": -1.0}, {"cycle_loss": -0.1}])
def test_values_that_mean_nothing_are_refused(values):
    with pytest.raises(UnusableInput, match=r"\[cines\] needs"):
        CineOptions(**values)
