"""Patient values of DICOM files, in our units, and what is done with values that cannot be."""

import pytest
from pydicom.dataset import Dataset

from CardioSAMLib.cine import Patient
from CardioSAMLib.io.dicom_files import quiet_pydicom
from CardioSAMLib.io.dicom_patient import patient_of


def patient(**values):
    dataset = Dataset()
    with quiet_pydicom():
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        return patient_of(dataset)


def test_height_in_meters_becomes_centimeters():
    found, notes = patient(PatientSex="F", PatientAge="045Y", PatientSize="1.7", PatientWeight="65")
    assert (found.sex, found.age_years, found.weight_kg) == ("F", 45.0, 65.0)
    assert found.height_cm == pytest.approx(170.0)
    assert notes == ()


def test_nothing_known_is_none_without_a_note():
    assert patient(PatientSex="", PatientBirthDate="00000000", StudyDate="20120000") == (Patient(), ())


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("PatientSize", "0", "implausible_height"),
        ("PatientSize", "175", "implausible_height"),
        ("PatientWeight", "0", "implausible_weight"),
        ("PatientAge", "999Y", "implausible_age"),
    ],
)
def test_values_that_cannot_be_are_left_out_with_a_note(keyword, value, code):
    found, notes = patient(**{keyword: value})
    assert found == Patient()
    assert [note.code for note in notes] == [code]


@pytest.mark.parametrize(("age", "years"), [("018M", 1.5), ("052W", 52 * 7 / 365.25), ("003D", 3 / 365.25)])
def test_ages_of_children_are_in_years(age, years):
    assert patient(PatientAge=age)[0].age_years == pytest.approx(years)


@pytest.mark.parametrize(("studied", "years"), [("20240309", 43.0), ("20240310", 44.0)])
def test_age_comes_from_the_date_of_birth_where_it_is_not_stated(studied, years):
    assert patient(PatientBirthDate="19800310", StudyDate=studied)[0].age_years == years


def test_other_sexes_are_not_known_to_the_reference_values():
    assert patient(PatientSex="O")[0].sex is None
