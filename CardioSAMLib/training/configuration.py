"""A training run as data: everything that, with the data, decides the resulting weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.augmentation import AugmentationOptions
from CardioSAMLib.training.prompt_sampling import PromptOptions


@dataclass(frozen=True)
class TrainingConfiguration:
    """widths: channels of the U-Net per level. split: file name in `Resources/splits`, or a path. ema_decay: of the
    moving average of the weights, which is what is kept. Learning rate: linear warm-up, then cosine to zero.
    card: title, version, license and training data, for the catalogue.
    """

    name: str
    widths: tuple[int, ...]
    split: str
    grid_mm: float = 1.4
    size_px: int = 128
    batch: int = 16
    steps: int = 6000
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    warm_up_steps: int = 200
    gradient_clip: float = 5.0
    ema_decay: float = 0.998
    seed: int = 0
    validate_every: int = 500
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    card: Mapping[str, str] = field(default_factory=dict)

    def what_decides_the_weights(self) -> dict[str, Any]:
        """All values but those that are only told to readers; two runs are the same if these are."""
        return {key: value for key, value in asdict(self).items() if key != "card"}


@dataclass(frozen=True)
class PromptedConfiguration:
    """A training of the promptable network as data.

    encoder: id of the automatic model whose frozen features are used. slices: per step; structures: asked for in each.
    finishing_steps: follow on `steps`, at a rate falling from `finishing_rate`; nearly all contours are the expert's.
    """

    name: str
    encoder: str
    split: str
    grid_mm: float = 1.4
    size_px: int = 128
    slices: int = 6
    structures: int = 2
    steps: int = 1400
    finishing_steps: int = 400
    finishing_rate: float = 3e-4
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warm_up_steps: int = 100
    gradient_clip: float = 1.0
    ema_decay: float = 0.998
    seed: int = 0
    prompts: PromptOptions = field(default_factory=PromptOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    card: Mapping[str, str] = field(default_factory=dict)

    def what_decides_the_weights(self) -> dict[str, Any]:
        """All values but those that are only told to readers."""
        return {key: value for key, value in asdict(self).items() if key != "card"}


def read_configuration(path: Path) -> TrainingConfiguration | PromptedConfiguration:
    """The configuration in a JSON file: with `encoder` it is one of a promptable network.

    Raises UnusableInput, naming the keys, if one is unknown or missing.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableInput(f"{path} cannot be read as JSON; give a training configuration.") from error
    prompted = "encoder" in content
    _check_keys(path, content, PromptedConfiguration if prompted else TrainingConfiguration)
    content["augmentation"] = AugmentationOptions(**content.pop("augmentation", {}))
    if prompted:
        return PromptedConfiguration(**{**content, "prompts": PromptOptions(**content.pop("prompts", {}))})
    return TrainingConfiguration(**{**content, "widths": tuple(content["widths"])})


def _check_keys(
    path: Path, content: Mapping[str, Any], kind: type[TrainingConfiguration | PromptedConfiguration]
) -> None:
    entries = {entry.name: entry for entry in fields(kind)}
    required = {
        name for name, entry in entries.items() if entry.default is MISSING and entry.default_factory is MISSING
    }
    unknown, missing = sorted(set(content) - set(entries)), sorted(required - set(content))
    if unknown or missing:
        raise UnusableInput(
            f"The training configuration {path.name} has unknown keys {unknown} or lacks {missing}; "
            f"known keys are {', '.join(sorted(entries))}."
        )
