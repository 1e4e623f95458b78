"""Putting a model into the user's folder, added or downloaded, and taking it out (floor 4): to be used by name."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import check_writable
from CardioSAMLib.model_download import RemoteFile, download
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.resources import (
    ModelCard,
    find_model,
    is_model_name,
    models_in,
    sha256_of,
    shipped_models,
    user_models_dir,
)


def check_name(name: str) -> None:
    """Raises UnusableInput where a model cannot be called so."""
    if not is_model_name(name):
        raise UnusableInput(
            f"A model cannot be called {name!r}; use lower-case letters, digits, '.', '_' and '-', 64 at most."
        )
    if name in {card.id for card in shipped_models()}:
        raise UnusableInput(f"A model called {name} comes with CardioSAM; choose another name.")


def add_models(folder: Path) -> tuple[ModelCard, ...]:
    """Copies the models of a folder with a `models.json` into the user's catalogue; returns them as they are there.

    A model of the same name that was added before is replaced. Each is copied whole before it can be found.
    Raises UnusableInput where a name is taken, a file is missing or is not the one of the `models.json`.
    """
    cards = models_in(folder)
    for card in cards:
        check_name(card.id)
        for name, sha256 in _files(card).items():
            path = folder / name
            if Path(name).name != name or not path.is_file() or sha256_of(path) != sha256:
                raise UnusableInput(f"The file {name} of the model {card.id} is missing or damaged; make it again.")
    home = _home()
    check_writable(home)
    home.mkdir(parents=True, exist_ok=True)
    entries = json.loads((folder / "models.json").read_text(encoding="utf-8"))["models"]
    for card, entry in zip(cards, entries, strict=True):
        _copy(card, json.dumps({"models": [entry]}, indent=2, ensure_ascii=False) + "\n", folder, home)
    return tuple(added for card in cards for added in models_in(home / card.id))


def remove_model(model_id: str) -> None:
    """Deletes a model that was added or downloaded, with its files; one that was downloaded can be so again.

    Raises UnusableInput if there is none of that name.
    """
    known = {card.id: card for card in shipped_models()}
    if model_id in known and known[model_id].url is None:
        raise UnusableInput(
            f"{model_id} comes with CardioSAM and stays; only models that were added or downloaded can be removed."
        )
    folder = _home() / model_id
    is_there = folder.is_dir() if model_id in known else (folder / "models.json").is_file()
    if not is_model_name(model_id) or not is_there:
        raise UnusableInput(f"There is no model {model_id!r} that could be removed; see: cardiosam models list")
    shutil.rmtree(folder)


def download_model(model_id: str, progress: Progress = silent) -> None:
    """Downloads a model of the catalogue into the user's folder; does nothing where it is there.

    To be called when the user has agreed to size, license and address. Each file is compared with its sha256, and all
    are there in the end or none. progress: asked after each piece; `Cancelled` leaves nothing behind.
    Raises UnusableInput where there is none such, the server cannot be reached, or it sends something else.
    """
    card = find_model(model_id)
    if card.is_here:
        return
    if card.url is None:
        raise UnusableInput(f"The files of {card.id} are missing; install CardioSAM again, or add the model again.")
    home = _home()
    check_writable(home)
    home.mkdir(parents=True, exist_ok=True)
    with _staged(card, home) as staging:
        done = 0
        for file in _downloads(card):
            part = part_of(progress, done / card.total_bytes, (done + file.bytes) / card.total_bytes)
            download(file, staging / file.name, card.title, part)
            done += file.bytes


def _downloads(card: ModelCard) -> Iterator[RemoteFile]:
    yield RemoteFile(card.file, str(card.url), card.sha256, card.bytes)
    if card.decoder is not None:
        yield RemoteFile(**{"name" if key == "file" else key: value for key, value in card.decoder.items()})


def _files(card: ModelCard) -> dict[str, str]:
    """File name and sha256 of each of a model's files."""
    files = {card.file: card.sha256}
    return files if card.decoder is None else {**files, card.decoder["file"]: card.decoder["sha256"]}


def _home() -> Path:
    home = user_models_dir()
    if home is None:
        raise UnusableInput("There is no home folder for own models; name one in CARDIOSAM_MODELS.")
    return home


def _exchange(new: Path, place: Path) -> None:
    """Moves a folder to its place; what was there is deleted only once the new one is."""
    former = new.with_name(f"{new.name}-former")
    if place.exists():
        os.replace(place, former)
    try:
        os.replace(new, place)
    except OSError:
        if former.exists():
            os.replace(former, place)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _copy(card: ModelCard, catalogue: str, source: Path, home: Path) -> None:
    with _staged(card, home) as staging:
        for name in _files(card):
            shutil.copyfile(source / name, staging / name)
        (staging / "models.json").write_text(catalogue, encoding="utf-8")


@contextmanager
def _staged(card: ModelCard, home: Path) -> Iterator[Path]:
    """A folder to be filled, which then becomes that of the model; nothing is left of it where filling it fails."""
    # A folder that begins with a dot is not looked into: what a killed program leaves is not taken for a model.
    staging = Path(tempfile.mkdtemp(prefix=".adding-", dir=home))
    try:
        yield staging
        _exchange(staging, home / card.id)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise UnusableInput(f"The model {card.id} cannot be added to {home} ({reason}); make room there.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
