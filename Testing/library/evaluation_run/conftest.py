"""Data sets as ACDC lays them out, made of the phantom's labels; and predictions beside them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.phantom import PhantomOptions, phantom_labels

# Apex first, 8 slices; frame 1 of 4 is end-systole.
OPTIONS = PhantomOptions(rows=64, columns=64, slices=8, frames=4, spacing_mm=(3.0, 3.0, 12.0))
ED_FRAME, ES_FRAME = 1, 2
GROUPS = ("NOR", "DCM", "HCM")


def write_volume(path: Path, volume: np.ndarray, spacing_mm=OPTIONS.spacing_mm) -> Path:
    """A 3D file of values `(slices, rows, columns)`. spacing_mm: rows, columns, slices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing((spacing_mm[1], spacing_mm[0], spacing_mm[2]))
    sitk.WriteImage(image, str(path))
    return path


def write_patient(
    folder: Path, pair: np.ndarray, group: str, images: np.ndarray | None = None, spacing_mm=None
) -> None:
    """A patient folder with labels `(2, slices, rows, columns)`; without images, gray values made of the labels."""
    spacing_mm = spacing_mm or OPTIONS.spacing_mm
    images = pair.astype(np.int16) * 100 + 5 if images is None else images
    for frame, image, labels in zip((ED_FRAME, ES_FRAME), images, pair, strict=True):
        write_volume(folder / f"{folder.name}_frame{frame:02d}.nii.gz", image, spacing_mm)
        write_volume(folder / f"{folder.name}_frame{frame:02d}_gt.nii.gz", labels, spacing_mm)
    text = f"ED: {ED_FRAME}\nES: {ES_FRAME}\nGroup: {group}\nHeight: 170.0\nNbFrame: 4\nWeight: 70.0\n"
    (folder / "Info.cfg").write_text(text)


@pytest.fixture(scope="session")
def pair() -> np.ndarray:
    """The phantom's labels at ED and ES, uint8 `(2, slices, rows, columns)`."""
    return phantom_labels(OPTIONS)[[ED_FRAME - 1, ES_FRAME - 1]]


@pytest.fixture
def data_set(tmp_path, pair) -> Path:
    """Three patients, equal but for their groups."""
    for number, group in enumerate(GROUPS, 1):
        write_patient(tmp_path / "data" / f"patient{number:03d}", pair, group)
    return tmp_path / "data"


@pytest.fixture
def predict(tmp_path, pair) -> Callable[..., Path]:
    """Writes predictions as nnU-Net names them for patients by number, and returns their folder."""

    def write(numbers=(1, 2, 3), labels: np.ndarray | None = None, folder="predictions") -> Path:
        for number in numbers:
            for frame, volume in zip((ED_FRAME, ES_FRAME), pair if labels is None else labels, strict=True):
                write_volume(tmp_path / folder / f"patient{number:03d}_frame{frame:02d}.nii.gz", volume)
        return tmp_path / folder

    return write


@pytest.fixture(scope="session")
def volume_writer() -> Callable[..., Path]:
    return write_volume


@pytest.fixture(scope="session")
def patient_writer() -> Callable[..., None]:
    return write_patient
