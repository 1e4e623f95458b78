"""DICOM files -> data sets and the values in them, with pydicom's complaints about sloppy files kept quiet."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pydicom.config
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import EnhancedMRImageStorage, MediaStorageDirectoryStorage, MRImageStorage

# Elements above this size stay on disk until they are asked for: the headers of a large folder must fit in memory.
_DEFERRED_BYTES = 4096

# A file of these classes without pixels, or of no class at all, was cut short inside its header.
_IMAGES_OR_NOTHING = (None, "", MRImageStorage, EnhancedMRImageStorage)


@dataclass(frozen=True)
class DicomFiles:
    """What a search for DICOM files found.

    datasets: of all DICOM files, pixels still on disk, in natural order of their names.
    damaged: files that begin like DICOM and cannot be read to their end.
    """

    datasets: tuple[Dataset, ...]
    damaged: tuple[Path, ...]


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """No checks of values and no warnings: anonymized files have invalid UIDs, dates and numbers by the hundred."""
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def read_dicom_files(files: Sequence[Path]) -> DicomFiles:
    """The data sets among the files. Call within `quiet_pydicom`. Raises OSError where a file may not be read."""
    datasets, damaged = [], []
    for path in files:
        force = _looks_like_dicom(path)
        if force is None:
            continue
        try:
            dataset = pydicom.dcmread(path, defer_size=_DEFERRED_BYTES, force=force)
        except (EOFError, InvalidDicomError, ValueError, NotImplementedError, AttributeError, KeyError, TypeError):
            damaged.append(path)
            continue
        if getattr(dataset.file_meta, "MediaStorageSOPClassUID", None) == MediaStorageDirectoryStorage:
            continue  # the DICOMDIR of a CD: a list of its files
        if "PixelData" not in dataset and dataset.get("SOPClassUID") in _IMAGES_OR_NOTHING:
            damaged.append(path)
        else:
            datasets.append(dataset)
    return DicomFiles(tuple(datasets), tuple(damaged))


def _looks_like_dicom(path: Path) -> bool | None:
    """False for a DICOM file, True for one without the preamble (old exports), None for another file."""
    with path.open("rb") as file:
        start = file.read(132)
    if start[128:132] == b"DICM":
        return False
    return True if start[:2] == b"\x08\x00" and len(start) == 132 else None


def text(dataset: Dataset, keyword: str) -> str:
    """The value as text, "" where there is none."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values of an element as text."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return ()
    return (value.strip(),) if isinstance(value, str) else tuple(str(part).strip() for part in value)


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """All values of an element as finite numbers; empty where one of them is none."""
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        return ()
    parts = [value] if isinstance(value, (str, int, float)) else list(value)
    try:
        converted = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return ()
    return converted if all(abs(part) < float("inf") for part in converted) else ()


def number(dataset: Dataset, keyword: str) -> float | None:
    """The (first) value as a number, None where there is none."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


def first_item(dataset: Dataset, keyword: str) -> Dataset:
    """The first item of a sequence, an empty data set where there is none."""
    sequence = dataset.get(keyword)
    return sequence[0] if sequence else Dataset()
