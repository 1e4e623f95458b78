"""Checks of NIfTI, NRRD and MetaImage headers that ITK does not make.

ITK reads a cut-short NIfTI file as if the rest were zeros, pixels that are not numbers as zeros too, takes a spacing
of 0 for 1 mm, and a negative one for a mirrored image. All four would become wrong volumes without a word.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from CardioSAMLib.cine import UnusableInput

_NIFTI1_HEADER_BYTES = 348
_NIFTI1_FLOATS = {16: "f4", 64: "f8"}
_CHUNK_BYTES = 1 << 20
_TEXT_SPACING = re.compile(rb"^(?:ElementSpacing\s*=|spacings:)(.*)$", re.MULTILINE)


def check_image_header(path: Path) -> None:
    """Raises UnusableInput where the file is empty, cut short, or has a spacing that is not positive.

    In a NIfTI file also where a pixel is not a number; in the others ITK keeps those, and `Cine` refuses them.
    """
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
            datatype, bits = struct.unpack_from(f"{order}2h", header, 70)
            pixdim = struct.unpack_from(f"{order}8f", header, 76)
            (offset,) = struct.unpack_from(f"{order}f", header, 108)
            in_same_file = header[344:347] == b"n+1"
            voxels = 1
            for size in dim[1 : 1 + max(0, min(dim[0], 7))]:
                voxels *= max(size, 1)
            float_type = f"{order}{_NIFTI1_FLOATS[datatype]}" if datatype in _NIFTI1_FLOATS else None
            complete = not in_same_file or _read_pixels(path, file, int(offset), voxels * bits // 8, float_type)
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


def _read_pixels(
    path: Path, file: BinaryIO | gzip.GzipFile, offset: int, expected_bytes: int, float_type: str | None
) -> bool:
    """Whether all pixels are there. float_type: numpy's name of their type where they can be other than numbers.

    Reads to the end, because a damaged gzip file shows itself only there.
    """
    file.read(max(offset - _NIFTI1_HEADER_BYTES, 0))
    remaining = expected_bytes
    while chunk := file.read(_CHUNK_BYTES):
        inside = chunk[:remaining]
        remaining -= len(inside)
        if float_type is not None:
            whole = len(inside) - len(inside) % np.dtype(float_type).itemsize
            if not np.all(np.isfinite(np.frombuffer(inside[:whole], dtype=float_type))):
                raise UnusableInput(f"{path.name} has pixels that are not numbers (NaN or infinite); export it again.")
    return remaining == 0


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
