"""Studies of Slicer's DICOM database, here one that answers as ctkDICOMDatabase does."""

import pytest

from CardioSAMLib.cine import UnusableInput

STUDIES = {"ann": ["1.1", "1.2"], "bob": ["2.1"]}
SERIES = {"1.1": ["1.1.1", "1.1.2"], "1.2": ["1.2.1"], "2.1": ["2.1.1"]}
FILES = {"1.1.1": ["/a/1.dcm", "/a/2.dcm"], "1.1.2": ["/a/3.dcm"], "1.2.1": ["/b/1.dcm"], "2.1.1": ["/c/1.dcm"]}
VALUES = {"0008,0020": "20040815", "0008,0060": "MR"}
CT_STUDY = "1.2"


class Database:
    isOpen = True

    def patients(self):
        return tuple(STUDIES)

    def studiesForPatient(self, patient):
        return tuple(STUDIES[patient])

    def seriesForStudy(self, study):
        return tuple(SERIES[study])

    def filesForSeries(self, series, count=-1):
        return tuple(FILES[series][: None if count < 0 else count])

    def fileValue(self, file, tag):
        return "CT" if file == "/b/1.dcm" and tag == "0008,0060" else VALUES[tag]

    def descriptionForStudy(self, study):
        return {"1.1": "Heart", "1.2": "Chest", "2.1": ""}[study]

    def fileForInstance(self, instance):
        return {"9.9.3": "/a/3.dcm"}.get(instance, "")

    def seriesForFile(self, file):
        return next(series for series, files in FILES.items() if file in files)

    def studyForSeries(self, series):
        return next(study for study, all_series in SERIES.items() if series in all_series)


def test_the_mr_studies_are_offered_by_date_and_words_never_by_name(scene):  # noqa: ARG001
    from CardioSAMLib.mrml.dicom_database import DatabaseStudy, studies_in

    assert studies_in(Database()) == (
        DatabaseStudy("1.1", "20040815, Heart, 2 series"),
        DatabaseStudy("2.1", "20040815, 1 series"),
    )


def test_all_series_of_a_study_are_read(scene):  # noqa: ARG001
    from CardioSAMLib.mrml.dicom_database import files_of_study

    assert files_of_study(Database(), "1.1") == ("/a/1.dcm", "/a/2.dcm", "/a/3.dcm")


def test_a_volume_that_slicer_loaded_leads_to_its_study(scene):
    from CardioSAMLib.mrml.sources import in_database

    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert len(in_database(Database(), volume)) == 2
    volume.SetAttribute("DICOM.instanceUIDs", "9.9.3 9.9.4")
    ((description, _read),) = in_database(Database(), volume)
    assert "Heart" in description


def test_a_database_without_mr_says_what_to_do(scene, monkeypatch):  # noqa: ARG001
    from CardioSAMLib.mrml.dicom_database import studies_in

    monkeypatch.setitem(VALUES, "0008,0060", "CT")
    with pytest.raises(UnusableInput, match="import the files in the module DICOM"):
        studies_in(Database())
