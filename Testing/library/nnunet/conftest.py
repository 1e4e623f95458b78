"""Phantom patients as ACDC lays them out, prepared for nnU-Net; and programs that stand in for nnU-Net's commands."""

import json
import os
import sys
from types import SimpleNamespace

import pytest
import SimpleITK as sitk

from CardioSAMLib.nnunet.data_set import prepare
from CardioSAMLib.phantom import PhantomOptions, make_phantom

PATIENTS = ("patient001", "patient002", "patient003", "patient004")
FOLDS = {"folds": [["patient001"], ["patient002", "patient003"]], "test": ["patient004"]}
SPACING_MM = (3.0, 2.5, 12.0)

STAND_IN = """#!{python}
import json, os, shutil, sys
from pathlib import Path

command, arguments = Path(sys.argv[0]).name, sys.argv[1:]
places = {{name: os.environ[name] for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}}
with open({log!r}, "a") as log:
    log.write(json.dumps([command, arguments, places]) + "\\n")
if Path({failing!r}).exists():
    sys.exit(7)

def after(flag):
    return arguments[arguments.index(flag) + 1]

if command == "nnUNetv2_train":
    number, configuration, fold = arguments[:3]
    (name,) = [path.name for path in Path(places["nnUNet_raw"]).glob(f"Dataset{{number}}_*")]
    kind = f"{{after('-tr')}}__nnUNetPlans__{{configuration}}"
    trained = Path(places["nnUNet_results"], name, kind, f"fold_{{fold}}")
    (trained / "validation").mkdir(parents=True)
    (trained / "checkpoint_final.pth").touch()
    splits = json.loads(Path(places["nnUNet_preprocessed"], name, "splits_final.json").read_text())
    for case in splits[int(fold)]["val"]:
        shutil.copy(Path(places["nnUNet_raw"], name, "labelsTr", case + ".nii.gz"), trained / "validation")
if command == "nnUNetv2_predict":
    Path(after("-o")).mkdir(parents=True)
    for image in Path(after("-i")).iterdir():
        shutil.copy(image, Path(after("-o"), image.name.replace("_0000", "")))
"""


def write_patient(folder, phantom, number):
    """ED is frame 2 and ES frame 1. Gray values differ from patient to patient and from frame to frame."""
    folder.mkdir(parents=True)
    for frame, index in ((2, 0), (1, 1)):
        labels = phantom.segmentation.labels[index]
        for array, ending in ((phantom.cine.pixels[index] + number, ""), (labels, "_gt")):
            image = sitk.GetImageFromArray(array)
            image.SetSpacing((SPACING_MM[1], SPACING_MM[0], SPACING_MM[2]))
            sitk.WriteImage(image, str(folder / f"{folder.name}_frame{frame:02d}{ending}.nii.gz"))
    (folder / "Info.cfg").write_text("ED: 2\nES: 1\nGroup: NOR\nHeight: 170.0\nNbFrame: 2\nWeight: 70.0\n")


@pytest.fixture(scope="session")
def phantom():
    return make_phantom(PhantomOptions(rows=48, columns=64, slices=4, frames=2, spacing_mm=SPACING_MM))


@pytest.fixture
def data_set(tmp_path, phantom):
    for number, name in enumerate(PATIENTS):
        write_patient(tmp_path / "data" / name, phantom, number)
    return tmp_path / "data"


@pytest.fixture
def split_file(tmp_path):
    """Writes a split; without arguments, one of two folds with a patient kept for the test."""

    def write(content=None):
        (tmp_path / "split.json").write_text(json.dumps(content or FOLDS))
        return tmp_path / "split.json"

    return write


@pytest.fixture
def prepared(data_set, split_file, tmp_path):
    prepare(data_set, tmp_path / "nnunet", split_file(), None)
    return tmp_path / "nnunet"


@pytest.fixture
def nnunet(tmp_path, monkeypatch):
    """Stand-ins on the PATH. calls(): what they were called with; failing: a file that makes them fail while it is."""
    log, failing = tmp_path / "calls", tmp_path / "failing"
    for command in ("plan_and_preprocess", "train", "predict"):
        program = tmp_path / "bin" / f"nnUNetv2_{command}"
        program.parent.mkdir(exist_ok=True)
        program.write_text(STAND_IN.format(python=sys.executable, log=str(log), failing=str(failing)))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    def calls():
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return SimpleNamespace(calls=calls, failing=failing)
