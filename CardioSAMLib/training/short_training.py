"""What a search for loss weights and rates measures: how well a decoder segments after a short training.

All that the values searched for do not change is made once: the views that train, the features of the frozen encoder,
the decoder's first weights and the order of the slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.training.augmentation import renormalize
from CardioSAMLib.training.configuration import TrainingConfiguration
from CardioSAMLib.training.dataset import Volume
from CardioSAMLib.training.loop import Encode, TrainingRun
from CardioSAMLib.training.losses import Diverged
from CardioSAMLib.training.networks import build_network
from CardioSAMLib.training.processes import Processes
from CardioSAMLib.training.sampling import batches_of
from CardioSAMLib.training.search import Outcome
from CardioSAMLib.training.search_space import Parameter, SearchSpace, Values
from CardioSAMLib.training.watching import centered_stack

HD95_WEIGHT_PER_MM = 0.01
SPACE = SearchSpace(
    (
        Parameter("loss.pixel", 0.0, 2.0),
        Parameter("loss.boundary", 0.0, 2.0),
        Parameter("loss.structural", 0.0, 2.0),
        Parameter("loss.gamma", 0.0, 4.0),
        Parameter("loss.theta_per_px", 0.05, 1.0),
        Parameter("optimizer.learning_rate", 1e-5, 1e-3, "log"),
        Parameter("optimizer.weight_decay", 1e-6, 1e-2, "log"),
    )
)
"""Keys of a configuration, each after its table. The weight of Dice stays: AdamW is blind to the scale of the loss."""


@dataclass(frozen=True, eq=False)
class ReferenceStack:
    """A stack to be scored. features: of its slices. labels: `(slices, rows, columns)`, of the expert."""

    features: tuple[Tensor, ...]
    labels: Array
    spacing_mm: tuple[float, float, float]


class ShortTraining:
    """The objective: mean Dice of the structures - 0.01 * their mean HD95 in mm, of the validation volumes in 3D.

    They are scored on crops of the training grid, centered on the heart. intervals_mm: from slice to slice, of each
    validation volume. encode: gives the features of the encoder.

    Raises UnusableInput if the configuration is not one of a decoder on kept features with a composite loss.
    """

    def __init__(
        self,
        configuration: TrainingConfiguration,
        encoder: nn.Module,
        encode: Encode,
        training: Sequence[Volume],
        validation: Sequence[Volume],
        intervals_mm: Sequence[float],
        processes: Processes,
    ) -> None:
        if not configuration.views or configuration.loss is None:
            raise UnusableInput(
                f"The configuration {configuration.name} cannot be searched; give one with a frozen encoder, "
                "views of 1 or more and a table [loss]."
            )
        self._configuration, self._encoder, self._encode, self._processes = configuration, encoder, encode, processes
        sampler = batches_of(configuration, training)
        self._batches = [sampler.at(step) for step in range(configuration.steps)]
        self._references = [
            self._reference(volume, interval_mm) for volume, interval_mm in zip(validation, intervals_mm, strict=True)
        ]

    def __call__(self, values: Values) -> Outcome:
        """Trains anew with these values and scores what came of it."""
        configuration = with_values(self._configuration, values)
        torch.manual_seed(configuration.seed)
        network = build_network(configuration.network.kind, configuration.network.options, self._encoder)
        run = TrainingRun(configuration, network, encode=self._encode, processes=self._processes)
        try:
            for batch in self._batches:
                run.train_step(batch)
        except Diverged:
            return Outcome(float("nan"))
        dice, hd95_mm = np.mean([self._scores(run.average, reference) for reference in self._references], axis=0)
        details = {"dice": float(dice), "hd95_mm": float(hd95_mm)}
        return Outcome(float(dice - HD95_WEIGHT_PER_MM * hd95_mm), details)

    def _reference(self, volume: Volume, interval_mm: float) -> ReferenceStack:
        images, labels = centered_stack(volume, self._configuration.size_px)
        grid_mm = self._configuration.grid_mm
        features = self._encode(renormalize(images).to(self._processes.device))
        return ReferenceStack(features, labels, (interval_mm, grid_mm, grid_mm))

    @torch.no_grad()
    def _scores(self, network: nn.Module, reference: ReferenceStack) -> tuple[float, float]:
        """Mean Dice and HD95 in mm over the structures of a stack."""
        own: Any = network.eval()
        predicted = own.decoder(reference.features, reference.labels.shape[1:]).argmax(1).cpu().numpy()
        pairs = [
            MaskPair(reference.labels == value, predicted == value, reference.spacing_mm)
            for value in map(STORAGE.value_of, Structure)
        ]
        hd95_mm = [pair.distances.hd95_mm for pair in pairs]
        return float(np.mean([pair.overlap.dice for pair in pairs])), float(np.mean(hd95_mm))


def with_values(configuration: TrainingConfiguration, values: Values) -> TrainingConfiguration:
    """The configuration with other values of the keys that `SPACE` names."""
    for name, value in values.items():
        table, key = name.split(".")
        changed: dict[str, Any] = {table: replace(getattr(configuration, table), **{key: value})}
        configuration = replace(configuration, **changed)
    return configuration


def values_of(configuration: TrainingConfiguration) -> dict[str, float]:
    """What a configuration has at the keys of `SPACE`: the point where a search could begin."""
    tables = {"loss": configuration.loss, "optimizer": configuration.optimizer}
    return {
        parameter.name: float(getattr(tables[table], key))
        for parameter in SPACE.parameters
        for table, key in [parameter.name.split(".")]
    }


def as_toml(values: Values) -> str:
    """The values as the tables of a configuration file."""
    lines: list[str] = []
    for name in sorted(values):
        table, key = name.split(".")
        if f"[{table}]" not in lines:
            lines.append(f"[{table}]")
        lines.append(f"{key} = {values[name]:.4g}")
    return "\n".join(lines)
