"""segmentation.nii.gz: the labels of a study on the grid of its cine."""

from __future__ import annotations

import gzip

from CardioSAMLib.io.write_nifti import nifti_bytes
from CardioSAMLib.report.study import Study


def segmentation_nifti(study: Study) -> bytes:
    """A gzip-compressed 4D NIfTI file, uint8, in the integers of `STORAGE` (ACDC: RV 1, MYO 2, LV 3).

    Where the slices are not equally spaced they are placed at the usual interval, see `Study.sorted_notes`.
    Raises UnusableInput where the folder for temporary files is full.
    """
    return gzip.compress(nifti_bytes(study.segmentation.labels, study.cine), mtime=0)
