"""Training samples that are cycles: a slice in all frames of its cine, under one random view.

Every sample is a function of (seed, step), as all batches are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from CardioSAMLib.training.augmentation import random_center, random_look, random_neighbors, renormalize, sampling_grid
from CardioSAMLib.training.cine_dataset import TrainingCine
from CardioSAMLib.training.cine_options import CineOptions
from CardioSAMLib.training.configuration import TrainingConfiguration
from CardioSAMLib.training.dataset import SliceSampler
from CardioSAMLib.training.sampling import ALONE, Batch, Part


@dataclass(frozen=True, eq=False, kw_only=True)
class CycleBatch(Batch):
    """images: all frames of a cycle in order, one cycle after the other. frames: how many each cycle has.

    asked: int `(asked,)`, the images whose segmentation the loss looks at, ascending. labeled: bool `(asked,)`.
    shares: `(labeled, classes, size, size)`, of these alone.
    """

    frames: tuple[int, ...]
    asked: Tensor
    labeled: Tensor


@dataclass(frozen=True, eq=False)
class CycleView:
    """A cycle as it is seen once.

    images: `(frames, 3, size, size)`. labeled: bool `(frames,)`. shares: `(labeled, classes, size, size)`.
    """

    images: Tensor
    labeled: Tensor
    shares: Tensor


class CycleBatches:
    """The cycles of all cines once per pass, in an order fixed by the seed.

    A view depends on seed, cycle and turn alone: with `views`, it comes again after so many passes.
    """

    def __init__(
        self,
        configuration: TrainingConfiguration,
        options: CineOptions,
        cines: Sequence[TrainingCine],
        part: Part = ALONE,
    ) -> None:
        self._to, self._options, self._cines, self._part = configuration, options, cines, part
        volumes = [next(iter(cine.labeled.values())) for cine in cines]
        self._sampler = SliceSampler(volumes, part.of(options.cycles), configuration.seed)

    def at(self, step: int) -> CycleBatch:
        to, step = self._to, self._part.step(step)
        drawn = zip(self._sampler.at(step), self._sampler.passes_at(step), strict=True)
        views = [
            random_cycle(self._cines[c], s, to, (to.seed, c, s, number % to.views if to.views else number))
            for (c, s), number in drawn
        ]
        labeled = torch.cat([view.labeled for view in views])
        asked = labeled | torch.cat(
            [self._compared(view.labeled, (to.seed, step, place)) for place, view in enumerate(views)]
        )
        return CycleBatch(
            torch.cat([view.images for view in views]),
            torch.cat([view.shares for view in views]),
            frames=tuple(len(view.images) for view in views),
            asked=asked.nonzero()[:, 0],
            labeled=labeled[asked],
        )

    def _compared(self, labeled: Tensor, seed: tuple[int, ...]) -> Tensor:
        """Which frames of a cycle are compared with the teacher, bool `(frames,)`."""
        unlabeled = np.flatnonzero(~labeled.numpy())
        number = min(self._options.teacher_frames, len(unlabeled))
        compared = torch.zeros_like(labeled)
        compared[np.random.default_rng(seed).choice(unlabeled, number, replace=False)] = True
        return compared


def random_cycle(
    cine: TrainingCine, slice_number: int, configuration: TrainingConfiguration, seed: tuple[int, ...]
) -> CycleView:
    """A slice in all frames, placed, turned, scaled and lit alike in all of them, beginning with any frame."""
    options, random = configuration.augmentation, np.random.default_rng(seed)
    frames, slices, rows, columns = cine.images.shape
    center = random_center(cine.center_px, (rows, columns), configuration.grid_mm, options, random)
    grid = sampling_grid(center, (rows, columns), configuration.size_px, options, random)
    neighbors = random_neighbors(slice_number, slices, options.lone_slice_share, random)
    seen = renormalize(_sampled(cine.cycle(neighbors), grid))
    # As channels of one image, so that all frames get the same look.
    generator = torch.Generator().manual_seed(int(random.integers(2**62)))
    looked = random_look(seen.flatten(0, 1)[None], options, generator).reshape(seen.shape)
    first = int(random.integers(frames))
    order = [*range(first, frames), *range(first)]
    targets = [cine.labeled[frame].targets[slice_number] for frame in order if frame in cine.labeled]
    shares = _sampled(torch.from_numpy(np.stack(targets).astype(np.float32) / 255.0), grid)
    return CycleView(looked[order], torch.tensor([frame in cine.labeled for frame in order]), shares)


def _sampled(planes: Tensor, grid: Tensor) -> Tensor:
    """All planes `(batch, channels, rows, columns)` at the places of one grid `(1, size, size, 2)`."""
    grids = grid.expand(len(planes), -1, -1, -1)
    return functional.grid_sample(planes, grids, mode="bilinear", padding_mode="border", align_corners=True)
