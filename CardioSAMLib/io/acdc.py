"""Patient folders of the ACDC data set (Bernard et al. 2018, IEEE TMI 37:2514) and folders laid out like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, Cine, Patient, QualityNote, UnusableInput
from CardioSAMLib.io.candidates import CineCandidate, CineSource, describe, qualifies
from CardioSAMLib.io.images import load_image, load_labels, load_pair
from CardioSAMLib.io.paths import existing, is_hidden, plain_sentences
from CardioSAMLib.labels import ACDC, STORAGE, Structure

_LEAST_OF_LV = 0.5
"""Share of myocardium in the pixels around it: 0.98 or more in ACDC's 100 patients; around the RV 0.41 or less."""
_HEIGHT_CM = (40.0, 250.0)
_WEIGHT_KG = (2.0, 350.0)


@dataclass(frozen=True)
class AcdcPatient:
    """One patient of the data set at the two frames that have expert labels.

    name: of the folder, e.g. "patient001"; it is a number given by the data set.
    group: "NOR", "MINF", "DCM", "HCM", "RV", or "" where the folder does not say.
    cine: two frames, end-diastole (0) and end-systole (1).
    labels: uint8 `(2, slices, rows, columns)` in the storage order; None where the folder has none.
    ed_frame, es_frame: 0-based frames of the original cine; the folder counts from 1.
    """

    name: str
    group: str
    cine: Cine
    labels: Array | None
    ed_frame: int
    es_frame: int


@dataclass(frozen=True)
class _Info:
    """What `Info.cfg` says; ed and es are 0-based."""

    ed_frame: int
    es_frame: int
    group: str
    patient: Patient
    notes: tuple[QualityNote, ...]


def is_acdc_folder(path: Path) -> bool:
    """Whether a folder is one patient of ACDC."""
    return (path / "Info.cfg").is_file()


def load_acdc_patient(folder: Path | str) -> AcdcPatient:
    """End-diastole, end-systole and expert labels of a patient folder.

    The frames come from `*_frameNN.nii.gz`, or from `*_4d.nii.gz` where those are not there; labels from
    `*_frameNN_gt.nii.gz` or `*_ED_gt.nii.gz` and `*_ES_gt.nii.gz`. `load_cine` reads the whole 4D cine.

    Raises UnusableInput where the folder is no such folder or a file of it is unusable.
    """
    with plain_sentences():
        folder = existing(folder)
        info = _read_info(folder)
        cine = _ed_and_es(folder, info)
        labels = _load_labels(folder, info)
    if labels is not None and labels.shape != cine.pixels.shape:
        raise UnusableInput(
            f"The labels of {folder.name} have the shape {labels.shape}, its images {cine.pixels.shape}; "
            "get the files of this patient again."
        )
    cine = replace(cine, notes=(*cine.notes, *info.notes))
    return AcdcPatient(folder.name, info.group, cine, labels, info.ed_frame, info.es_frame)


def acdc_source(folder: Path) -> CineSource:
    """The cine of a patient folder: all frames of `*_4d.nii.gz` where it exists, else end-diastole and end-systole."""
    info = _read_info(folder)
    whole = _find(folder, "_4d")

    def read() -> Cine:
        if whole is None:  # what label files hold does not matter here
            cine = _ed_and_es(folder, info)
            return replace(cine, notes=(*cine.notes, *info.notes))
        cine = load_image(whole, info.patient)
        message = (
            f"The data set names frame {info.ed_frame} end-diastole and frame {info.es_frame} end-systole "
            "(counted from 0)."
        )
        note = QualityNote("named_ed_es", "info", message)
        return replace(cine, notes=(*cine.notes, note, *info.notes))

    cine = read()
    frames, slices, rows, columns = cine.pixels.shape
    description = describe("ACDC patient folder", slices, frames, (rows, columns), cine.geometry.spacing_mm)
    candidate = CineCandidate("1", description, slices, frames, qualifies("", slices, frames))
    return CineSource(candidate, lambda: cine)


def _read_info(folder: Path) -> _Info:
    file = folder / "Info.cfg"
    if not file.is_file():
        raise UnusableInput(f"{folder} holds no Info.cfg and is no patient folder of ACDC; give one like patient001.")
    fields: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    ed, es = _frame_number(fields, "ed", folder), _frame_number(fields, "es", folder)
    if ed == es:
        raise UnusableInput(f"Info.cfg of {folder.name} gives the same frame for ED and ES; correct it.")
    height, height_notes = _size(fields, "height", _HEIGHT_CM, "cm")
    weight, weight_notes = _size(fields, "weight", _WEIGHT_KG, "kg")
    patient = Patient(height_cm=height, weight_kg=weight)
    return _Info(ed, es, fields.get("group", ""), patient, (*height_notes, *weight_notes))


