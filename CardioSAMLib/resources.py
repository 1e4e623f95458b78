"""Where the files that ship with CardioSAM lie, where a user's own models lie, and the catalogue of both.

This is the only code that knows the places: `Resources/` beside the package in a source tree, inside the package in a
wheel and in a Slicer package; and the user's folder of the system.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from CardioSAMLib.cine import UnusableInput

DEFAULT_MODEL_ID = "cardiosam-unet25d-3"
DEFAULT_PROMPTABLE_ID = "cardiosam-prompt"

AUTOMATIC, PROMPTABLE = "automatic", "promptable"
"""Kinds of models: those that draw by themselves, and those that a person prompts."""

CHECKPOINT_SUFFIX = ".pth"
"""Of the file of a model that is a checkpoint of SAM; the files of all others are ONNX."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelCard:
    """One entry of a catalogue (`models.json`): all that is known of a model without running it.

    input_shape_px: rows and columns of the model's input. spacing_mm: the grid on which it was trained.
    accuracy: measured figures with what they were measured on, as written by the validation script. parameters: trained
    values of the network; None where they were not counted. kind: `AUTOMATIC` or `PROMPTABLE`; a promptable model's
    `file` is its encoder, and `decoder` holds `file`, `sha256` and `bytes` of the other part; or its file is a
    checkpoint of SAM, which has both. url: where the file is downloaded from on demand, and `decoder` has one, too;
    None where it need not be. folder: where the files of a model lie that was added or is downloaded; None for those
    that ship. patients: that it was trained on, as training and fine-tuning note it; none where that is not known.
    transposable: whether it has learned transposed images like upright ones, and answers with the mean of both views.
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
    kind: str = AUTOMATIC
    decoder: Mapping[str, Any] | None = None
    url: str | None = None
    folder: Path | None = None
    patients: tuple[str, ...] = ()
    transposable: bool = False

    @property
    def path(self) -> Path:
        return (self.folder or resources_dir() / "Models") / self.file

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return self.bytes + (0 if self.decoder is None else int(self.decoder["bytes"]))

    @property
    def is_here(self) -> bool:
        """Whether all files lie on this computer; only their sizes are compared."""
        sizes = {self.path: self.bytes}
        if self.decoder is not None:
            sizes[self.path.with_name(self.decoder["file"])] = self.decoder["bytes"]
        return all(path.is_file() and path.stat().st_size == size for path, size in sizes.items())

    @property
    def files_sha256(self) -> str:
        """One for all files: that of the only one, or the sha256 of the encoder's and the decoder's, as written."""
        if self.decoder is None:
            return self.sha256
        return hashlib.sha256(f"{self.sha256}{self.decoder['sha256']}".encode()).hexdigest()


def resources_dir() -> Path:
    """The folder `Resources`. Raises FileNotFoundError if the installation lacks it."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "Resources", package.parent / "Resources"):
        if (candidate / "Models" / "models.json").is_file():
            return candidate
    raise FileNotFoundError(f"The folder Resources is missing beside {package}; install CardioSAM again.")


def user_models_dir() -> Path | None:
    """The folder of this user's own models, a folder in it for each: the one that CARDIOSAM_MODELS names, or else in
    the system's place for the data of applications. It need not exist. None where the user has no home folder."""
    if named := os.environ.get("CARDIOSAM_MODELS"):
        return Path(named).absolute()
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "CardioSAM" / "models"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "CardioSAM" / "models"
    xdg = Path(os.environ.get("XDG_DATA_HOME", ""))  # a relative one is to be ignored, says the XDG specification
    return (xdg if xdg.is_absolute() else home / ".local" / "share") / "cardiosam" / "models"


def shipped_models() -> tuple[ModelCard, ...]:
    """The models that come with CardioSAM, and those that it can download: into the user's folder."""
    content = (resources_dir() / "Models" / "models.json").read_text(encoding="utf-8")
    home = user_models_dir()
    cards = (_card(entry) for entry in json.loads(content)["models"])
    return tuple(card if card.url is None or home is None else replace(card, folder=home / card.id) for card in cards)


def models_in(folder: Path) -> tuple[ModelCard, ...]:
    """The models of a folder that holds a `models.json` beside their files, as training and fine-tuning write it.

    Raises UnusableInput where there is none, or it is not one of this version.
    """
    try:
        entries = json.loads((folder / "models.json").read_text(encoding="utf-8"))["models"]
        return tuple(replace(_card(entry), folder=folder) for entry in entries)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UnusableInput(
            f"{folder} holds no models.json of this version; give a folder that training or fine-tuning wrote."
        ) from error


def load_catalogue() -> tuple[ModelCard, ...]:
    """The models that ship, then the user's own by name. Those that cannot be read are left out, with a warning."""
    cards = {card.id: card for card in shipped_models()}
    home = user_models_dir()
    for found in _own_catalogues(home) if home else ():
        try:
            cards |= {card.id: card for card in models_in(found.parent) if card.id not in cards}
        except UnusableInput as error:
            _log.warning("A model is left out: %s", error)
    return tuple(cards.values())


def _own_catalogues(home: Path) -> list[Path]:
    """None where the folder cannot be read: the models that ship do not need it."""
    try:
        return sorted(home.glob("[!.]*/models.json"))  # with a dot: one that is being added
    except OSError as error:
        _log.warning("Your own models are left out: %s", error)
        return []


def _card(entry: Mapping[str, Any]) -> ModelCard:
    """Raises TypeError, LookupError or ValueError for what is no entry."""
    lists = {"input_shape_px": tuple(map(int, entry["input_shape_px"])), "patients": tuple(entry.get("patients", ()))}
    card = ModelCard(**{**entry, **lists})
    texts = (card.id, card.title, card.version, card.architecture, card.file, card.sha256, card.license, card.kind)
    numbers = (card.bytes, card.spacing_mm)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(one, (int, float)) for one in numbers):
        raise TypeError(f"The entry of {card.id} has a value of another type.")
    if not isinstance(card.transposable, bool):
        raise TypeError(f"The entry of {card.id} has a transposable that is neither true nor false.")
    if len(card.input_shape_px) != 2 or not isinstance(card.accuracy, Mapping):
        raise TypeError(f"The entry of {card.id} has an input shape or accuracy that is none.")
    return card


def find_model(model_id: str) -> ModelCard:
    """The card of a model. Raises UnusableInput, naming those that exist, if there is none of that id."""
    catalogue = load_catalogue()
    for card in catalogue:
        if card.id == model_id:
            return card
    known = ", ".join(card.id for card in catalogue)
    raise UnusableInput(f"There is no model {model_id!r}; choose one of: {known}.")


def check_downloaded(card: ModelCard) -> None:
    """Raises UnusableInput where a model is still to be downloaded."""
    if card.url is not None and not card.is_here:
        raise UnusableInput(
            f"{card.id} is not on this computer yet; download it in the panel, or with: "
            f"cardiosam models download {card.id}"
        )


def is_model_name(name: str) -> bool:
    """Whether a model can be called so: up to 64 lower-case letters, digits, '.', '_' and '-'."""
    return _NAME.fullmatch(name) is not None


def file_entry(path: Path) -> dict[str, Any]:
    """What a catalogue says of a file."""
    return {"file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        # In pieces: a checkpoint may be larger than the memory.
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
