"""Checks of NIfTI, NRRD and MetaImage headers that ITK does not make.

ITK reads a cut-short NIfTI file as if the rest were zeros, takes a spacing of 0 for 1 mm, and a negative one for a
mirrored image. All three would become wrong volumes without a word.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from CardioSAMLib.cine import UnusableInput

_NIFTI1_HEADER_BYTES = 348
_TEXT_SPACING = re.compile(rb"^(?:ElementSpacing\s*=|spacings:)(.*)$", re.MULTILINE)


def check_image_header(path: Path) -> None:
    """Raises UnusableInput where the file is empty, cut short, or has a spacing that is not positive."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start:
        raise UnusableInput(f"The file {path.name} is empty (0 bytes); copy it again.")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        _check_nifti(path, zipped=start[:2] == b"\x1f\x8b")
    else:
        found = _TEXT_SPACING.search(start)
        if found:
            _check_spacing(path, [_number(word) for word in found.group(1).split()[:3]])


def _check_nifti(path: Path, zipped: bool) -> None:
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            header = file.read(_NIFTI1_HEADER_BYTES)
            order = _byte_order(header)
            if order is None:
                return  # NIfTI-2 or no NIfTI at all: left to ITK, which refuses what it does not know
            dim = struct.unpack_from(f"{order}8h", header, 40)
            (bits,) = struct.unpack_from(f"{order}h", header, 72)
            pixdim = struct.unpack_from(f"{order}8f", header, 76)
            (offset,) = struct.unpack_from(f"{order}f", header, 108)
            in_same_file = header[344:347] == b"n+1"
            voxels = 1
            for size in dim[1 : 1 + max(0, min(dim[0], 7))]:
                voxels *= max(size, 1)
            complete = not in_same_file or _has_bytes(file, int(offset) + voxels * bits // 8)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _cut_short(path) from error
    if not complete:
        raise _cut_short(path)
    _check_spacing(path, list(pixdim[1 : 1 + min(dim[0], 3)]))


def _byte_order(header: bytes) -> str | None:
    if len(header) < _NIFTI1_HEADER_BYTES:
        return None
    for order in "<>":
        if struct.unpack_from(f"{order}i", header)[0] == _NIFTI1_HEADER_BYTES:
            return order
    return None


def _has_bytes(file: BinaryIO | gzip.GzipFile, expected: int) -> bool:
    """Reads to the end, because a damaged gzip file shows itself only there."""
    count = _NIFTI1_HEADER_BYTES
    while chunk := file.read(1 << 20):
        count += len(chunk)
    return count >= expected


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _check_spacing(path: Path, spacing_mm: list[float]) -> None:
    if not all(0 < value < float("inf") for value in spacing_mm):
        plain = " x ".join(f"{value:g}" for value in spacing_mm)
        raise UnusableInput(
            f"The spacing {plain} mm in the header of {path.name} is not positive; correct it or export it again."
        )


def _cut_short(path: Path) -> UnusableInput:
    return UnusableInput(f"The file {path.name} is cut short or damaged; copy or export it again.")
