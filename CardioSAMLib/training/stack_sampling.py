"""Training samples that are whole stacks: one random view for all slices of a stack, as a scanner gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.training.augmentation import (
    AugmentationOptions,
    random_center,
    random_look,
    renormalize,
    sampling_grid,
)
from CardioSAMLib.training.dataset import Volume
from CardioSAMLib.training.tables import check_ranges


@dataclass(frozen=True)
class StackOptions:
    """Random views that only a stack has. Shares are probabilities per stack.

    stacks: per step. slice_shift_mm: standard deviation of the shift of each slice, as breath-holds cause it.
    cut_share: slices are left out at one end or both, at most a third of them. coarse_share: the image is made as
    coarse as a scan with pixels up to `coarsest` times as large.
    """

    stacks: int = 2
    slice_shift_mm: float = 1.0
    cut_share: float = 0.3
    coarse_share: float = 0.25
    coarsest: float = 2.0

    def __post_init__(self) -> None:
        if self.stacks < 1:
            raise UnusableInput("A step needs one stack or more.")
        check_ranges(self, "The stacks")
        if self.coarsest < 1:
            raise UnusableInput("Images can be made coarser only: give 1 or more as coarsest.")


class StackSampler:
    """Draws the stacks of a training step: all volumes once per pass, in an order fixed by the seed."""

    def __init__(self, volumes: Sequence[Volume], stacks: int, seed: int) -> None:
        self._volumes, self._stacks, self._seed = len(volumes), stacks, seed

    def at(self, step: int) -> list[int]:
        """Number of the volume of each stack of a step."""
        drawn = []
        for position in range(step * self._stacks, (step + 1) * self._stacks):
            tour, place = divmod(position, self._volumes)
            drawn.append(int(np.random.default_rng((self._seed, tour)).permutation(self._volumes)[place]))
        return drawn


def stack_batch(
    volumes: Sequence[Volume],
    sampler: StackSampler,
    size_px: int,
    grid_mm: float,
    augmentation: AugmentationOptions,
    options: StackOptions,
    seed: int,
    step: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Images `(slices, 3, size, size)`, class shares `(slices, classes, size, size)` and stack numbers `(slices,)`."""
    images, shares, numbers = [], [], []
    for place, number in enumerate(sampler.at(step)):
        random = np.random.default_rng((seed, step, place))
        generator = torch.Generator().manual_seed(int(random.integers(2**63)))
        stack, share = random_stack(volumes[number], size_px, grid_mm, augmentation, options, random)
        if random.random() < options.coarse_share:
            stack = _coarser(stack, float(random.uniform(1.0, options.coarsest)))
        # As channels of one image, so that all slices get the same look.
        looked = random_look(renormalize(stack)[None], augmentation, generator)[0]
        images.append(looked[_neighbors(len(looked), augmentation.lone_slice_share, random)])
        shares.append(share)
        numbers.append(torch.full((len(share),), place, dtype=torch.long))
    return torch.cat(images), torch.cat(shares), torch.cat(numbers)


def random_stack(
    volume: Volume,
    size_px: int,
    grid_mm: float,
    augmentation: AugmentationOptions,
    options: StackOptions,
    random: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Slices of a volume, from either end, under one random view: `(slices, size, size)` and their class shares."""
    kept = _kept(len(volume.images), options.cut_share, random)
    shape = (volume.images.shape[1], volume.images.shape[2])
    center = random_center(volume.center_px, shape, grid_mm, augmentation, random)
    grid = sampling_grid(center, shape, size_px, augmentation, random).repeat(len(kept), 1, 1, 1)
    shifts_px = random.normal(0.0, options.slice_shift_mm / grid_mm, (len(kept), 2))
    # grid_sample wants (column, row) in -1..1.
    grid += torch.from_numpy((2.0 * shifts_px / (np.asarray(shape) - 1.0))[:, None, None, ::-1].astype(np.float32))
    images = torch.from_numpy(volume.images[kept].astype(np.float32))[:, None]
    shares = torch.from_numpy(volume.targets[kept].astype(np.float32) / 255.0)
    seen, share = (
        functional.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=True)
        for planes in (images, shares)
    )
    return seen[:, 0], share


def _kept(slices: int, cut_share: float, random: np.random.Generator) -> Array:
    """Numbers of the slices, in either order."""
    kept = np.arange(slices)
    if random.random() < cut_share:
        first, last = random.integers(0, slices // 6 + 1, 2)
        kept = kept[first : slices - last]
    return kept[::-1].copy() if random.random() < 0.5 else kept


def _neighbors(slices: int, lone_share: float, random: np.random.Generator) -> Tensor:
    """Slice numbers of the three channels `(slices, 3)`; a neighbor is now and then replaced by the slice itself."""
    numbers = np.arange(slices)
    below, above = np.maximum(numbers - 1, 0), np.minimum(numbers + 1, slices - 1)
    below = np.where(random.random(slices) < lone_share, numbers, below)
    above = np.where(random.random(slices) < lone_share, numbers, above)
    return torch.from_numpy(np.stack([below, numbers, above], axis=1))


def _coarser(stack: Tensor, factor: float) -> Tensor:
    small = functional.interpolate(stack[None], scale_factor=1.0 / factor, mode="area")
    return functional.interpolate(small, stack.shape[-2:], mode="bilinear", align_corners=False)[0]
