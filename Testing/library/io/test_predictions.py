"""Claims about label files of other tools: found by name, read on the grid, and refused with a reason."""

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.cine import Geometry, UnusableInput
from CardioSAMLib.io.predictions import (
    UnusablePrediction,
    find_prediction,
    list_predictions,
    load_prediction,
    parse_label_map,
)
from CardioSAMLib.labels import ACDC, MNMS, Structure

SHAPE = (4, 12, 10)
GEOMETRY = Geometry((1.5, 1.25, 10.0))


def write(path, values=None, spacing=(1.25, 1.5, 10.0), dtype=np.uint8):
    """A file of labels `(slices, rows, columns)`; spacing in ITK's order, column first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(np.zeros(SHAPE, dtype) if values is None else values.astype(dtype))
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))
    return path


def labels():
    values = np.zeros(SHAPE, np.uint8)
    values[1:3, 3:9, 2:5], values[1:3, 3:9, 5:7], values[1:3, 3:9, 7:9] = 1, 2, 3
    return values


@pytest.mark.parametrize(
    "name",
    [
        "patient101_frame01.nii.gz",
        "patient101_frame1.nii.gz",
        "patient101_ED.nii.gz",
        "patient101_ed.nrrd",
        "patient101-ED.mha",
        "patient101_ED_pred.nii.gz",
        "Patient101_frame01_gt.nii",
        "patient101/ED.nii.gz",
        "patient101/frame01_seg.nii.gz",
        "patient101/patient101_frame01.nii.gz",
        "fold_0/validation/patient101_frame01.nii.gz",
    ],
)
def test_names_of_the_usual_tools_are_understood(tmp_path, name):
    path = write(tmp_path / name)
    write(tmp_path / "patient102_frame01.nii.gz")
    write(tmp_path / "patient101_frame12.nii.gz")
    assert find_prediction(list_predictions(tmp_path), "patient101", "ED", 1) == path


def test_other_files_of_the_folder_are_passed_over(tmp_path):
    path = write(tmp_path / "patient101_ES.nii.gz")
    write(tmp_path / "patient101_frame12_0000.nii.gz")  # an image of nnU-Net, not labels
    (tmp_path / "plans.json").write_text("{}")
    assert find_prediction(list_predictions(tmp_path), "patient101", "ES", 12) == path


def test_two_files_for_one_frame_are_named(tmp_path):
    write(tmp_path / "patient101_frame01.nii.gz")
    write(tmp_path / "patient101_ED.nii.gz")
    with pytest.raises(UnusablePrediction, match=r"patient101_ED.nii.gz, patient101_frame01.nii.gz") as refused:
        find_prediction(list_predictions(tmp_path), "patient101", "ED", 1)
    assert refused.value.code == "ambiguous"


def test_a_missing_frame_is_answered_with_the_name_it_should_have(tmp_path):
    write(tmp_path / "patient101_frame01.nii.gz")
    with pytest.raises(UnusablePrediction, match=r"patient101_frame12\.nii\.gz") as refused:
        find_prediction(list_predictions(tmp_path), "patient101", "ES", 12)
    assert refused.value.code == "missing"


def test_a_folder_without_predictions_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(UnusableInput, match="patient101_ED"):
        list_predictions(tmp_path)


def test_labels_come_in_our_order_whatever_the_tool_wrote(tmp_path):
    stored = ACDC.to_storage(labels())
    for label_map in (ACDC, MNMS, parse_label_map("LV=7,MYO=20,RV=1")):
        path = write(
            tmp_path / f"patient1_{label_map.value_of(Structure.LV)}_ED.nii.gz", label_map.from_storage(stored)
        )
        np.testing.assert_array_equal(load_prediction(path, label_map, SHAPE, GEOMETRY), stored)


def test_whole_numbers_stored_as_floats_are_labels(tmp_path):
    path = write(tmp_path / "patient1_ED.nii.gz", labels(), dtype=np.float32)
    np.testing.assert_array_equal(load_prediction(path, ACDC, SHAPE, GEOMETRY), labels())


@pytest.mark.parametrize(
    ("spacing", "usable"),
    [
        ((1.25, 1.5, 10.0), True),
        ((1.2501, 1.5001, 10.05), True),  # rounded headers
        ((1.0, 1.0, 1.0), True),  # says nothing
        ((1.25, 1.5, 8.0), False),
        ((1.5, 1.25, 10.0), False),  # rows and columns exchanged
        ((1.0, 1.0, 10.0), False),
    ],
)
def test_the_spacing_must_be_that_of_the_images_within_one_percent(tmp_path, spacing, usable):
    path = write(tmp_path / "patient1_ED.nii.gz", labels(), spacing)
    if usable:
        assert load_prediction(path, ACDC, SHAPE, GEOMETRY).shape == SHAPE
    else:
        with pytest.raises(UnusablePrediction, match="mm") as refused:
            load_prediction(path, ACDC, SHAPE, GEOMETRY)
        assert refused.value.code == "other_grid"


def refusal(path, label_map=ACDC):
    with pytest.raises(UnusablePrediction) as refused:
        load_prediction(path, label_map, SHAPE, GEOMETRY)
    assert path.name in str(refused.value)
    return refused.value.code


def test_another_number_of_voxels_is_another_grid(tmp_path):
    assert refusal(write(tmp_path / "patient1_ED.nii.gz", labels()[:3])) == "other_grid"


def test_mirrored_axes_are_another_grid(tmp_path):
    """As tools write that bring every image into one orientation: header and voxels agree, but not with ours."""
    original = sitk.ReadImage(str(write(tmp_path / "patient1_ED.nii.gz", labels())))
    for axes in ((True, False, False), (True, True, False), (False, False, True)):
        path = tmp_path / "patient2_ED.nii.gz"
        sitk.WriteImage(sitk.Flip(original, axes), str(path))
        assert refusal(path) == "other_grid"


def test_a_lost_origin_and_direction_do_not_matter(tmp_path):
    geometry = Geometry((1.5, 1.25, 10.0), (40.0, -30.0, 7.0), ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0)))
    path = write(tmp_path / "patient1_ED.nii.gz", labels())
    np.testing.assert_array_equal(load_prediction(path, ACDC, SHAPE, geometry), labels())


def test_a_value_that_the_label_map_lacks_is_an_unknown_label(tmp_path):
    values = labels()
    values[0, 0, 0] = 4
    assert refusal(write(tmp_path / "patient1_ED.nii.gz", values)) == "unknown_label"


@pytest.mark.parametrize("damage", ["empty", "cut short", "text", "gone"])
def test_what_cannot_be_read_is_unreadable(tmp_path, damage):
    path = write(tmp_path / "patient1_ED.nii.gz", np.random.default_rng(0).integers(0, 4, SHAPE))
    content = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "cut short": content[: len(content) // 2], "text": b"no image", "gone": content}[damage]
    )
    if damage == "gone":
        path.unlink()
    assert refusal(path) == "unreadable"


def test_a_label_map_is_known_by_name_or_spelled_out():
    assert parse_label_map("mnms") is MNMS
    spelled = parse_label_map("LV=3, MYO=2, RV=1")
    assert dict(spelled.structures) == dict(ACDC.structures)


@pytest.mark.parametrize("text", ["", "LV", "LV=3,MYO=2", "LV=3,MYO=2,RV=2", "LV=3,MYO=2,RV=0", "LV=3,MYO=2,RV=1,LV=4"])
def test_what_is_no_label_map_is_refused(text):
    with pytest.raises(UnusableInput, match="LV=3,MYO=2,RV=1"):
        parse_label_map(text)
