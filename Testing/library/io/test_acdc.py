"""ACDC patient folders, written here in the layout of the data set."""

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import list_cines, load_acdc_patient, load_cine

INFO = "ED: 4\nES: 2\nGroup: HCM\nHeight: 150.0\nNbFrame: 6\nWeight: 66.0\n"


def write(path, pixels) -> None:
    volumes = [sitk.GetImageFromArray(volume) for volume in (pixels if pixels.ndim == 4 else [pixels])]
    for volume in volumes:
        volume.SetSpacing((1.25, 1.5, 10.0))
    sitk.WriteImage(sitk.JoinSeries(volumes, 0.0, 1.0) if pixels.ndim == 4 else volumes[0], str(path))


@pytest.fixture
def pixels(make_cine):
    return make_cine().pixels


@pytest.fixture
def labels():
    return np.random.default_rng(0).integers(0, 4, (2, 4, 9, 11)).astype(np.uint8)


@pytest.fixture
def patient(tmp_path, pixels, labels):
    """End-diastole is frame 4, end-systole frame 2, counted from 1."""
    folder = tmp_path / "patient007"
    folder.mkdir()
    (folder / "Info.cfg").write_text(INFO)
    for name, frame, truth in (("frame04", 3, labels[0]), ("frame02", 1, labels[1])):
        write(folder / f"patient007_{name}.nii.gz", pixels[frame])
        write(folder / f"patient007_{name}_gt.nii.gz", truth)
    return folder


def test_ed_comes_first_though_it_is_the_later_frame(patient, pixels, labels):
    found = load_acdc_patient(patient)
    np.testing.assert_array_equal(found.cine.pixels, pixels[[3, 1]])
    np.testing.assert_array_equal(found.labels, labels)
    assert (found.name, found.group, found.ed_frame, found.es_frame) == ("patient007", "HCM", 3, 1)
    assert (found.cine.patient.height_cm, found.cine.patient.weight_kg) == (150.0, 66.0)


def test_labels_in_the_order_of_other_data_sets_are_refused(patient):
    """M&Ms has LV 1 and RV 3: as ACDC's they would be read as an RV within the myocardium."""
    labels = np.zeros((4, 9, 11), np.uint8)
    labels[:, 1:6, 1:6], labels[:, 2:5, 2:5], labels[:, 1:5, 6:9] = 2, 1, 3
    for frame in ("frame02", "frame04"):
        write(patient / f"patient007_{frame}_gt.nii.gz", labels)
    with pytest.raises(UnusableInput, match="myocardium is around 1, which is the RV in ACDC"):
        load_acdc_patient(patient)
    assert load_cine(patient).frames == 2, "the images are used without them"


def test_a_stray_voxel_of_rv_in_the_wall_is_no_exchange(patient):
    labels = np.zeros((4, 9, 11), np.uint8)
    labels[:, 1:8, 1:8], labels[:, 3:6, 3:6] = 2, 3
    labels[0, 1:4, 4], labels[1, 2, 2] = 0, 1  # a slice with an open wall, and one with the voxel
    for frame in ("frame02", "frame04"):
        write(patient / f"patient007_{frame}_gt.nii.gz", labels)
    np.testing.assert_array_equal(load_acdc_patient(patient).labels[0], labels)


def test_without_a_4d_file_the_cine_is_ed_and_es(patient, pixels):
    np.testing.assert_array_equal(load_cine(patient).pixels, pixels[[3, 1]])
    assert [candidate.frames for candidate in list_cines(patient)] == [2]


def test_the_4d_file_is_the_cine_where_there_is_one(patient, pixels):
    write(patient / "patient007_4d.nii.gz", pixels)
    cine = load_cine(patient)
    np.testing.assert_array_equal(cine.pixels, pixels)
    assert cine.patient.height_cm == 150.0
    assert any(
        note.message == "The data set names frame 3 end-diastole and frame 1 end-systole (counted from 0)."
        for note in cine.notes
    )


def test_ed_and_es_come_from_the_4d_file_where_there_are_no_others(patient, pixels, labels):
    for phase, frame in (("ED", "frame04"), ("ES", "frame02")):
        (patient / f"patient007_{frame}.nii.gz").unlink()
        (patient / f"patient007_{frame}_gt.nii.gz").rename(patient / f"patient007_{phase}_gt.nii.gz")
    write(patient / "patient007_4d.nii.gz", pixels)
    found = load_acdc_patient(patient)
    np.testing.assert_array_equal(found.cine.pixels, pixels[[3, 1]])
    np.testing.assert_array_equal(found.labels, labels)


def test_the_files_that_macos_puts_beside_others_are_no_images(patient, pixels, labels):
    for path in list(patient.iterdir()):
        (patient / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07" + bytes(60))
    found = load_acdc_patient(patient)
    np.testing.assert_array_equal(found.cine.pixels, pixels[[3, 1]])
    np.testing.assert_array_equal(found.labels, labels)


def test_the_path_of_the_info_file_is_that_of_its_patient(patient, pixels):
    np.testing.assert_array_equal(load_cine(patient / "Info.cfg").pixels, pixels[[3, 1]])


def test_a_patient_without_labels_is_one_to_analyze(patient):
    (patient / "patient007_frame02_gt.nii.gz").unlink()
    assert load_acdc_patient(patient).labels is None


def test_a_height_that_cannot_be_is_left_out_with_a_note(patient):
    (patient / "Info.cfg").write_text(INFO.replace("150.0", "0"))
    cine = load_acdc_patient(patient).cine
    assert cine.patient.height_cm is None
    assert "implausible_height" in {note.code for note in cine.notes}


def test_a_height_that_is_not_stated_is_not_known(patient):
    (patient / "Info.cfg").write_text(INFO.replace("Height: 150.0\n", ""))
    assert load_acdc_patient(patient).cine.patient.height_cm is None


def test_frames_beyond_the_4d_file_are_refused(patient, pixels):
    for path in patient.glob("*_frame*"):
        path.unlink()
    write(patient / "patient007_4d.nii.gz", pixels[:3])
    with pytest.raises(UnusableInput, match=r"names frames 4 and 2, but patient007_4d\.nii\.gz has 3"):
        load_acdc_patient(patient)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ED: 4\n", "", "no line like 'ED: 1'"),
        ("ES: 2", "ES: two", "no line like 'ES: 1'"),
        ("ES: 2", "ES: 4", "same frame for ED and ES"),
        ("ES: 2", "ES: 5", "lacks the image of frame 4 or 5"),
    ],
)
def test_an_info_file_that_does_not_fit_is_refused(old, new, words, patient):
    (patient / "Info.cfg").write_text(INFO.replace(old, new))
    with pytest.raises(UnusableInput, match=words):
        load_acdc_patient(patient)


def test_labels_of_another_size_are_refused(patient, labels):
    for frame in ("frame02", "frame04"):
        write(patient / f"patient007_{frame}_gt.nii.gz", labels[0, :, :8])
    with pytest.raises(UnusableInput, match="labels of patient007 have the shape"):
        load_acdc_patient(patient)


def test_labels_of_two_sizes_are_refused(patient, labels):
    write(patient / "patient007_frame02_gt.nii.gz", labels[1, :3])
    with pytest.raises(UnusableInput, match=r"labels of patient007 have the shapes .* at ED and .* at ES"):
        load_acdc_patient(patient)
