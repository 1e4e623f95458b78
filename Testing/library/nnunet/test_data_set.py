"""Claims about the data set that nnU-Net is given: grids, labels, and folds by patient."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.nnunet.data_set import prepare
from CardioSAMLib.nnunet.folders import Folders


def read(path):
    image = sitk.ReadImage(str(path))
    return image, sitk.GetArrayFromImage(image)


def test_each_frame_is_a_stack_on_the_grid_of_the_patient_with_its_own_pixels_and_labels(prepared, phantom):
    raw = Folders(prepared).raw
    for index, phase in enumerate(("ED", "ES")):
        image, pixels = read(raw / "imagesTr" / f"patient002_{phase}_0000.nii.gz")
        labels_image, labels = read(raw / "labelsTr" / f"patient002_{phase}.nii.gz")
        assert image.GetSize() == labels_image.GetSize() == (64, 48, 4)
        assert image.GetSpacing() == labels_image.GetSpacing() == (2.5, 3.0, 12.0)
        assert np.allclose(pixels, phantom.cine.pixels[index] + 1)
        assert np.array_equal(labels, phantom.segmentation.labels[index])


def test_labels_are_named_in_the_storage_order(prepared):
    description = json.loads(Folders(prepared).data_set_file.read_text())
    assert description["labels"] == {
        "background": 0,
        **{structure.name: STORAGE.value_of(structure) for structure in Structure},
    }
    assert description["channel_names"] == {"0": "MRI"}
    assert description["numTraining"] == len(list((Folders(prepared).raw / "labelsTr").iterdir())) == 6


def test_both_frames_of_a_patient_are_on_the_same_side_of_every_fold(prepared):
    splits = json.loads(Folders(prepared).splits_file.read_text())
    assert [fold["val"] for fold in splits] == [
        ["patient001_ED", "patient001_ES"],
        ["patient002_ED", "patient002_ES", "patient003_ED", "patient003_ES"],
    ]
    for fold in splits:
        train, validation = ({case.split("_")[0] for case in fold[part]} for part in ("train", "val"))
        assert not train & validation
        assert len(fold["train"]) == 2 * len(train)
        assert len(fold["val"]) == 2 * len(validation)


def test_of_test_patients_only_the_images_are_written(prepared):
    raw = Folders(prepared).raw
    written = {path.name for path in raw.rglob("patient004*")}
    assert written == {"patient004_ED_0000.nii.gz", "patient004_ES_0000.nii.gz"}
    assert {path.name for path in (raw / "imagesTs").iterdir()} == written
    assert "patient004" not in Folders(prepared).splits_file.read_text()


def test_patients_that_no_split_names_are_left_out(data_set, split_file, tmp_path):
    split = split_file({"train": ["patient001"], "validation": ["patient002"]})
    written = prepare(data_set, tmp_path / "out", split, None)
    assert (written.training, written.test, written.folds) == (2, 0, 1)
    assert not list((tmp_path / "out").rglob("patient003*"))


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        ({"train": ["patient001"], "validation": ["patient009"]}, "lacks patients that the split names .patient009."),
        ({"train": ["patient001", "patient002"], "validation": []}, "has no validation patients"),
        ({"train": ["patient001"], "validation": ["patient003"]}, "patient003 has no labels"),
    ],
)
def test_a_split_that_cannot_be_used_is_refused_and_no_data_set_is_left(
    split, sentence, data_set, split_file, tmp_path
):
    for labels in (data_set / "patient003").glob("*_gt*"):
        labels.unlink()
    with pytest.raises(UnusableInput, match=sentence):
        prepare(data_set, tmp_path / "out", split_file(split), None)
    assert not list((tmp_path / "out").rglob("*.nii.gz"))


def test_without_split_and_protocol_nothing_is_written(data_set, tmp_path):
    with pytest.raises(UnusableInput, match="give a split file or a protocol"):
        prepare(data_set, tmp_path / "out", None, None)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_a_data_set_is_not_written_over(prepared, data_set, split_file):
    with pytest.raises(UnusableInput, match="already holds a data set"):
        prepare(data_set, prepared, split_file(), None)


def test_what_a_killed_run_has_left_does_not_get_into_the_data_set(data_set, split_file, tmp_path):
    left = Folders(tmp_path / "out").raw / "imagesTr" / "patient003_ED_0000.nii.gz"
    left.parent.mkdir(parents=True)
    left.touch()
    prepare(data_set, tmp_path / "out", split_file({"train": ["patient001"], "validation": ["patient002"]}), None)
    assert not left.exists()
