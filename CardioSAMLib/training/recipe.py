"""A fine-tuning as data: the published recipes are files of `Resources/finetuning`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.resources import resources_dir
from CardioSAMLib.training.tables import check_ranges, options_from


@dataclass(frozen=True)
class ViewOptions:
    """The random views of a slice that are trained on.

    per_slice: how many there are; epoch by epoch they take turns. Of a frozen encoder each is encoded once, so this
        many embeddings per slice are kept. As many as epochs: each is seen once. 0: the slice as it is, alone.
    rotation_degrees, log_scale, shift_mm: evenly drawn from 0 to so much to both sides. mirror: in half of the views.
    gamma_log: standard deviation of the logarithm. bias_field, noise, blur_share: as in training.
    """

    per_slice: int = 0
    rotation_degrees: float = 0.0
    log_scale: float = 0.0
    shift_mm: float = 0.0
    mirror: bool = False
    gamma_log: float = 0.0
    bias_field: float = 0.0
    noise: float = 0.0
    blur_share: float = 0.0

    def __post_init__(self) -> None:
        check_ranges(self, "The views of a recipe")


@dataclass(frozen=True)
class AskOptions:
    """What each structure of a slice is prompted with, drawn from its reference.

    negatives: on each of the other structures. jitter: a name of `segmentation.jitter.JITTERS`, or "".
    """

    positives: int = 0
    negatives: int = 0
    box: bool = False
    box_margin_px: float = 0.0
    jitter: str = ""


@dataclass(frozen=True)
class FineTuningRecipe:
    """All that, with the data and the weights started from, decides the resulting weights.

    source: the publication, and where we differ. trains: what learns; all other weights stay as they are.
    schedule: "plateau": times `factor` when the training loss has not fallen for more than `patience` epochs; "cosine":
        from `learning_rate` to `last_learning_rate`; "constant". batch: slices per step.
    quality_weight: of the squared error of the network's own guess of its IoU, beside Dice and cross-entropy.
    """

    name: str
    source: str
    trains: Literal["decoder", "encoder+decoder"]
    optimizer: Literal["adam", "adamw"]
    learning_rate: float
    epochs: int
    batch: int
    schedule: Literal["plateau", "cosine", "constant"] = "constant"
    weight_decay: float = 0.0
    last_learning_rate: float = 0.0
    patience: int = 5
    factor: float = 0.1
    quality_weight: float = 0.5
    validate_every: int = 1
    seed: int = 0
    views: ViewOptions = field(default_factory=ViewOptions)
    ask: AskOptions = field(default_factory=AskOptions)

    def __post_init__(self) -> None:
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                raise UnusableInput(f"The recipe {self.name} has no usable {key}; choose one of: {', '.join(choices)}.")
        if min(self.epochs, self.batch, self.validate_every) < 1:
            raise UnusableInput(f"The recipe {self.name} needs 1 or more as epochs, batch and validate_every.")
        if min(self.learning_rate, self.last_learning_rate, self.weight_decay, self.seed) < 0:
            raise UnusableInput(f"The recipe {self.name} has a rate, decay or seed below 0; give 0 or more.")
        if not 0 < self.factor < 1 or self.patience < 0:
            raise UnusableInput(f"The recipe {self.name} needs a factor between 0 and 1, and a patience of 0 or more.")
        if self.ask.negatives and not self.ask.positives:
            raise UnusableInput(f"The recipe {self.name} has negatives without positives; give positives, too.")
        if self.ask.positives < 1 and not self.ask.box:
            raise UnusableInput(f"The recipe {self.name} prompts with nothing; give positives or a box.")

    @property
    def trains_encoder(self) -> bool:
        return self.trains == "encoder+decoder"

    def what_decides_the_weights(self) -> dict[str, Any]:
        """All values but those that are only told to readers."""
        return {key: value for key, value in asdict(self).items() if key not in ("name", "source")}


_CHOICES = {
    "trains": ("decoder", "encoder+decoder"),
    "optimizer": ("adam", "adamw"),
    "schedule": ("plateau", "cosine", "constant"),
}


def recipe_names() -> tuple[str, ...]:
    """The recipes that ship."""
    return tuple(sorted(path.stem for path in (resources_dir() / "finetuning").glob("*.json")))


def read_recipe(name: str) -> FineTuningRecipe:
    """A recipe that ships, by its name, or one in a JSON file, by its path.

    Raises UnusableInput, naming the recipes or keys there are, where it cannot be read.
    """
    path = Path(name) if name.endswith(".json") else resources_dir() / "finetuning" / f"{name}.json"
    if not path.is_file():
        raise UnusableInput(f"There is no recipe {name!r}; choose one of {', '.join(recipe_names())}, or a JSON file.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableInput(
            f"{path} cannot be read as a recipe; write it like those in Resources/finetuning."
        ) from error
    for key, kind in (("views", ViewOptions), ("ask", AskOptions)):
        if isinstance(content, dict) and key in content:
            content[key] = options_from(kind, content[key], f"{key} of the recipe {path.name}")
    return options_from(FineTuningRecipe, content, f"The recipe {path.name}")
