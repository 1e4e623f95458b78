"""nnU-Net's own commands, run on a prepared folder: planning, training, prediction."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.named import Part
from CardioSAMLib.io import write_files
from CardioSAMLib.nnunet.folders import ENDING, NUMBER, Folders

TRAINERS = {1: "nnUNetTrainer_1epoch", 1000: "nnUNetTrainer"} | {
    epochs: f"nnUNetTrainer_{epochs}epochs" for epochs in (5, 10, 20, 50, 100, 250, 500, 750)
}
"""nnU-Net's classes by their epochs; its usual one has 1000."""

_PROCESSES = str(min(8, os.cpu_count() or 1))
"""nnU-Net takes 8 by itself, whatever the machine, each with a torch of its own."""


class Configuration(str, Enum):
    """Which of nnU-Net's networks, by its names: slices by themselves, or the stack at its own resolution."""

    slices = "2d"
    stacks = "3d_fullres"


class Device(str, Enum):
    """What computes, by nnU-Net's names."""

    cuda = "cuda"
    mps = "mps"
    cpu = "cpu"


@dataclass(frozen=True)
class NnUnetOptions:
    """What a user may choose. epochs: one of `TRAINERS`. Raises UnusableInput for others."""

    configuration: Configuration = Configuration.slices
    epochs: int = 1000
    device: Device = Device.cuda

    def __post_init__(self) -> None:
        if self.epochs not in TRAINERS:
            known = ", ".join(map(str, sorted(TRAINERS)))
            raise UnusableInput(f"nnU-Net has no training of {self.epochs} epochs; choose one of {known}.")

    @property
    def trainer(self) -> str:
        return TRAINERS[self.epochs]


def train(root: Path, fold: int, options: NnUnetOptions) -> Path:
    """Plans, where that is not yet done, and trains one fold, counted from 0; returns the checkpoint.

    A stopped training goes on from nnU-Net's last checkpoint. What nnU-Net says goes to the terminal.
    Raises UnusableInput where nnU-Net is not installed or fails, or there is no such fold.
    """
    folders = _prepared(root)
    folds = len(_splits(folders))
    # nnU-Net would draw a split of its own for a fold that its file does not have, and tear frames of patients apart.
    if not 0 <= fold < folds:
        raise UnusableInput(f"There is no fold {fold}; the split of {root} has folds 0 to {folds - 1}.")
    configuration = options.configuration.value
    planned = folders.preprocessed / f"{configuration}-is-planned"
    if not planned.exists():
        checked = ("-d", NUMBER, "-c", configuration, "--verify_dataset_integrity")
        _run(folders, "plan_and_preprocess", *checked, "-npfp", _PROCESSES, "-np", _PROCESSES)
        write_files(planned.parent, {planned.name: b""})
    choices = ("-tr", options.trainer, "-device", options.device.value)
    _run(folders, "train", NUMBER, configuration, str(fold), *choices, "--c")
    return folders.trained(options.trainer, configuration, fold) / "checkpoint_final.pth"


def predict(root: Path, part: Part, options: NnUnetOptions) -> Path:
    """A folder with a label file per patient and frame, as `cardiosam evaluate --predictions` takes it.

    part: `validation`, what each trained fold has drawn of its validation patients at the end of its training; `test`,
    drawn now by all trained folds together.
    Raises UnusableInput where no fold is trained, there are no such patients, or nnU-Net is missing or fails.
    """
    folders = _prepared(root)
    configuration = options.configuration.value
    trained = {
        fold: folder
        for fold in range(len(_splits(folders)))
        if ((folder := folders.trained(options.trainer, configuration, fold)) / "checkpoint_final.pth").is_file()
    }
    if not trained:
        raise UnusableInput(
            f"No fold of {root} is trained for {options.epochs} epochs with {configuration}; train one first."
        )
    out = folders.root / "predictions" / f"{configuration}-{options.epochs}-epochs-{part.value}"
    if part is Part.validation:
        for fold, folder in trained.items():
            write_files(out, _validated(fold, folder / "validation", _splits(folders)[fold]["val"]))
    elif part is Part.test and folders.test_images.is_dir():
        places = ("-i", str(folders.test_images.absolute()), "-o", str(out.absolute()))
        choices = ("-c", configuration, "-tr", options.trainer, "-device", options.device.value)
        _run(folders, "predict", *places, "-d", NUMBER, *choices, "-f", *map(str, trained))
    else:
        raise UnusableInput(f"{root} has no {part.value} patients to predict; choose validation, or test.")
    return out


def _prepared(root: Path) -> Folders:
    folders = Folders(root)
    if not folders.data_set_file.is_file():
        raise UnusableInput(f"{root} holds no data set of nnU-Net; write it with: cardiosam nnunet prepare.")
    return folders


def _splits(folders: Folders) -> list[dict[str, list[str]]]:
    if not folders.splits_file.is_file():
        raise UnusableInput(f"{folders.splits_file} is missing; prepare the data set again, into a new folder.")
    splits: list[dict[str, list[str]]] = json.loads(folders.splits_file.read_text(encoding="utf-8"))
    return splits


def _validated(fold: int, folder: Path, cases: list[str]) -> dict[str, bytes]:
    files = {case: folder / (case + ENDING) for case in cases}
    missing = [case for case, file in files.items() if not file.is_file()]
    if missing:
        raise UnusableInput(
            f"Fold {fold} has not drawn {missing[0]} and {len(missing) - 1} more of its validation; "
            "give the command that trains it again."
        )
    return {file.name: file.read_bytes() for file in files.values()}


def _run(folders: Folders, command: str, *arguments: str) -> None:
    """One of nnU-Net's commands; Ctrl-C reaches it, too."""
    name = f"nnUNetv2_{command}"
    # Also beside this Python: a virtual environment need not be activated.
    program = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if program is None:
        raise UnusableInput("nnU-Net is not installed; install it with: pip install nnunetv2.")
    environment = {"nnUNet_def_n_proc": _PROCESSES} | os.environ | folders.environment
    code = subprocess.run([program, *arguments], env=environment, check=False).returncode
    if code:
        raise UnusableInput(f"{name} ended with the code {code}; what it said last stands above.")
