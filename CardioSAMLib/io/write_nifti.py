"""A cine as a 4D NIfTI file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from CardioSAMLib.cine import Cine, UnusableInput
from CardioSAMLib.io.image_headers import check_image_header

_UNKNOWN_INTERVAL_S = 1.0
"""The placeholder that readers, ours among them, know for no time at all; NIfTI cannot leave it out."""


def write_nifti(cine: Cine, path: Path | str) -> None:
    """Writes pixels, spacing, position, orientation and the time step, in seconds as NIfTI names its unit.

    Heart rate and patient have no place in the format. The file appears complete or not at all.
    Raises UnusableInput for irregular slices, which the format cannot hold, for a name that does not end in .nii or
    .nii.gz, and where the file cannot be written.
    """
    path = Path(path)
    ending = next((ending for ending in (".nii.gz", ".nii") if path.name.endswith(ending)), None)
    if ending is None:
        raise UnusableInput(f"{path.name} is no name of a NIfTI file; end it in .nii.gz or .nii.")
    if cine.geometry.slice_positions_mm is not None:
        raise UnusableInput("A NIfTI file cannot hold slices at unequal distances; write DICOM instead.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cardiosam-", dir=path.parent) as folder:
            part = Path(folder) / f"part{ending}"
            sitk.WriteImage(_image(cine), str(part))
            # SimpleITK says nothing when the disk is full.
            check_image_header(part)
            part.replace(path)
    except (OSError, RuntimeError, UnusableInput) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is the disk full?"
        raise UnusableInput(f"{path} cannot be written ({reason}); give another place.") from error


def _image(cine: Cine) -> sitk.Image:
    row_mm, column_mm, slice_mm = cine.geometry.spacing_mm
    volumes = []
    for frame in cine.pixels:
        volume = sitk.GetImageFromArray(np.ascontiguousarray(frame))
        volume.SetSpacing((column_mm, row_mm, slice_mm))
        volume.SetOrigin(cine.geometry.origin_mm)
        volume.SetDirection(np.ravel(cine.geometry.direction).tolist())
        volumes.append(volume)
    interval_ms = cine.frame_interval_ms if cine.frame_times_ms is not None else None
    if cine.frame_times_ms is None or interval_ms is None:
        series: sitk.Image = sitk.JoinSeries(volumes, 0.0, _UNKNOWN_INTERVAL_S)
    else:
        series = sitk.JoinSeries(volumes, cine.frame_times_ms[0] / 1000.0, interval_ms / 1000.0)
    return series
