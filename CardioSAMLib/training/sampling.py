"""The batches of a training: each a function of (seed, step), so that a resumed run sees the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.augmentation import AugmentationOptions, random_crop, random_look, renormalize
from CardioSAMLib.training.configuration import TrainingConfiguration
from CardioSAMLib.training.dataset import SliceSampler, Volume
from CardioSAMLib.training.networks import network_kind
from CardioSAMLib.training.stack_sampling import StackOptions, StackSampler, stack_batch


@dataclass(frozen=True, eq=False)
class Batch:
    """images: float `(batch, 3, size, size)`. shares: `(batch, classes, size, size)`. stacks: int `(batch,)`, which
    stack a slice belongs to, where whole stacks are drawn."""

    images: Tensor
    shares: Tensor
    stacks: Tensor | None = None


class Sampler(Protocol):
    """Batches by step. The same step gives the same batch, whatever was drawn before."""

    def at(self, step: int) -> Batch: ...


@dataclass(frozen=True)
class Part:
    """Which of several processes draws: each draws an equal part of every batch."""

    index: int = 0
    count: int = 1

    def of(self, batch: int, least: int = 1) -> int:
        """Samples of this process. Raises UnusableInput where the batch cannot be divided, or one would have fewer than
        `least`."""
        if batch % self.count:
            raise UnusableInput(
                f"A batch of {batch} cannot be divided among {self.count} processes; start another number."
            )
        if batch < least * self.count:
            raise UnusableInput(
                f"This network must see {least} slices at once in each process; give a batch of {least * self.count} "
                "or more."
            )
        return batch // self.count

    def step(self, step: int) -> int:
        """The step among those of all processes, counted as if they came one after the other."""
        return step * self.count + self.index


ALONE = Part()


def batches_of(configuration: TrainingConfiguration, volumes: Sequence[Volume], part: Part = ALONE) -> Sampler:
    """The sampler that a configuration asks for."""
    if configuration.stacks is not None:
        return StackBatches(configuration, configuration.stacks, volumes, part)
    return SliceBatches(configuration, volumes, part)


class SliceBatches:
    """Slices in random views: new ones in every step or, with `configuration.views`, so many of each, in turn."""

    def __init__(self, configuration: TrainingConfiguration, volumes: Sequence[Volume], part: Part) -> None:
        self._to, self._volumes, self._part = configuration, volumes, part
        least = network_kind(configuration.network.kind).least_batch
        self._sampler = SliceSampler(volumes, part.of(configuration.batch, least), configuration.seed)

    def at(self, step: int) -> Batch:
        to, step = self._to, self._part.step(step)
        drawn = self._sampler.at(step)
        if to.views:
            return Batch(*_kept_views(self._volumes, drawn, self._sampler.passes_at(step), to))
        return Batch(*random_views(self._volumes, drawn, to.size_px, to.grid_mm, to.augmentation, to.seed, step))


class StackBatches:
    """Whole stacks in random views."""

    def __init__(
        self, configuration: TrainingConfiguration, options: StackOptions, volumes: Sequence[Volume], part: Part
    ) -> None:
        self._to, self._options, self._volumes, self._part = configuration, options, volumes, part
        self._sampler = StackSampler(volumes, part.of(options.stacks), configuration.seed)

    def at(self, step: int) -> Batch:
        to = self._to
        step = self._part.step(step)
        return Batch(
            *stack_batch(
                self._volumes, self._sampler, to.size_px, to.grid_mm, to.augmentation, self._options, to.seed, step
            )
        )


def random_views(
    volumes: Sequence[Volume],
    drawn: Sequence[tuple[int, int]],
    size_px: int,
    grid_mm: float,
    augmentation: AugmentationOptions,
    seed: int,
    step: int,
) -> tuple[Tensor, Tensor]:
    """Images `(batch, 3, size, size)` and class shares of (volume, slice) pairs, in views that only this step has."""
    crops = [
        random_crop(volumes[v], s, size_px, grid_mm, augmentation, (seed, step, place))
        for place, (v, s) in enumerate(drawn)
    ]
    generator = torch.Generator().manual_seed(seed * 2**32 + step)
    images = renormalize(torch.stack([image for image, _ in crops]))
    return random_look(images, augmentation, generator), torch.stack([share for _, share in crops])


def _kept_views(
    volumes: Sequence[Volume], drawn: Sequence[tuple[int, int]], passes: Sequence[int], to: TrainingConfiguration
) -> tuple[Tensor, Tensor]:
    """As `random_views`, but a view depends on seed, slice and turn alone: it comes again after `to.views` passes."""
    images, shares = [], []
    for (v, s), number in zip(drawn, passes, strict=True):
        seed = (to.seed, v, s, number % to.views)
        image, share = random_crop(volumes[v], s, to.size_px, to.grid_mm, to.augmentation, seed)
        generator = torch.Generator().manual_seed(int(np.random.default_rng((*seed, 1)).integers(2**62)))
        images.append(random_look(renormalize(image[None]), to.augmentation, generator)[0])
        shares.append(share)
    return torch.stack(images), torch.stack(shares)


def prefetched(sampler: Sampler, first: int, end: int, workers: int) -> Iterator[Batch]:
    """The batches of the steps `first` to `end`, made ahead by so many processes; 0: made when they are asked for."""
    # With a generator of its own: it would else draw from the one that the network's dropout uses.
    return iter(
        DataLoader(_Steps(sampler, first, end), batch_size=None, num_workers=workers, generator=torch.Generator())
    )


class _Steps(Dataset[Batch]):
    def __init__(self, sampler: Sampler, first: int, end: int) -> None:
        self._sampler, self._first, self._end = sampler, first, end

    def __len__(self) -> int:
        return self._end - self._first

    def __getitem__(self, number: int) -> Batch:
        return self._sampler.at(self._first + number)
