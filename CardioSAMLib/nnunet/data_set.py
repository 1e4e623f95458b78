"""ACDC-style patients written as nnU-Net wants its raw data, with folds by patient."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from CardioSAMLib.cine import Array, Geometry, UnusableInput
from CardioSAMLib.evaluation.protocols.named import Division, Part
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation_run.patients import choose_patients
from CardioSAMLib.io import check_writable, load_acdc_patient, write_files
from CardioSAMLib.labels import STORAGE
from CardioSAMLib.nnunet.folders import ENDING, Folders, case_of, cases_of, image_name
from CardioSAMLib.progress import Progress, silent


@dataclass(frozen=True)
class Prepared:
    """Numbers of what was written. training: patients in the folds; test: patients whose labels nnU-Net never gets."""

    training: int
    test: int
    folds: int


def prepare(
    dataset: Path, out: Path, split: Path | None, protocol: str | None, progress: Progress = silent
) -> Prepared:
    """Writes the raw data set and `splits_final.json` below `out` for the patients of a split file or a protocol.

    Left to itself, nnU-Net draws folds of frames, so that a patient trains at ED and validates at ES.
    Raises UnusableInput where patients are missing or have no labels, a fold has nobody to validate, or `out` already
    holds a data set.
    """
    folders = Folders(out)
    check_writable(out)
    if folders.data_set_file.exists():
        raise UnusableInput(f"{out} already holds a data set of nnU-Net; give another folder, or remove this one.")
    if split is None and protocol is None:
        raise UnusableInput("Nothing says which patients train; give a split file or a protocol, as --protocol cv5.")
    chosen = choose_patients(dataset, split, protocol, Part.all, (out,))
    division = chosen.division
    if division is None or chosen.missing:
        raise UnusableInput(
            f"{dataset} lacks patients that the split names ({', '.join(chosen.missing)}); give the whole data set."
        )
    splits = _splits(division)
    shutil.rmtree(folders.raw, ignore_errors=True)  # of a run that was killed
    try:
        for number, (name, folder) in enumerate(chosen.folders.items()):
            progress(number / len(chosen.folders), f"writing {name}")
            _write_patient(folder, name in division.test, folders)
    except BaseException:
        shutil.rmtree(folders.raw, ignore_errors=True)
        raise
    training = len(chosen.folders) - len(division.test)
    write_files(folders.splits_file.parent, {folders.splits_file.name: _as_json(splits)})
    write_files(folders.raw, {folders.data_set_file.name: _as_json(_description(training))})
    return Prepared(training, len(division.test), len(splits))


def _splits(division: Division) -> list[dict[str, list[str]]]:
    if not all(fold.validation for fold in division.folds):
        raise UnusableInput(
            f"{division.name} has no validation patients, which nnU-Net needs; give a split file with 'folds', and "
            "'test' for the patients kept aside."
        )
    return [{"train": cases_of(fold.train), "val": cases_of(fold.validation)} for fold in division.folds]


def _description(training: int) -> dict[str, Any]:
    """What nnU-Net's `dataset.json` says. A channel of any name but CT is normalized by z-scores."""
    structures = {structure.name: value for value, structure in STORAGE.structures.items()}
    return {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, **structures},
        "numTraining": training * len(Phase),
        "file_ending": ENDING,
    }


def _write_patient(folder: Path, is_test: bool, folders: Folders) -> None:
    """A patient's images, and labels unless it is one of the test."""
    patient = load_acdc_patient(folder)
    images = folders.test_images if is_test else folders.raw / "imagesTr"
    for phase, pixels in zip(Phase, patient.cine.pixels, strict=True):
        name = image_name(case_of(patient.name, phase))
        write_files(images, {name: _nifti(pixels, patient.cine.geometry)})
    if is_test:
        return
    if patient.labels is None:
        raise UnusableInput(f"{patient.name} has no labels at ED and ES; add them, or leave it out of the split.")
    for phase, labels in zip(Phase, patient.labels, strict=True):
        name = case_of(patient.name, phase) + ENDING
        write_files(folders.raw / "labelsTr", {name: _nifti(labels, patient.cine.geometry)})


def _nifti(values: Array, geometry: Geometry) -> bytes:
    """A compressed 3D NIfTI file of `(slices, rows, columns)`. Written anew, so that images and labels agree in headers
    even where those of the data set do not hold the spacing twice alike."""
    row_mm, column_mm, slice_mm = geometry.spacing_mm
    image: Any = sitk.GetImageFromArray(np.ascontiguousarray(values))
    image.SetSpacing((column_mm, row_mm, slice_mm))
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(np.asarray(geometry.direction).ravel().tolist())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"part{ENDING}"
        sitk.WriteImage(image, str(path))
        return path.read_bytes()


def _as_json(content: object) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
