"""The readers on real studies. Expected values: the data sets' own descriptions and arithmetic on their files."""

import shutil

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import list_cines, load_acdc_patient, load_cine, load_sunnybrook_contours
from CardioSAMLib.io.acdc import _share_next_to_myocardium
from CardioSAMLib.labels import STORAGE, Structure

SUNNYBROOK = [("SCD0000101", 12, 79.0), ("SCD0000301", 10, 65.0), ("SCD0000401", 11, 59.0)]
LV = STORAGE.value_of(Structure.LV)


@pytest.mark.parametrize(("name", "slices", "bpm"), SUNNYBROOK)
def test_a_sunnybrook_folder_is_one_short_axis_cine(name, slices, bpm, data_dir, capfd, recwarn):
    folder = data_dir / "sunnybrook" / name / "dicom"
    (candidate,) = list_cines(folder)
    cine = load_cine(folder)
    assert candidate.is_short_axis_stack
    assert cine.pixels.shape == (20, slices, 256, 256)
    assert cine.heart_rate_bpm == pytest.approx(bpm, abs=1.0)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize("name", [name for name, _, _ in SUNNYBROOK])
def test_every_sunnybrook_image_is_at_its_slice_and_frame(name, data_dir):
    """InstanceNumber N is frame (N - 1) % 20 (the data set's description); the slice follows from its position."""
    folder = data_dir / "sunnybrook" / name / "dicom"
    cine = load_cine(folder)
    for number in (1, 20, 61, 137, 200):
        image = pydicom.dcmread(folder / f"{number}.dcm")
        position = np.array(image.ImagePositionPatient, dtype=float)
        row, column, slice_number = cine.geometry.index_of(position)
        assert (row, column) == pytest.approx((0.0, 0.0), abs=0.01)
        assert slice_number == pytest.approx(round(float(slice_number)), abs=0.01)
        np.testing.assert_array_equal(cine.pixels[(number - 1) % 20, round(float(slice_number))], image.pixel_array)


@pytest.mark.parametrize("name", [name for name, _, _ in SUNNYBROOK])
def test_contours_are_ed_and_es_of_one_ventricle(name, data_dir):
    found = load_sunnybrook_contours(data_dir / "sunnybrook" / name)
    ed = {frame for frame, _ in found.epicardium}
    es = {frame for frame, _ in found.endocardium} - ed
    assert (len(ed), len(es)) == (1, 1)
    volumes = (found.labels == LV).sum(axis=(1, 2, 3))
    assert volumes[ed.pop()] > volumes[es.pop()] > 0


@pytest.mark.parametrize("name", [name for name, _, _ in SUNNYBROOK])
def test_filled_contours_have_the_area_of_their_polygons(name, data_dir):
    folder = data_dir / "sunnybrook" / name
    found = load_sunnybrook_contours(folder)
    area = 0.0
    for path in (folder / "i-contours").iterdir():
        x, y = np.loadtxt(path).T
        area += 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
    assert (found.labels == LV).sum() == pytest.approx(area, rel=0.01)


def test_blood_inside_the_endocardium_is_brighter_than_the_wall_around_it(data_dir):
    """Fails where contours lie on the wrong slice or frame."""
    for name, _, _ in SUNNYBROOK:
        found = load_sunnybrook_contours(data_dir / "sunnybrook" / name)
        for place in found.epicardium:
            pixels, labels = found.cine.pixels[place], found.labels[place]
            assert np.median(pixels[labels == LV]) > np.median(pixels[labels == STORAGE.value_of(Structure.MYO)])


def test_patient001_has_the_end_diastolic_volume_of_its_expert_labels(data_dir):
    """295.5 mL, counted independently, by voxels times pixdim."""
    patient = load_acdc_patient(data_dir / "acdc" / "patient001")
    volumes_ml = (patient.labels == LV).sum(axis=(1, 2, 3)) * patient.cine.geometry.voxel_volume_ml
    assert volumes_ml[0] == pytest.approx(295.5, abs=0.05)
    assert (patient.group, patient.ed_frame, patient.es_frame) == ("DCM", 0, 11)
    assert (patient.cine.patient.height_cm, patient.cine.patient.weight_kg) == (184.0, 95.0)


def test_patient090_has_its_end_diastole_at_frame_4(data_dir):
    patient = load_acdc_patient(data_dir / "acdc" / "patient090")
    whole = load_cine(data_dir / "acdc" / "patient090")
    assert (patient.ed_frame, patient.es_frame) == (3, 10)
    assert whole.frames == 12
    assert np.corrcoef(whole.pixels[3].ravel(), patient.cine.pixels[0].ravel())[0, 1] > 0.99


def test_every_acdc_patient_is_read_with_labels(data_dir):
    folders = sorted((data_dir / "acdc").glob("patient*"))
    assert len(folders) == 100
    for folder in folders[::10]:
        patient = load_acdc_patient(folder)
        volumes = (patient.labels == LV).sum(axis=(1, 2, 3))
        assert patient.cine.pixels.shape == patient.labels.shape
        assert volumes[0] > volumes[1]


def test_cropped_acdc_cines_have_all_frames_and_no_times(data_dir):
    for folder in sorted((data_dir / "acdc-cine").glob("patient*"))[:3]:
        cine = load_cine(folder)
        assert 17 <= cine.frames <= 30
        assert cine.frame_times_ms is None
        assert load_acdc_patient(folder).labels is not None


def test_in_every_patient_the_myocardium_is_around_the_lv_and_not_around_the_rv(data_dir):
    folders = sorted((data_dir / "acdc").glob("patient*"))
    assert len(folders) == 100
    labels = [load_acdc_patient(folder).labels for folder in folders]
    assert min(_share_next_to_myocardium(one, Structure.LV) for one in labels) >= 0.98
    around_rv = [_share_next_to_myocardium(one, Structure.RV) for one in labels]
    assert 0.18 <= min(around_rv) <= max(around_rv) <= 0.41


@pytest.mark.parametrize("name", ["patient003", "patient037", "patient086"])
def test_a_patient_with_lv_and_rv_exchanged_is_refused(name, data_dir, tmp_path):
    shutil.copytree(data_dir / "acdc" / name, tmp_path / name, copy_function=shutil.copyfile)
    for file in (tmp_path / name).glob("*_gt.nii.gz"):
        sitk.WriteImage(sitk.ChangeLabel(sitk.ReadImage(str(file)), {1: 3, 3: 1}), str(file))
    with pytest.raises(UnusableInput, match="give files with RV 1"):
        load_acdc_patient(tmp_path / name)
