"""Claims about one patient: measured, scored, and kept until something changes."""

import time

import numpy as np
import pytest

from CardioSAMLib.cine import Geometry
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation_run import patient as module
from CardioSAMLib.evaluation_run.contours import MAIN, contours_of
from CardioSAMLib.evaluation_run.options import EvaluationOptions
from CardioSAMLib.evaluation_run.patient import PatientTask, evaluate_patient, measurements
from CardioSAMLib.labels import STORAGE, Structure

LV, MYO, RV = (STORAGE.value_of(structure) for structure in (Structure.LV, Structure.MYO, Structure.RV))


@pytest.fixture
def run(data_set, tmp_path, monkeypatch):
    """Evaluates one patient and returns its scores and whether they were computed."""
    computed = []
    original = module.score_volumes
    monkeypatch.setattr(module, "score_volumes", lambda study: computed.append(study) or original(study))

    def evaluate(predictions, number=1, label_map="ACDC"):
        computed.clear()
        contours = contours_of(EvaluationOptions(predictions=predictions, label_map=label_map))
        task = PatientTask(data_set / f"patient{number:03d}", tmp_path / "out", contours)
        return evaluate_patient(task).scores[MAIN], bool(computed)

    return evaluate


def test_what_has_not_changed_is_taken_from_the_earlier_run(run, predict, pair):
    folder = predict(labels=np.roll(pair, 1, axis=2))
    first, computed = run(folder)
    assert computed
    assert first.volumes[0].values["dice"] < 1.0
    assert run(folder) == (first, False)


@pytest.mark.parametrize("what", ["prediction", "reference", "label map", "group", "code"])
def test_what_has_changed_is_computed_again(what, run, predict, pair, patient_writer, data_set, monkeypatch):
    folder = predict()
    first, _ = run(folder)
    shifted = np.roll(pair, 2, axis=2)
    if what == "prediction":
        predict(labels=shifted)
    elif what == "reference":
        patient_writer(data_set / "patient001", shifted, "NOR")
    elif what == "group":
        patient_writer(data_set / "patient001", pair, "DCM")
    elif what == "code":
        monkeypatch.setattr(module, "_code_sha256", lambda: "of another version")
    again, computed = run(folder, label_map="MNMS" if what == "label map" else "ACDC")
    assert computed
    assert (again == first) == (what == "code")


def test_another_patients_prediction_changes_nothing(run, predict, pair):
    folder = predict()
    run(folder)
    predict((2,), np.roll(pair, 2, axis=2))
    assert not run(folder)[1]


def test_a_damaged_file_of_an_earlier_run_is_computed_again(run, predict, tmp_path):
    folder = predict()
    first, _ = run(folder)
    (tmp_path / "out" / "patients" / "patient001.json").write_text('{"key": ')
    assert run(folder) == (first, True)


def test_a_patient_of_whom_nothing_could_be_scored_is_not_kept(run, predict, tmp_path):
    scores, _ = run(predict((2,)))
    assert [problem.code for problem in scores.problems] == ["missing", "missing"]
    assert not (tmp_path / "out").exists()


def test_scoring_a_patient_takes_a_fraction_of_a_second(run, predict, pair):
    """100 patients in 60 s on two cores leave 1.2 s each."""
    folder = predict(labels=np.roll(pair, 1, axis=2))
    start = time.perf_counter()
    run(folder)
    assert time.perf_counter() - start < 1.2


def blocks(lv_rows, rv_rows=6):
    """One slice of 1 cm with blocks 10 columns of 1 cm wide: LV, RV of so many rows, and 4 rows of wall."""
    labels = np.zeros((1, 40, 10), np.uint8)
    labels[0, :lv_rows], labels[0, 20:24], labels[0, 30 : 30 + rv_rows] = LV, MYO, RV
    return labels


def test_measurements_follow_from_the_size_of_the_blocks():
    found = measurements({Phase.ED: blocks(12), Phase.ES: blocks(6, 3)}, Geometry((10.0, 10.0, 10.0)))
    assert found == pytest.approx(
        {
            "lv_edv_ml": 120.0,
            "lv_esv_ml": 60.0,
            "lv_ef_percent": 50.0,
            "rv_edv_ml": 60.0,
            "rv_esv_ml": 30.0,
            "rv_ef_percent": 50.0,
            "lv_mass_ed_g": 42.0,  # 40 mL of 1.05 g/mL
        }
    )


def test_a_structure_that_is_not_there_has_no_volume_rather_than_zero():
    found = measurements({Phase.ED: blocks(12, 0), Phase.ES: blocks(0, 0)}, Geometry((10.0, 10.0, 10.0)))
    assert {key for key, value in found.items() if value is None} == {
        "lv_esv_ml",
        "lv_ef_percent",
        "rv_edv_ml",
        "rv_esv_ml",
        "rv_ef_percent",
    }


def test_without_end_diastole_there_is_no_mass():
    assert measurements({Phase.ES: blocks(6)}, Geometry((10.0, 10.0, 10.0)))["lv_mass_ed_g"] is None
