"""Claims about the evaluation of a folder: what is scored, named, kept, and left alone."""

import contextlib
import csv
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.named import Part
from CardioSAMLib.evaluation.result import read_result
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation_run.options import EvaluationOptions, PromptSource
from CardioSAMLib.evaluation_run.run import evaluate
from CardioSAMLib.labels import ACDC, MNMS, STORAGE, Structure
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.resources import DEFAULT_MODEL_ID

FILES = {"cases.csv", "slices.csv", "studies.csv", "problems.csv", "summary.json", "report.html", "patients"}


def score(data_set, out, predictions, **options):
    return evaluate(data_set, out, EvaluationOptions(predictions=predictions, **options)).result


def codes(result):
    return sorted((problem.patient, problem.code) for problem in result.problems)


def test_the_reference_itself_scores_perfectly_in_everything(data_set, predict, tmp_path):
    result = score(data_set, tmp_path / "out", predict())
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert len(result.scored) == 3
    assert {volume.values["dice"] for patient in result.patients for volume in patient.volumes} == {1.0}
    for patient in result.patients:
        assert patient.study.predicted == patient.study.reference
        assert None not in patient.study.reference.values()
    assert result.problems == ()
    assert read_result(tmp_path / "out") == result


def test_what_the_means_leave_out_is_said_before_them(data_set, predict, tmp_path):
    predictions = predict()
    next(predictions.rglob("*patient002*")).unlink()
    result = score(data_set, tmp_path / "out", predictions)
    assert [caution for caution in result.cautions if caution.startswith("1 of 3 patients")]


def test_a_patient_whose_ventricle_was_missed_is_not_left_out_of_ef_errors_unnoticed(
    data_set, predict, pair, volume_writer, tmp_path
):
    predictions = predict()
    without_lv = np.where(pair == STORAGE.value_of(Structure.LV), 0, pair).astype(np.uint8)
    for frame, labels in zip((1, 2), without_lv, strict=True):
        volume_writer(predictions / f"patient002_frame{frame:02d}.nii.gz", labels)
    result = score(data_set, tmp_path / "out", predictions)
    assert [caution for caution in result.cautions if caution.startswith("In 1 of 3 patients the contours give no")]


def test_predictions_say_how_they_were_made_so_that_they_can_be_tested_against_a_model(data_set, predict, tmp_path):
    assert score(data_set, tmp_path / "a", predict()).prompt_source == "unknown"
    told = score(data_set, tmp_path / "b", predict(), predictions_prompts=PromptSource.automatic)
    assert told.prompt_source == "automatic"
    with pytest.raises(UnusableInput, match="together with --predictions"):
        EvaluationOptions(predictions_prompts=PromptSource.reference)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"part": Part.test}, "--part is one of a split or protocol"),
        ({"label_map": "UKB"}, "together with --predictions"),
        ({"model_id": "some", "predictions": Path()}, "no model runs"),
    ],
)
def test_a_choice_that_would_say_nothing_is_refused(choices, words):
    with pytest.raises(UnusableInput, match=words):
        EvaluationOptions(**choices)


def test_choices_that_are_left_out_are_the_usual_ones(tmp_path):
    options = EvaluationOptions(workers=2)
    assert (options.model_id, options.scored_part) == (DEFAULT_MODEL_ID, Part.validation)
    assert replace(options, workers=1).model_id == DEFAULT_MODEL_ID
    assert EvaluationOptions(predictions=tmp_path).label_map == "ACDC"


def test_workers_end_when_the_main_process_is_killed():
    """Else each would hold its memory until the machine is started again."""
    program = (
        "import os, time\n"
        "from CardioSAMLib.evaluation_run.run import _processes\n"
        "if __name__ == '__main__':\n"
        "    with _processes(1) as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        time.sleep(60)\n"
    )
    main = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    worker = psutil.Process(int(main.stdout.readline()))
    main.kill()
    main.communicate()
    deadline = time.monotonic() + 20.0
    with contextlib.suppress(psutil.NoSuchProcess):
        while worker.status() != psutil.STATUS_ZOMBIE:  # what a container without an init process leaves of it
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_kept_score_that_is_none_is_computed_again(data_set, predict, tmp_path):
    first = score(data_set, tmp_path / "out", predict())
    for content in ("[]", "{}", "no JSON"):
        (tmp_path / "out" / "patients" / "patient001.json").write_text(content)
        assert score(data_set, tmp_path / "out", predict()).patients == first.patients


def test_a_folder_in_another_label_order_scores_the_same_with_its_map(data_set, predict, pair, tmp_path):
    shifted = np.roll(pair, 1, axis=2)
    plain = score(data_set, tmp_path / "plain", predict(labels=shifted))
    mnms = predict(labels=MNMS.from_storage(ACDC.to_storage(shifted)), folder="mnms")
    renamed = score(data_set, tmp_path / "renamed", mnms, label_map="MNMS")
    assert [patient.volumes for patient in renamed.patients] == [patient.volumes for patient in plain.patients]


def test_the_ejection_fraction_error_follows_from_the_labels(data_set, predict, pair, tmp_path):
    """The prediction at ES is the reference at ED: no stroke volume, so the error is minus the reference's EF."""
    result = score(data_set, tmp_path / "out", predict(labels=pair[[0, 0]]))
    voxels = (pair == STORAGE.value_of(Structure.LV)).sum(axis=(1, 2, 3))
    study = result.patients[0].study
    assert study.predicted["lv_ef_percent"] == pytest.approx(0.0)
    assert study.reference["lv_ef_percent"] == pytest.approx(100.0 * (1.0 - voxels[1] / voxels[0]))


