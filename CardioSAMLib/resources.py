"""Where the files that ship with CardioSAM lie, and the catalogue of models among them.

This is the only code that knows the places: `Resources/` beside the package in a source tree, inside the package in a
wheel and in a Slicer package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from CardioSAMLib.cine import UnusableInput

DEFAULT_MODEL_ID = "cardiosam-unet25d"


@dataclass(frozen=True)
class ModelCard:
    """One entry of `Resources/Models/models.json`: all that is known of a model without running it.

    input_shape_px: rows and columns of the model's input. spacing_mm: the grid on which it was trained.
    accuracy: measured figures with what they were measured on, as written by the validation script. parameters: trained
    values of the network; None where they were not counted.
    """

    id: str
    title: str
    version: str
    architecture: str
    input_shape_px: tuple[int, int]
    spacing_mm: float
    preprocessing: str
    file: str
    sha256: str
    bytes: int
    license: str
    training_data: str
    accuracy: Mapping[str, Any]
    parameters: int | None = None

    @property
    def path(self) -> Path:
        return resources_dir() / "Models" / self.file


def resources_dir() -> Path:
    """The folder `Resources`. Raises FileNotFoundError if the installation lacks it."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "Resources", package.parent / "Resources"):
        if (candidate / "Models" / "models.json").is_file():
            return candidate
    raise FileNotFoundError(f"The folder Resources is missing beside {package}; install CardioSAM again.")


def load_catalogue() -> tuple[ModelCard, ...]:
    """All models of the catalogue, in its order."""
    entries = json.loads((resources_dir() / "Models" / "models.json").read_text(encoding="utf-8"))["models"]
    return tuple(ModelCard(**{**entry, "input_shape_px": tuple(entry["input_shape_px"])}) for entry in entries)


def find_model(model_id: str) -> ModelCard:
    """The card of a model. Raises UnusableInput, naming those that exist, if there is none of that id."""
    catalogue = load_catalogue()
    for card in catalogue:
        if card.id == model_id:
            return card
    known = ", ".join(card.id for card in catalogue)
    raise UnusableInput(f"There is no model {model_id!r}; choose one of: {known}.")


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
