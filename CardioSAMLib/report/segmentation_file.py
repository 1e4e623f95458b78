"""segmentation.nii.gz: the labels of a study on the grid of its cine."""

from __future__ import annotations

import errno
import gzip
import os
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import SimpleITK as sitk

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.report.study import Study


def segmentation_image(study: Study) -> sitk.Image:
    """4D uint8 image (column, row, slice, frame) in the integers of `STORAGE` (ACDC: RV 1, MYO 2, LV 3).

    Origin and spacing along time are in seconds, as NIfTI readers expect; 0 and 1 where the times are not known.
    Where the slices are not equally spaced they are placed at the usual interval, see `Study.sorted_notes`.
    """
    cine = study.cine
    row_mm, column_mm, slice_mm = cine.geometry.spacing_mm
    first_s, interval_s = 0.0, 1.0
    if cine.frame_times_ms is not None and cine.frame_interval_ms is not None:
        first_s, interval_s = cine.frame_times_ms[0] / 1000.0, cine.frame_interval_ms / 1000.0
    direction = np.eye(4)
    direction[:3, :3] = cine.geometry.direction
    image: Any = sitk.GetImageFromArray(study.segmentation.labels, isVector=False)
    image.SetSpacing((column_mm, row_mm, slice_mm, interval_s))
    image.SetOrigin((*cine.geometry.origin_mm, first_s))
    image.SetDirection(direction.ravel().tolist())
    return cast(sitk.Image, image)


def segmentation_nifti(study: Study) -> bytes:
    """The image as a gzip-compressed NIfTI file; the same labels give the same bytes."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "segmentation.nii"
            sitk.WriteImage(segmentation_image(study), str(path))
            content = path.read_bytes()
        # SimpleITK reports no error when the disk is full; what it wrote is then too short.
        if len(content) < study.segmentation.labels.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except (OSError, RuntimeError) as error:
        raise UnusableInput(
            f"The folder for temporary files, {tempfile.gettempdir()}, is full or cannot be written to; "
            "free some space or set TMPDIR to another folder."
        ) from error
    return gzip.compress(content, mtime=0)
