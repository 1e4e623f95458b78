"""The evaluation on patients of ACDC: their own labels score perfectly, bad files are named, a stopped run goes on."""

import json
import shutil
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.cli import main
from CardioSAMLib.evaluation.protocols.splits import stratified_parts
from CardioSAMLib.evaluation.result import read_result
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.labels import ACDC, MNMS
from CardioSAMLib.resources import resources_dir

PATIENTS = ("patient001", "patient090")


@pytest.fixture
def data_set(data_dir, tmp_path):
    """Two patients; patient090 has its end-diastole at frame 4 of its 4D cine."""
    for name in PATIENTS:
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).symlink_to(data_dir / "acdc" / name)
    return tmp_path / "data"


@pytest.fixture
def experts(data_set, tmp_path):
    """The expert labels as nnU-Net would name and, in the order of M&Ms, number them."""
    folder = tmp_path / "predictions"
    folder.mkdir()
    for path in data_set.glob("*/*_gt.nii*"):
        image = sitk.ReadImage(str(path))
        values = MNMS.from_storage(ACDC.to_storage(sitk.GetArrayFromImage(image)))
        renumbered = sitk.GetImageFromArray(values)
        renumbered.CopyInformation(image)
        sitk.WriteImage(renumbered, str(folder / path.name.replace("_gt", "")))
    assert len(list(folder.iterdir())) == 4
    return folder


@pytest.fixture
def evaluate(data_set, tmp_path, monkeypatch, capsys):
    """Runs the command; gives its exit code, its output, and the result where one was written."""

    def run(predictions, *options, out="out"):
        arguments = [data_set, "--out", tmp_path / out, "--predictions", predictions, *options]
        monkeypatch.setattr(sys, "argv", ["cardiosam", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = (tmp_path / out / "summary.json").is_file()
        return ended.value.code, capsys.readouterr().out, read_result(tmp_path / out) if written else None

    return run


def test_expert_labels_in_the_order_of_mnms_score_perfectly(evaluate, experts):
    code, text, result = evaluate(experts, "--label-map", "MNMS")
    assert code == 0, text
    assert [patient.patient for patient in result.scored] == list(PATIENTS)
    assert {volume.values["dice"] for patient in result.patients for volume in patient.volumes} == {1.0}
    # Counted by pixdim: patient001 EDV 295.5 mL, ESV 225.6 mL, EF 23.65 %, mass at ED 172.5 g.
    study = result.patients[0].study
    expected = {"lv_edv_ml": 295.5, "lv_esv_ml": 225.6, "lv_ef_percent": 23.65, "lv_mass_ed_g": 172.5}
    for key, value in expected.items():
        assert study.predicted[key] == study.reference[key] == pytest.approx(value, abs=0.06)


def test_expert_labels_in_the_wrong_order_do_not(evaluate, experts):
    _, _, result = evaluate(experts, "--label-map", "ACDC")
    dice = {volume.structure.name: volume.values["dice"] for volume in result.patients[0].volumes}
    assert dice["MYO"] == 1.0
    assert dice["LV"] == dice["RV"] == 0.0


def test_bad_files_are_named_with_their_kind_the_rest_is_scored_and_the_code_is_3(evaluate, experts, data_set):
    info = {name: load_acdc_patient(data_set / name) for name in PATIENTS}
    ed, es = (experts / f"patient001_frame{frame + 1:02d}.nii.gz" for frame in (info[PATIENTS[0]].ed_frame, 11))
    ed.write_bytes(ed.read_bytes()[:2000])
    shape = sitk.GetArrayFromImage(sitk.ReadImage(str(es))).shape
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((shape[0] + 1, *shape[1:]), np.uint8)), str(es))
    later = experts / "patient090_frame11.nii.gz"
    image = sitk.ReadImage(str(later))
    sitk.WriteImage(image * 5, str(later))
    code, text, result = evaluate(experts, "--label-map", "MNMS")
    assert code == 3
    assert [(problem.patient, problem.code) for problem in result.problems] == [
        ("patient001", "unreadable"),
        ("patient001", "other_grid"),
        ("patient090", "unknown_label"),
    ]
    assert {(volume.patient, volume.phase.value) for patient in result.scored for volume in patient.volumes} == {
        ("patient090", "ED")
    }
    assert "3 problems" in text


def test_a_missing_patient_is_named_and_scored_once_it_is_there(evaluate, experts, tmp_path):
    for path in experts.glob("patient090*"):
        shutil.move(path, tmp_path / path.name)
    code, text, result = evaluate(experts, "--label-map", "MNMS")
    assert (code, len(result.scored)) == (3, 1)
    assert "There is no prediction of patient090" in text
    kept = tmp_path / "out" / "patients" / "patient001.json"
    before = kept.stat().st_mtime_ns
    for path in tmp_path.glob("patient090*.nii.gz"):
        shutil.move(path, experts / path.name)
    code, _, result = evaluate(experts, "--label-map", "MNMS")
    assert (code, len(result.scored)) == (0, 2)
    assert kept.stat().st_mtime_ns == before


def test_headers_of_unit_scale_as_in_the_original_files_are_no_other_grid(evaluate, experts):
    for path in experts.iterdir():
        image = sitk.ReadImage(str(path))
        image.SetSpacing((1.0, 1.0, 1.0))
        sitk.WriteImage(image, str(path))
    code, text, result = evaluate(experts, "--label-map", "MNMS")
    assert code == 0, text
    assert result.patients[0].volumes[0].values["dice"] == 1.0


def test_the_five_folds_are_those_of_their_seed_and_groups(data_dir):
    groups = {}
    for folder in sorted((data_dir / "acdc").glob("patient*")):
        lines = dict(line.split(": ") for line in (folder / "Info.cfg").read_text().splitlines())
        groups[folder.name] = lines["Group"].strip()
    published = json.loads((resources_dir() / "splits" / "acdc_cv5.json").read_text(encoding="utf-8"))
    drawn = stratified_parts(groups, (20,) * 5, published["seed"])
    assert [list(part) for part in drawn] == published["folds"]
    for part in drawn:
        assert sorted(groups[name] for name in part) == sorted(["DCM", "HCM", "MINF", "NOR", "RV"] * 4)