def _frame_number(fields: Mapping[str, str], name: str, folder: Path) -> int:
    text = fields.get(name, "")
    if not text.isdecimal() or int(text) < 1:
        raise UnusableInput(
            f"Info.cfg of {folder.name} has no line like '{name.upper()}: 1' with the number of a frame; add it."
        )
    return int(text) - 1


def _size(
    fields: Mapping[str, str], name: str, limits: tuple[float, float], unit: str
) -> tuple[float | None, tuple[QualityNote, ...]]:
    text = fields.get(name, "")
    try:
        value = float(text)
    except ValueError:
        return None, ()
    if limits[0] <= value <= limits[1]:
        return value, ()
    note = QualityNote(f"implausible_{name}", "info", f"The {name} of {text} {unit} cannot be and was left out.")
    return None, (note,)


def _find(folder: Path, stem_end: str) -> Path | None:
    """The file of the folder whose name ends so, in upper or lower case, as `.nii.gz` or `.nii`."""
    endings = (f"{stem_end}.nii.gz".lower(), f"{stem_end}.nii".lower())
    files = sorted(file for file in folder.iterdir() if not is_hidden(file.name))
    return next((file for file in files if file.name.lower().endswith(endings)), None)


def _ed_and_es(folder: Path, info: _Info) -> Cine:
    ed, es = (_find(folder, f"_frame{frame + 1:02d}") for frame in (info.ed_frame, info.es_frame))
    if ed is not None and es is not None:
        return load_pair(ed, es, info.patient)
    whole = _find(folder, "_4d")
    if whole is None:
        raise UnusableInput(
            f"{folder.name} lacks the image of frame {info.ed_frame + 1} or {info.es_frame + 1} "
            f"(a file like {folder.name}_frame{info.ed_frame + 1:02d}.nii.gz); get the files of this patient again."
        )
    cine = load_image(whole, info.patient)
    if max(info.ed_frame, info.es_frame) >= cine.frames:
        raise UnusableInput(
            f"Info.cfg of {folder.name} names frames {info.ed_frame + 1} and {info.es_frame + 1}, "
            f"but {whole.name} has {cine.frames}; correct it."
        )
    pair = cine.pixels[[info.ed_frame, info.es_frame]]
    note = QualityNote("ed_es_only", "info", "Only end-diastole and end-systole were read: there is no volume curve.")
    # Times of two frames that need not be in order would not be times of a cine.
    return replace(cine, pixels=pair, frame_times_ms=None, notes=(*cine.notes, note))


def _load_labels(folder: Path, info: _Info) -> Array | None:
    files = [
        _find(folder, f"_frame{frame + 1:02d}_gt") or _find(folder, f"_{phase}_gt")
        for frame, phase in ((info.ed_frame, "ED"), (info.es_frame, "ES"))
    ]
    if files[0] is None or files[1] is None:
        return None
    ed, es = (load_labels(file, ACDC) for file in files if file is not None)
    if ed.shape != es.shape:
        raise UnusableInput(
            f"The labels of {folder.name} have the shapes {ed.shape} at ED and {es.shape} at ES; "
            "get the files of this patient again."
        )
    labels = np.concatenate([ed, es])
    _check_not_exchanged(labels, folder.name)
    return labels


def _check_not_exchanged(labels: Array, name: str) -> None:
    """Raises UnusableInput where the myocardium is around what should be the RV: other data sets have LV 1, RV 3."""
    lv, rv = (_share_next_to_myocardium(labels, structure) for structure in (Structure.LV, Structure.RV))
    if lv < _LEAST_OF_LV and rv > _LEAST_OF_LV:
        raise UnusableInput(
            f"In the labels of {name} the myocardium is around 1, which is the RV in ACDC; give files with RV 1, "
            "myocardium 2 and LV 3."
        )


def _share_next_to_myocardium(labels: Array, structure: Structure) -> float:
    """Of the pixels around a structure in its slices; 0 where it is missing."""
    own = labels == STORAGE.value_of(structure)
    in_plane = ndimage.generate_binary_structure(4, 1)
    in_plane[[0, 2]] = in_plane[:, [0, 2]] = False
    around = labels[ndimage.binary_dilation(own, in_plane) & ~own]
    return float(np.mean(around == STORAGE.value_of(Structure.MYO))) if len(around) else 0.0
