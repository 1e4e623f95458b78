"""A training run as data: everything that, with the data, decides the resulting weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.augmentation import AugmentationOptions


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


def read_configuration(path: Path) -> TrainingConfiguration:
    """The configuration in a JSON file. Raises UnusableInput, naming the keys, if one is unknown or missing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableInput(f"{path} cannot be read as JSON; give a training configuration.") from error
    known = {entry.name for entry in fields(TrainingConfiguration)}
    unknown = sorted(set(content) - known)
    missing = sorted({"name", "widths", "split"} - set(content))
    if unknown or missing:
        raise UnusableInput(
            f"The training configuration {path.name} has unknown keys {unknown} or lacks {missing}; "
            f"known keys are {', '.join(sorted(known))}."
        )
    augmentation = AugmentationOptions(**content.pop("augmentation", {}))
    return TrainingConfiguration(**{**content, "widths": tuple(content["widths"]), "augmentation": augmentation})
