"""Claims about what is asked of nnU-Net's commands, and that their predictions can be scored."""

import json
import sys

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.cli import main
from CardioSAMLib.evaluation.protocols.named import Part
from CardioSAMLib.nnunet.folders import NUMBER, Folders
from CardioSAMLib.nnunet.run import Configuration, Device, NnUnetOptions, predict, train

SHORT = NnUnetOptions(Configuration.stacks, 20, Device.cpu)


@pytest.fixture
def run(capfd, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cardiosam", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def test_a_fold_is_planned_once_and_trained_by_the_class_of_its_epochs(nnunet, prepared):
    checkpoint = train(prepared, 1, SHORT)
    train(prepared, 0, SHORT)
    plan, *trainings = nnunet.calls()
    assert plan[0] == "nnUNetv2_plan_and_preprocess"
    assert plan[1][:5] == ["-d", NUMBER, "-c", "3d_fullres", "--verify_dataset_integrity"]
    usual = ["-tr", "nnUNetTrainer_20epochs", "-device", "cpu", "--c"]
    assert [call[:2] for call in trainings] == [
        ["nnUNetv2_train", [NUMBER, "3d_fullres", str(fold), *usual]] for fold in (1, 0)
    ]
    assert checkpoint.is_file()


def test_nnunet_works_in_the_folder_of_the_baseline_whatever_its_environment_says(nnunet, prepared, monkeypatch):
    monkeypatch.setenv("nnUNet_raw", "/somewhere/else")
    train(prepared, 0, SHORT)
    for _, _, places in nnunet.calls():
        assert places == Folders(prepared).environment
        assert all(place.startswith(str(prepared)) for place in places.values())


def test_a_thousand_epochs_are_those_of_the_usual_trainer():
    assert NnUnetOptions().trainer == "nnUNetTrainer"
    with pytest.raises(UnusableInput, match="no training of 30 epochs; choose one of 1, 5, 10, 20"):
        NnUnetOptions(epochs=30)


@pytest.mark.parametrize("fold", [-1, 2])
def test_a_fold_that_the_split_does_not_have_is_refused_before_nnunet_draws_one(fold, nnunet, prepared):
    with pytest.raises(UnusableInput, match="has folds 0 to 1"):
        train(prepared, fold, SHORT)
    assert nnunet.calls() == []


@pytest.mark.usefixtures("nnunet")
def test_a_split_file_that_was_lost_is_told(prepared):
    Folders(prepared).splits_file.unlink()
    with pytest.raises(UnusableInput, match=r"splits_final\.json is missing; prepare the data set again"):
        train(prepared, 0, SHORT)


def test_after_a_failure_planning_is_done_again(nnunet, prepared):
    nnunet.failing.touch()
    with pytest.raises(UnusableInput, match="nnUNetv2_plan_and_preprocess ended with the code 7"):
        train(prepared, 0, SHORT)
    nnunet.failing.unlink()
    train(prepared, 0, SHORT)
    assert [command for command, *_ in nnunet.calls()] == ["nnUNetv2_plan_and_preprocess"] * 2 + ["nnUNetv2_train"]


@pytest.mark.usefixtures("nnunet")
def test_predictions_of_each_folds_validation_patients_are_scored_on_the_data_set(prepared, data_set, run, tmp_path):
    for fold in (0, 1):
        train(prepared, fold, SHORT)
    folder = predict(prepared, Part.validation, SHORT)
    split = tmp_path / "split.json"
    code, out, _ = run("evaluate", data_set, "--predictions", folder, "--split", split, "--out", tmp_path / "scores")
    assert code == 0, out
    summary = json.loads((tmp_path / "scores" / "summary.json").read_text())
    rows = (tmp_path / "scores" / "cases.csv").read_text().splitlines()
    assert len(rows) == 1 + 3 * 2 * 3  # patients, phases, structures
    assert all(float(row.split(",")[rows[0].split(",").index("dice")]) == 1.0 for row in rows[1:])
    assert summary["prompt_source"] == "unknown"


def test_of_folds_that_are_not_trained_there_are_no_predictions(nnunet, prepared):
    train(prepared, 1, SHORT)
    names = {path.name for path in predict(prepared, Part.validation, SHORT).iterdir()}
    assert names == {f"patient00{number}_{phase}.nii.gz" for number in (2, 3) for phase in ("ED", "ES")}
    assert "nnUNetv2_predict" not in [command for command, *_ in nnunet.calls()]


def test_test_patients_are_predicted_by_all_trained_folds_together(nnunet, prepared):
    for fold in (0, 1):
        train(prepared, fold, SHORT)
    folder = predict(prepared, Part.test, SHORT)
    command, arguments, _ = nnunet.calls()[-1]
    assert command == "nnUNetv2_predict"
    assert arguments[-3:] == ["-f", "0", "1"]
    assert {path.name for path in folder.iterdir()} == {"patient004_ED.nii.gz", "patient004_ES.nii.gz"}


@pytest.mark.usefixtures("nnunet")
def test_a_validation_that_was_stopped_is_not_taken_for_whole(prepared):
    train(prepared, 1, SHORT)
    trained = Folders(prepared).trained(SHORT.trainer, "3d_fullres", 1)
    (trained / "validation" / "patient003_ES.nii.gz").unlink()
    with pytest.raises(UnusableInput, match="has not drawn patient003_ES"):
        predict(prepared, Part.validation, SHORT)


def test_nothing_is_predicted_without_a_training_of_these_options(prepared):
    with pytest.raises(UnusableInput, match=r"No fold of .* is trained for 1000 epochs with 2d"):
        predict(prepared, Part.validation, NnUnetOptions())


def test_without_nnunet_the_command_ends_with_2_and_says_what_to_install(prepared, run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    code, out, err = run("nnunet", "train", prepared)
    assert (code, out) == (2, "")
    assert err == "cardiosam: nnU-Net is not installed; install it with: pip install nnunetv2.\n"


def test_a_folder_that_was_not_prepared_is_refused_with_the_command_that_does(run, tmp_path):
    code, _, err = run("nnunet", "train", tmp_path)
    assert code == 2
    assert "cardiosam nnunet prepare" in err


def test_preparing_from_the_command_line_says_what_was_written(data_set, split_file, run, tmp_path):
    code, out, _ = run("nnunet", "prepare", data_set, "--split", split_file(), "--out", tmp_path / "out")
    assert code == 0
    assert "3 patients in 2 fold(s), 1 kept for the test" in out
