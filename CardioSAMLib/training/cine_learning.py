"""The temporal module in the training loop: the loss of a batch of cycles."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from CardioSAMLib.networks.temporal import CycleDecoder
from CardioSAMLib.training.cine_options import CineOptions
from CardioSAMLib.training.cine_sampling import CycleBatch
from CardioSAMLib.training.composite_loss import LossOptions
from CardioSAMLib.training.precision import training_precision
from CardioSAMLib.training.temporal_loss import CycleTargets, TemporalLossOptions, temporal_loss


class CineLearner(nn.Module):
    """The loss of a batch of cycles.

    network: a frozen encoder and a `CycleDecoder`. Its decoder as it is now, before the first step, is the teacher.
    forward: a batch, and the features of its images, where they are there already.
    """

    def __init__(self, network: Any, labels: LossOptions, options: CineOptions) -> None:
        super().__init__()
        self.network = network
        decoder: nn.Module = network.decoder.decoder
        self.teacher = deepcopy(decoder).requires_grad_(False).eval()
        self._options = TemporalLossOptions(labels, options.consistency, options.cycle_loss)

    def forward(self, batch: CycleBatch, features: tuple[Tensor, ...] | None) -> Tensor:
        network: Any = self.network
        decoder: CycleDecoder = network.decoder
        size = (batch.images.shape[-2], batch.images.shape[-1])
        with training_precision(batch.images.device):
            given = network.features(batch.images) if features is None else features
            cycles = given[0].split(batch.frames)
            # One by one: cines differ in how many frames they have.
            embeddings = torch.cat([decoder.temporal(cycle[None])[0] for cycle in cycles])
            asked = tuple(level[batch.asked] for level in given)
            with torch.no_grad():
                teacher = self.teacher(asked, size)
            found: Any = decoder.decoded((embeddings[batch.asked][None], *(level[None] for level in asked[1:])), size)
        targets = CycleTargets(batch.labeled, batch.shares, teacher.float())
        return temporal_loss(found.in_full(), embeddings.float()[None], targets, decoder.predictors, self._options)
