from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.cine import Geometry, UnusableInput
from CardioSAMLib.report import segmentation_nifti

LEFT_HANDED = ((0.0, 1.0, 0.0), (0.8660254038, 0.0, -0.5), (0.5, 0.0, 0.8660254038))


@pytest.fixture
def read_back(tmp_path):
    def read(study) -> sitk.Image:
        path = tmp_path / "segmentation.nii.gz"
        path.write_bytes(segmentation_nifti(study))
        return sitk.ReadImage(str(path))

    return read


def test_the_labels_come_back_in_frames_slices_rows_and_columns(study, read_back):
    image = read_back(study)
    assert image.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), study.segmentation.labels)


@pytest.mark.parametrize("direction", [None, LEFT_HANDED])
def test_the_grid_comes_back(make_study, read_back, direction):
    study = make_study()
    if direction is not None:
        study = make_study(geometry=Geometry((1.5, 1.25, 9.0), (-5.5, 6.25, 70.0), direction))
    image, geometry = read_back(study), study.cine.geometry
    assert image.GetSpacing()[:3] == pytest.approx((1.25, 1.5, 9.0), abs=1e-5)  # ITK's order: columns first
    assert image.GetOrigin()[:3] == pytest.approx(geometry.origin_mm, abs=1e-4)
    assert np.reshape(image.GetDirection(), (4, 4))[:3, :3] == pytest.approx(np.array(geometry.direction), abs=1e-5)


def test_a_voxel_lies_in_the_patient_where_the_geometry_says(study, read_back):
    point = read_back(study).TransformIndexToPhysicalPoint((7, 5, 2, 1))[:3]
    assert point == pytest.approx(study.cine.geometry.world_of((5, 7, 2)).tolist(), abs=1e-3)


def test_the_time_between_frames_is_in_seconds(study, read_back):
    assert read_back(study).GetSpacing()[3] == pytest.approx(0.040)


def test_a_single_frame_of_a_single_slice_comes_back(bare_study, read_back):
    image = read_back(bare_study)
    labels = sitk.GetArrayFromImage(image).reshape(bare_study.segmentation.labels.shape)
    np.testing.assert_array_equal(labels, bare_study.segmentation.labels)
    assert image.GetSpacing()[:3] == pytest.approx((1.25, 1.5, 9.0), abs=1e-5)


def test_without_frame_times_the_step_is_the_placeholder_of_one(make_study, read_back):
    study = make_study()
    study = replace(study, cine=replace(study.cine, frame_times_ms=None))
    assert read_back(study).GetSpacing()[3] == 1.0


def test_unequal_slices_lie_at_the_usual_interval(make_study, read_back):
    study = make_study(geometry=Geometry((1.5, 1.25, 9.0), slice_positions_mm=(0.0, 9.0, 27.0)))
    assert read_back(study).GetSpacing()[2] == pytest.approx(9.0)


def test_the_same_labels_give_the_same_bytes(study):
    assert segmentation_nifti(study) == segmentation_nifti(study)


def test_a_file_cut_short_by_a_full_disk_is_noticed(study, monkeypatch):
    # What SimpleITK does on a full disk: a short file and no error.
    monkeypatch.setattr(sitk, "WriteImage", lambda _image, path: Path(path).write_bytes(bytes(352)))
    with pytest.raises(UnusableInput, match="temporary files"):
        segmentation_nifti(study)
