"""Claims about which patients are found and what is known of a model's training."""

from dataclasses import replace

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.named import Part
from CardioSAMLib.evaluation_run.patients import choose_patients, patient_folders, split_of_model
from CardioSAMLib.evaluation_run.result import cautions
from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model


def test_patients_are_found_below_training_and_testing(data_set, tmp_path):
    for part in ("training", "testing"):
        (tmp_path / "database" / part).mkdir(parents=True)
    (data_set / "patient001").rename(tmp_path / "database" / "training" / "patient001")
    (data_set / "patient002").rename(tmp_path / "database" / "testing" / "patient002")
    assert list(patient_folders(tmp_path / "database")) == ["patient001", "patient002"]


def test_one_patient_folder_is_a_data_set_of_one(data_set):
    assert list(patient_folders(data_set / "patient002")) == ["patient002"]


def test_a_patient_that_is_there_twice_is_named(data_set, tmp_path):
    (tmp_path / "both").mkdir()
    data_set.rename(tmp_path / "both" / "a")
    (tmp_path / "both" / "b" / "patient001").mkdir(parents=True)
    (tmp_path / "both" / "b" / "patient001" / "Info.cfg").write_text("ED: 1\nES: 2\n")
    with pytest.raises(UnusableInput, match="patient001 is in"):
        patient_folders(tmp_path / "both")


def test_a_folder_without_patients_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnusableInput, match=r"Info\.cfg"):
        patient_folders(tmp_path)


def test_a_split_and_a_protocol_together_are_refused(data_set, tmp_path):
    with pytest.raises(UnusableInput, match="one of them"):
        choose_patients(data_set, tmp_path / "split.json", "cv5", Part.validation, ())


def test_the_default_model_knows_its_80_training_patients():
    split = split_of_model(find_model(DEFAULT_MODEL_ID))
    assert (len(split.train), len(split.validation)) == (80, 20)


def test_cautions_count_the_patients_that_trained_and_those_that_validated():
    split = split_of_model(find_model(DEFAULT_MODEL_ID))
    names = [*split.train[:3], *split.validation[:2], "patient101"]
    trained, validated = cautions(find_model(DEFAULT_MODEL_ID), names)
    assert trained.startswith("3 of 6 patients were used to train this model")
    assert validated.startswith("2 of 6 patients were watched")
    assert cautions(find_model(DEFAULT_MODEL_ID), ["patient101"]) == ()


def test_a_model_whose_training_patients_are_not_known_is_said_so():
    stranger = replace(find_model(DEFAULT_MODEL_ID), id="stranger", accuracy={})
    assert split_of_model(stranger) is None
    assert "not known which patients" in cautions(stranger, ["patient001"])[0]