def test_every_kind_of_bad_input_is_named_and_the_rest_is_scored(
    data_set, predict, pair, patient_writer, volume_writer, tmp_path
):
    for number in range(4, 9):
        patient_writer(data_set / f"patient{number:03d}", pair, "NOR")
    folder = predict(range(1, 9))
    (folder / "patient002_frame02.nii.gz").unlink()
    (folder / "patient003_frame01.nii.gz").write_bytes(b"\x1f\x8bbroken")
    volume_writer(folder / "patient004_frame01.nii.gz", pair[0, :7])
    wrong = pair[1].copy()
    wrong[0, 0, 0] = 9
    volume_writer(folder / "patient005_frame02.nii.gz", wrong)
    (data_set / "patient006" / "patient006_frame02_gt.nii.gz").unlink()
    (data_set / "patient007" / "patient007_frame01.nii.gz").write_bytes(b"")
    (data_set / "patient008" / "Info.cfg").unlink()
    result = score(data_set, tmp_path / "out", folder)
    assert codes(result) == [
        ("patient002", "missing"),
        ("patient003", "unreadable"),
        ("patient004", "other_grid"),
        ("patient005", "unknown_label"),
        ("patient006", "no_reference"),
        ("patient007", "unreadable"),
        ("patient008", "unreadable"),
    ]
    scored = {patient.patient: {volume.phase for volume in patient.volumes} for patient in result.scored}
    assert scored == {
        "patient001": {Phase.ED, Phase.ES},
        "patient002": {Phase.ED},
        "patient003": {Phase.ES},
        "patient004": {Phase.ES},
        "patient005": {Phase.ED},
    }
    with (tmp_path / "out" / "problems.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 7


def test_what_needs_a_missing_phase_is_not_measured(data_set, predict, tmp_path):
    folder = predict()
    (folder / "patient001_frame02.nii.gz").unlink()
    study = score(data_set, tmp_path / "out", folder).patients[0].study
    missing = {key for key, value in study.predicted.items() if value is None}
    assert missing == {"lv_esv_ml", "lv_ef_percent", "rv_esv_ml", "rv_ef_percent"}


def test_a_structure_that_was_not_found_has_no_volume_and_counts_as_missed(data_set, predict, pair, tmp_path):
    without = np.where(pair == STORAGE.value_of(Structure.RV), 0, pair).astype(np.uint8)
    result = score(data_set, tmp_path / "out", predict(labels=without))
    assert result.patients[0].study.predicted["rv_edv_ml"] is None
    table = next(table for table in result.tables if table.key == "overall")
    dice = next(row for row in table.rows if row[:2] == ("both", "Dice"))
    assert dict(zip(table.columns, dice, strict=True))["missed"] == 6


def test_nothing_is_written_if_nothing_can_be_scored(data_set, predict, tmp_path):
    with pytest.raises(UnusableInput, match="None of the 3 patients"):
        score(data_set, tmp_path / "out", predict((4,)))
    assert not (tmp_path / "out").exists()


def test_a_stopped_run_keeps_its_patients_and_goes_on(data_set, predict, tmp_path):
    folder = predict()

    def stop_after_two(_fraction, message):
        if message.startswith("scored 2"):
            raise Cancelled

    with pytest.raises(Cancelled):
        evaluate(data_set, tmp_path / "out", EvaluationOptions(predictions=folder), stop_after_two)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["patients"]
    assert {path.stem for path in (tmp_path / "out" / "patients").iterdir()} == {"patient001", "patient002"}
    assert len(score(data_set, tmp_path / "out", folder).scored) == 3


def test_two_processes_give_what_one_gives(data_set, predict, pair, tmp_path):
    folder = predict(labels=np.roll(pair, 1, axis=3))
    one = score(data_set, tmp_path / "one", folder)
    two = score(data_set, tmp_path / "two", folder, workers=2)
    assert two == one


def test_only_the_patients_of_the_split_are_scored_and_absent_ones_are_named(data_set, predict, tmp_path):
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": ["patient001"], "validation": ["patient003", "patient0015"], "seed": 4}))
    result = score(data_set, tmp_path / "out", predict(), split=split)
    assert [patient.patient for patient in result.scored] == ["patient003"]
    assert codes(result) == [("patient0015", "missing")]
    assert read_result(tmp_path / "out") == result
    assert (result.protocol["name"], result.protocol["part"], result.protocol["seed"]) == ("split", "validation", 4)


def test_a_cross_validation_has_a_table_by_fold(data_set, predict, tmp_path):
    split = tmp_path / "folds.json"
    split.write_text(
        json.dumps({"folds": [["patient001", "patient002"], ["patient003"]], "note": "Made fold by fold."})
    )
    result = score(data_set, tmp_path / "out", predict(), split=split)
    (table,) = [table for table in result.tables if table.key == "folds"]
    assert [row[:2] for row in table.rows[:2]] == [("1", 2), ("2", 1)]
    assert table.note == "Made fold by fold."


def test_a_part_that_the_data_set_does_not_hold_is_refused(data_set, predict, tmp_path):
    with pytest.raises(UnusableInput, match="None of the 50 test patients of acdc-official"):
        score(data_set, tmp_path / "out", predict(), protocol="acdc-official", part=Part.test)


def test_predictions_inside_the_data_set_are_no_patients(data_set, predict):
    folder = predict(folder="data/predicted")
    result = score(data_set, data_set / "out", folder)
    again = score(data_set, data_set / "out", folder)
    assert [patient.patient for patient in again.patients] == ["patient001", "patient002", "patient003"]
    assert again == result


def test_the_worst_patient_is_shown_in_the_report(data_set, predict, pair, tmp_path):
    folder = predict((1, 3))
    predict((2,), np.roll(pair, 3, axis=2))
    score(data_set, tmp_path / "out", folder)
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Contours of patient002" in report
    assert "Contours of patient001" not in report  # nothing differs
