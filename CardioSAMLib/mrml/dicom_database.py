"""Studies of Slicer's DICOM database, whose own loaders make one volume of each series.

A short-axis stack is often one series per slice, so what is read is always a whole study; its cines are then told
apart by `imports.read_files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer

from CardioSAMLib.cine import UnusableInput

_INSTANCES = "DICOM.instanceUIDs"
_STUDY_DATE, _MODALITY = "0008,0020", "0008,0060"


@dataclass(frozen=True)
class DatabaseStudy:
    """description: date and words of the scanner; never a patient's name."""

    uid: str
    description: str


def studies_in(database: Any) -> tuple[DatabaseStudy, ...]:
    """All MR studies of a ctkDICOMDatabase. Raises UnusableInput where there is none."""
    studies = [
        DatabaseStudy(uid, _describe(database, uid))
        for patient in database.patients()
        for uid in database.studiesForPatient(patient)
        if _first_value(database, uid, _MODALITY) == "MR"
    ]
    if not studies:
        raise UnusableInput("The DICOM database has no MR study; import the files in the module DICOM first.")
    return tuple(studies)


def study_of_volume(database: Any, volume_node: slicer.vtkMRMLVolumeNode | None) -> str | None:
    """The uid of the study from which Slicer has loaded a volume; None where it comes from elsewhere."""
    instances = (volume_node and volume_node.GetAttribute(_INSTANCES)) or ""
    for instance in instances.split()[:1]:
        file = database.fileForInstance(instance)
        if file:
            return str(database.studyForSeries(database.seriesForFile(file)))
    return None


def files_of_study(database: Any, uid: str) -> tuple[str, ...]:
    """The files of all series of a study."""
    return tuple(file for series in database.seriesForStudy(uid) for file in database.filesForSeries(series))


def _describe(database: Any, uid: str) -> str:
    words = (_first_value(database, uid, _STUDY_DATE), str(database.descriptionForStudy(uid) or ""))
    count = len(database.seriesForStudy(uid))
    return ", ".join([*filter(None, words), f"{count} series"])


def _first_value(database: Any, uid: str, tag: str) -> str:
    for series in database.seriesForStudy(uid):
        for file in database.filesForSeries(series, 1):
            return str(database.fileValue(file, tag))
    return ""
