"""A cine, or labels on its grid, as a 4D NIfTI file."""

from __future__ import annotations

import errno
import gzip
import os
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import SimpleITK as sitk

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.io.atomic import write_files

_UNKNOWN_INTERVAL_S = 1.0
"""The placeholder that readers, ours among them, know for no time at all; NIfTI cannot leave it out."""


def write_nifti(cine: Cine, path: Path | str) -> None:
    """Writes pixels, spacing, position, orientation and the time step, in seconds as NIfTI names its unit.

    Heart rate and patient have no place in the format. The file appears complete or not at all.
    Raises UnusableInput for irregular slices, which the format cannot hold, for a name that does not end in .nii or
    .nii.gz, and where the file cannot be written.
    """
    path = Path(path)
    if not path.name.endswith((".nii.gz", ".nii")):
        raise UnusableInput(f"{path.name} is no name of a NIfTI file; end it in .nii.gz or .nii.")
    if cine.geometry.slice_positions_mm is not None:
        raise UnusableInput("A NIfTI file cannot hold slices at unequal distances; write DICOM instead.")
    content = nifti_bytes(cine.pixels, cine)
    write_files(path.parent, {path.name: gzip.compress(content, mtime=0) if path.suffix == ".gz" else content})


def nifti_bytes(values: Array, cine: Cine) -> bytes:
    """An uncompressed NIfTI file of values `(frames, slices, rows, columns)` on the grid of a cine.

    The same values give the same bytes. Raises UnusableInput where the folder for temporary files is full.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "part.nii"
            sitk.WriteImage(grid_image(values, cine), str(path))
            content = path.read_bytes()
        # SimpleITK reports no error when the disk is full; what it wrote is then too short.
        if len(content) < values.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except (OSError, RuntimeError) as error:
        raise UnusableInput(
            f"The folder for temporary files, {tempfile.gettempdir()}, is full or cannot be written to; "
            "free some space or set TMPDIR to another folder."
        ) from error
    return content


def grid_image(values: Array, cine: Cine) -> sitk.Image:
    """4D image (column, row, slice, frame) of values `(frames, slices, rows, columns)` on the grid of a cine.

    Origin and spacing along time are in seconds, as NIfTI readers expect; 0 and 1 where the times are not known.
    Slices at unequal distances are placed at the usual interval.
    """
    row_mm, column_mm, slice_mm = cine.geometry.spacing_mm
    first_s, interval_s = 0.0, _UNKNOWN_INTERVAL_S
    if cine.frame_times_ms is not None and cine.frame_interval_ms is not None:
        first_s, interval_s = cine.frame_times_ms[0] / 1000.0, cine.frame_interval_ms / 1000.0
    direction = np.eye(4)
    direction[:3, :3] = cine.geometry.direction
    image: Any = sitk.GetImageFromArray(np.ascontiguousarray(values), isVector=False)
    image.SetSpacing((column_mm, row_mm, slice_mm, interval_s))
    image.SetOrigin((*cine.geometry.origin_mm, first_s))
    image.SetDirection(direction.ravel().tolist())
    return cast(sitk.Image, image)
