"""A cine as DICOM MR files, in the layouts in which scanners and archives deliver them."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import DSfloat

from CardioSAMLib.cine import Array, Cine, UnusableInput

_BREATH_HOLD_SPREAD = 0.05
"""Part by which the RR interval of the first and last slice differ from the middle one in JITTERED_TIMES."""


class DicomLayout(Enum):
    """How a cine is spread over files, and what its frames are ordered by. Values: words for the user."""

    ONE_SERIES = "one series, one file per image, with trigger times"
    SERIES_PER_SLICE = "one series per slice"
    ENHANCED = "one enhanced multi-frame file"
    NESTED_NO_EXTENSION = "nested folders, file names without extension"
    TRIGGER_DELAY = "frames ordered by trigger delay"
    TEMPORAL_POSITION = "frames ordered by temporal position"
    INSTANCE_NUMBER = "frames ordered by instance number, file names against it"
    JITTERED_TIMES = "trigger times that differ from slice to slice"


@dataclass(frozen=True)
class _Study:
    """What all files of one cine share. values: stored integers `(frames, slices, rows, columns)`."""

    cine: Cine
    series_number: int
    series_description: str
    values: Array
    slope: float
    intercept: float
    study_uid: str
    frame_of_reference: str


@dataclass(frozen=True)
class DicomStudy:
    """UIDs under which several cines are one study of one patient."""

    study_uid: str
    frame_of_reference: str


def new_study() -> DicomStudy:
    """New UIDs."""
    return DicomStudy(generate_uid(), generate_uid())


def write_dicom(
    cine: Cine,
    folder: Path | str,
    layout: DicomLayout = DicomLayout.ONE_SERIES,
    series_number: int = 1,
    series_description: str = "cine short axis",
    study: DicomStudy | None = None,
) -> None:
    """Writes a cine into a folder, which must not exist or be empty; it appears complete or not at all.

    Integers of 16 bits are stored as they are, other pixels as 16 bits with a rescaling. study: to put several cines
    into one study; a new one by default. Raises UnusableInput where the folder cannot be written.
    """
    folder = Path(folder)
    study = study or new_study()
    values, slope, intercept = _as_stored(cine.pixels)
    content = _Study(
        cine, series_number, series_description, values, slope, intercept, study.study_uid, study.frame_of_reference
    )
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UnusableInput(f"The folder {folder} is not empty; give a new one.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cardiosam-", dir=folder.parent) as staging:
            part = Path(staging) / "dicom"
            part.mkdir()
            _write_files(content, part, layout)
            if folder.exists():
                folder.rmdir()
            shutil.move(part, folder)
    except OSError as error:
        raise UnusableInput(
            f"The folder {folder} cannot be written ({error.strerror or error}); give another."
        ) from error


def _as_stored(pixels: Array) -> tuple[Array, float, float]:
    """16-bit integers with the slope and intercept that give the pixels back."""
    low, high = float(pixels.min()), float(pixels.max())
    if pixels.dtype.kind in "iu":
        for dtype in (np.uint16, np.int16):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return pixels.astype(dtype), 1.0, 0.0
    slope = (high - low) / np.iinfo(np.uint16).max
    return np.rint((pixels - low) / slope).astype(np.uint16), slope, low


def _write_files(study: _Study, folder: Path, layout: DicomLayout) -> None:
    if layout is DicomLayout.ENHANCED:
        _enhanced(study).save_as(folder / "cine.dcm", enforce_file_format=True)
        return
    frames, slices = study.cine.pixels.shape[:2]
    series_uids = [generate_uid() for _ in range(slices if layout is DicomLayout.SERIES_PER_SLICE else 1)]
    for slice_number in range(slices):
        for frame in range(frames):
            dataset = _classic(study, frame, slice_number, layout)
            dataset.SeriesInstanceUID = series_uids[slice_number % len(series_uids)]
            if layout is DicomLayout.SERIES_PER_SLICE:
                dataset.SeriesNumber = study.series_number + slice_number
            path = folder / _file_name(int(dataset.InstanceNumber), frames * slices, slice_number, layout)
            path.parent.mkdir(parents=True, exist_ok=True)
            dataset.save_as(path, enforce_file_format=True)


def _file_name(instance: int, instances: int, slice_number: int, layout: DicomLayout) -> str:
    if layout is DicomLayout.NESTED_NO_EXTENSION:
        return f"series/{slice_number:03d}/IM{instance:05d}"
    if layout is DicomLayout.SERIES_PER_SLICE:
        return f"series{slice_number:03d}/{instance:05d}.dcm"
    if layout is DicomLayout.INSTANCE_NUMBER:
        return f"{instances + 1 - instance:05d}.dcm"
    return f"{instance:05d}.dcm"


def _classic(study: _Study, frame: int, slice_number: int, layout: DicomLayout) -> Dataset:
    """One image: one slice at one frame."""
    cine = study.cine
    dataset = _common(study, MRImageStorage)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.InstanceNumber = slice_number * cine.frames + frame + 1
    dataset.PixelSpacing, dataset.SliceThickness, dataset.SpacingBetweenSlices = _measures(cine)
    dataset.ImageOrientationPatient = _orientation(cine)
    dataset.ImagePositionPatient = _position(cine, slice_number)
    _set_time(dataset, cine, frame, slice_number, layout)
    dataset.RescaleSlope, dataset.RescaleIntercept = _decimal(study.slope), _decimal(study.intercept)
    dataset.PixelData = _bytes(study.values[frame, slice_number])
    return dataset


def _set_time(dataset: Dataset, cine: Cine, frame: int, slice_number: int, layout: DicomLayout) -> None:
    """What the layout orders the frames by, and the heart rate."""
    stretch = 1.0
    if layout is DicomLayout.JITTERED_TIMES and cine.slices > 1:
        stretch += _BREATH_HOLD_SPREAD * (2.0 * slice_number / (cine.slices - 1) - 1.0)
    if cine.heart_rate_bpm is not None:
        dataset.HeartRate = round(cine.heart_rate_bpm / stretch)
        dataset.NominalInterval = round(60000.0 / cine.heart_rate_bpm * stretch)
    time_ms = None if cine.frame_times_ms is None else _decimal(cine.frame_times_ms[frame] * stretch)
    if layout is DicomLayout.TEMPORAL_POSITION:
        dataset.TemporalPositionIdentifier = frame + 1
        dataset.NumberOfTemporalPositions = cine.frames
        # Nothing but the temporal position may tell the order.
        dataset.InstanceNumber = (cine.frames - 1 - frame) * cine.slices + slice_number + 1
    elif layout is DicomLayout.TRIGGER_DELAY and time_ms is not None:
        dataset.NominalCardiacTriggerDelayTime = float(time_ms)
        dataset.InstanceNumber = (cine.frames - 1 - frame) * cine.slices + slice_number + 1
    elif layout is not DicomLayout.INSTANCE_NUMBER and time_ms is not None:
        dataset.TriggerTime = time_ms


def _common(study: _Study, sop_class: str) -> Dataset:
    """Patient, study, series and pixel description, the same in classic and enhanced files."""
    cine, dataset = study.cine, Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, generate_uid()
    dataset.Modality = "MR"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "CardioSAM^Export", "CARDIOSAM", ""
    dataset.PatientSex = cine.patient.sex or ""
    if cine.patient.age_years is not None:
        dataset.PatientAge = f"{round(cine.patient.age_years):03d}Y"
    if cine.patient.height_cm is not None:
        dataset.PatientSize = _decimal(cine.patient.height_cm / 100.0)
    if cine.patient.weight_kg is not None:
        dataset.PatientWeight = _decimal(cine.patient.weight_kg)
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "", "", "", ""
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = study.study_uid, study.frame_of_reference
    dataset.SeriesInstanceUID, dataset.SeriesNumber = generate_uid(), study.series_number
    dataset.SeriesDescription = study.series_description
    dataset.Rows, dataset.Columns = cine.pixels.shape[2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(study.values.dtype.kind == "i")
    return dataset


def _enhanced(study: _Study) -> Dataset:
    """All images in one file, described by functional groups (PS3.3, C.7.6.16)."""
    cine = study.cine
    dataset = _common(study, EnhancedMRImageStorage)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"]
    dataset.InstanceNumber = 1
    dataset.NumberOfFrames = cine.frames * cine.slices
    shared = Dataset()
    measures, orientation, transform = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness, measures.SpacingBetweenSlices = _measures(cine)
    orientation.ImageOrientationPatient = _orientation(cine)
    transform.RescaleSlope, transform.RescaleIntercept = _decimal(study.slope), _decimal(study.intercept)
    transform.RescaleType = "US"
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelValueTransformationSequence = Sequence([transform])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [_functional_group(cine, frame, number) for number in range(cine.slices) for frame in range(cine.frames)]
    )
    dataset.PixelData = _bytes(study.values.swapaxes(0, 1))
    return dataset


def _functional_group(cine: Cine, frame: int, slice_number: int) -> Dataset:
    group, content, plane, synchronization = Dataset(), Dataset(), Dataset(), Dataset()
    content.StackID, content.InStackPositionNumber, content.TemporalPositionIndex = "1", slice_number + 1, frame + 1
    content.DimensionIndexValues = [slice_number + 1, frame + 1]
    plane.ImagePositionPatient = _position(cine, slice_number)
    if cine.frame_times_ms is not None:
        synchronization.NominalCardiacTriggerDelayTime = cine.frame_times_ms[frame]
    if cine.heart_rate_bpm is not None:
        synchronization.RRIntervalTimeNominal = 60000.0 / cine.heart_rate_bpm
    group.FrameContentSequence = Sequence([content])
    group.PlanePositionSequence = Sequence([plane])
    group.CardiacSynchronizationSequence = Sequence([synchronization])
    return group


def _measures(cine: Cine) -> tuple[list[DSfloat], DSfloat, DSfloat]:
    row_mm, column_mm, slice_mm = cine.geometry.spacing_mm
    return [_decimal(row_mm), _decimal(column_mm)], _decimal(slice_mm), _decimal(slice_mm)


def _orientation(cine: Cine) -> list[DSfloat]:
    direction = np.asarray(cine.geometry.direction)
    return [_decimal(value) for value in (*direction[:, 0], *direction[:, 1])]


def _position(cine: Cine, slice_number: int) -> list[DSfloat]:
    return [_decimal(value) for value in cine.geometry.world_of((0.0, 0.0, float(slice_number)))]


def _decimal(value: float) -> DSfloat:
    """A decimal string of at most 16 characters, as the standard asks."""
    return DSfloat(float(value), auto_format=True)


def _bytes(values: Array) -> bytes:
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
