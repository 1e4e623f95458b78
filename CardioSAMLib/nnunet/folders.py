"""Where nnU-Net's files lie below the folder of a baseline, and what its cases are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from CardioSAMLib.evaluation.scores import Phase

NUMBER = "501"
"""Of the data set, as nnU-Net's commands take it; below 500 are those of its authors."""
DATA_SET = f"Dataset{NUMBER}_CardioSAM"
ENDING = ".nii.gz"
_CHANNEL = "_0000"


@dataclass(frozen=True)
class Folders:
    """The three folders that nnU-Net is told of through its environment, below `root`."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        places = {"nnUNet_raw": "raw", "nnUNet_preprocessed": "preprocessed", "nnUNet_results": "results"}
        return {variable: str(self.root.absolute() / place) for variable, place in places.items()}

    @property
    def raw(self) -> Path:
        return self.root / "raw" / DATA_SET

    @property
    def test_images(self) -> Path:
        return self.raw / "imagesTs"

    @property
    def data_set_file(self) -> Path:
        """Written last: where it is, the data set is complete."""
        return self.raw / "dataset.json"

    @property
    def preprocessed(self) -> Path:
        return self.root / "preprocessed" / DATA_SET

    @property
    def splits_file(self) -> Path:
        return self.preprocessed / "splits_final.json"

    def trained(self, trainer: str, configuration: str, fold: int) -> Path:
        """Folder of one fold's training, as nnU-Net names it."""
        return self.root / "results" / DATA_SET / f"{trainer}__nnUNetPlans__{configuration}" / f"fold_{fold}"


def case_of(patient: str, phase: Phase) -> str:
    """The name of one frame of a patient in nnU-Net's files, as `io.predictions` reads it."""
    return f"{patient}_{phase.value}"


def cases_of(patients: tuple[str, ...]) -> list[str]:
    """Both frames of each patient: who is in one part is in it whole."""
    return [case_of(patient, phase) for patient in patients for phase in Phase]


def image_name(case: str) -> str:
    return case + _CHANNEL + ENDING
