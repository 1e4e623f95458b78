"""Files in, our objects out (floor 1): DICOM, NIfTI, NRRD, ACDC folders, contour files."""

from CardioSAMLib.io.acdc import AcdcPatient, load_acdc_patient
from CardioSAMLib.io.atomic import check_writable, write_files
from CardioSAMLib.io.candidates import CineCandidate, SeveralCines
from CardioSAMLib.io.contours import ExpertContours, load_sunnybrook_contours
from CardioSAMLib.io.images import load_labels, load_pair
from CardioSAMLib.io.load import list_cines, load_cine
from CardioSAMLib.io.write_dicom import DicomLayout, DicomStudy, new_study, write_dicom
from CardioSAMLib.io.write_nifti import write_nifti

__all__ = [
    "AcdcPatient",
    "CineCandidate",
    "DicomLayout",
    "DicomStudy",
    "ExpertContours",
    "SeveralCines",
    "check_writable",
    "list_cines",
    "load_acdc_patient",
    "load_cine",
    "load_labels",
    "load_pair",
    "load_sunnybrook_contours",
    "new_study",
    "write_dicom",
    "write_files",
    "write_nifti",
]
