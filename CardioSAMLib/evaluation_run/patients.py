"""Which patients an evaluation scores (floor 4): those of a folder, or those that a protocol names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.named import Division, Part, find_protocol, read_division
from CardioSAMLib.evaluation.protocols.splits import Split, read_split
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.io.acdc import is_acdc_folder
from CardioSAMLib.io.images import is_image_file
from CardioSAMLib.io.paths import existing, is_hidden, natural_order, plain_sentences
from CardioSAMLib.io.toml_files import read_toml
from CardioSAMLib.resources import ModelCard, models_in, resources_dir

_DEPTH = 3
"""Folders below the data set's in which patients are looked for: ACDC comes as `database/training/patient001`."""


@dataclass(frozen=True)
class ChosenPatients:
    """folders: of the patients to score, by name. missing: named by the protocol, but not in the data set.

    division: None where all patients of the folder are scored.
    """

    folders: Mapping[str, Path]
    missing: tuple[str, ...] = ()
    division: Division | None = None


def choose_patients(
    dataset: Path, division_file: Path | None, protocol: str | None, part: Part, leave_out: tuple[Path, ...]
) -> ChosenPatients:
    """The patients of a data set's folder, restricted to a part of the division or protocol where one is given.

    leave_out: folders of outputs and predictions, which may lie in that of the data set.
    Raises UnusableInput where there is no such patient.
    """
    folders = patient_folders(dataset, leave_out)
    if division_file is not None and protocol is not None:
        raise UnusableInput("A split and a protocol both say which patients are scored; give one of them.")
    if division_file is None and protocol is None:
        return ChosenPatients(folders)
    division = (
        read_division(division_file)
        if division_file is not None
        else find_protocol(protocol or "").divide(lambda: groups_of(folders))
    )
    names = division.patients(part)
    missing = tuple(name for name in names if name not in folders)
    if len(missing) == len(names):
        raise UnusableInput(
            f"None of the {len(names)} {part.value} patients of {division.name} is in {dataset}; "
            f"give the folder that holds {names[0]}."
        )
    return ChosenPatients({name: folders[name] for name in names if name in folders}, missing, division)


def patient_folders(dataset: Path, leave_out: tuple[Path, ...] = ()) -> dict[str, Path]:
    """The patient folders of a data set by their names, in natural order; also those that lack their `Info.cfg`.

    Raises UnusableInput where there is none, or a name twice.
    """
    with plain_sentences():
        found = _below(existing(dataset), {path.resolve() for path in leave_out}, _DEPTH)
    if not any(is_acdc_folder(path) for path in found):
        raise UnusableInput(
            f"{dataset} holds no patient folders with an Info.cfg, as ACDC has; give the folder above patient001."
        )
    by_name: dict[str, Path] = {}
    for path in sorted(found, key=lambda path: natural_order(Path(path.name))):
        if path.name in by_name:
            raise UnusableInput(f"{path.name} is in {by_name[path.name].parent} and {path.parent}; give one of both.")
        by_name[path.name] = path
    return by_name


def groups_of(folders: Mapping[str, Path]) -> dict[str, str]:
    """Pathology groups by patient name. Raises UnusableInput where a patient cannot be read."""
    return {name: load_acdc_patient(folder).group for name, folder in folders.items()}


def split_of_model(card: ModelCard) -> Split | None:
    """Which patients trained and validated a model: the split that its catalogue entry or its training configuration
    names; None where neither does, or the split has folds and nothing says which."""
    name = card.accuracy.get("split")
    configuration = resources_dir() / "Configs" / f"{card.id}.toml"
    if name is None and configuration.is_file():
        name = read_toml(configuration).get("split")
    path = resources_dir() / "splits" / str(name)
    if name is None or not path.is_file() or "folds" in json.loads(path.read_text(encoding="utf-8")):
        return None
    return read_split(path)


def patients_seen_by(card: ModelCard) -> tuple[str, ...]:
    """That a model was trained on; none where that is not known."""
    split = split_of_model(card)
    return card.patients or (split.train if split else ())


def patients_of_file(path: Path) -> tuple[str, ...]:
    """That the weights in a file were trained on, by the `models.json` beside it; none where that is not known."""
    try:
        cards = models_in(path.parent)
    except UnusableInput:
        return ()
    return next((patients_seen_by(card) for card in cards if card.file == path.name), ())


def _below(folder: Path, leave_out: set[Path], depth: int) -> list[Path]:
    if is_acdc_folder(folder):
        return [folder]
    found = []
    for path in folder.iterdir():
        if not path.is_dir() or is_hidden(path.name) or path.resolve() in leave_out:
            continue
        if is_acdc_folder(path) or any(is_image_file(file) for file in path.iterdir()):
            found.append(path)
        elif depth > 1:
            found += _below(path, leave_out, depth - 1)
    return found
