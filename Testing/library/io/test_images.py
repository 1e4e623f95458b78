"""NIfTI, NRRD and MetaImage files -> cines and labels."""

import struct

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import SeveralCines, list_cines, load_cine, load_labels, load_pair, write_nifti
from CardioSAMLib.labels import ACDC, MNMS


def write_image(path, pixels, spacing=(1.25, 1.5, 10.0), interval=0.04) -> None:
    """pixels (frames, slices, rows, columns) or (slices, rows, columns); spacing as in ITK: column, row, slice."""
    volumes = [sitk.GetImageFromArray(volume) for volume in (pixels if pixels.ndim == 4 else [pixels])]
    for volume in volumes:
        volume.SetSpacing(spacing)
    sitk.WriteImage(sitk.JoinSeries(volumes, 0.0, interval) if pixels.ndim == 4 else volumes[0], str(path))


def codes(cine) -> set[str]:
    return {note.code for note in cine.notes}


@pytest.fixture
def pixels(make_cine):
    return make_cine().pixels


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mhd"])
def test_a_4d_file_is_a_cine_with_row_spacing_before_column_spacing(name, tmp_path, pixels):
    write_image(tmp_path / name, pixels)
    cine = load_cine(tmp_path / name)
    np.testing.assert_array_equal(cine.pixels, pixels)
    assert cine.geometry.spacing_mm == pytest.approx((1.5, 1.25, 10.0))
    assert cine.frame_times_ms == pytest.approx([0.0, 40.0, 80.0, 120.0, 160.0, 200.0], abs=1e-3)


def test_a_3d_file_is_one_frame_with_a_note(tmp_path, pixels):
    write_image(tmp_path / "a.nii.gz", pixels[0])
    cine = load_cine(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(cine.pixels, pixels[:1])
    assert "one_frame" in codes(cine)


def test_a_placeholder_for_the_time_step_is_no_time(tmp_path, pixels):
    write_image(tmp_path / "a.nii", pixels, interval=1.0)
    cine = load_cine(tmp_path / "a.nii")
    assert cine.frame_times_ms is None
    assert cine.heart_rate_bpm is None
    assert "no_frame_times" in codes(cine)


@pytest.mark.parametrize("interval", [1.0, 0.04])
def test_an_image_file_states_no_heart_rate_and_the_reader_leaves_it_to_the_measurement(interval, tmp_path, pixels):
    write_image(tmp_path / "a.nii", pixels, interval=interval)
    cine = load_cine(tmp_path / "a.nii")
    assert cine.heart_rate_bpm is None
    assert not [code for code in codes(cine) if code.startswith("heart_rate")]


def test_a_sequence_of_slicer_has_its_frames_in_the_values_of_each_pixel(tmp_path, pixels):
    frames, slices, rows, columns = pixels.shape
    header = (
        "NRRD0004\ntype: short\ndimension: 4\nspace: left-posterior-superior\n"
        f"sizes: {frames} {columns} {rows} {slices}\n"
        "space directions: none (1.25,0,0) (0,1.5,0) (0,0,10)\nkinds: list domain domain domain\n"
        "endian: little\nencoding: raw\nspace origin: (0,0,0)\n\n"
    )
    values = np.moveaxis(pixels, 0, -1).astype("<i2").tobytes()
    (tmp_path / "heart.seq.nrrd").write_bytes(header.encode() + values)
    for path in (tmp_path, tmp_path / "heart.seq.nrrd"):
        cine = load_cine(path)
        np.testing.assert_array_equal(cine.pixels, pixels)
        assert cine.geometry.spacing_mm == pytest.approx((1.5, 1.25, 10.0))
        assert cine.frame_times_ms is None
    assert [candidate.frames for candidate in list_cines(tmp_path)] == [frames]


def test_milliseconds_are_read_by_their_unit(tmp_path, pixels):
    write_image(tmp_path / "a.nii", pixels)
    header = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<f", header, 92, 35.0)
    header[123] = 2 + 16
    (tmp_path / "a.nii").write_bytes(header)
    assert load_cine(tmp_path / "a.nii").frame_interval_ms == pytest.approx(35.0, abs=1e-3)


def test_spacing_comes_from_pixdim_where_the_sform_is_of_unit_scale(tmp_path, pixels, capfd):
    """The header of the original ACDC release: qform 0, sform 2 with columns of length 1."""
    write_image(tmp_path / "a.nii", pixels, spacing=(1.64, 1.64, 10.0))
    header = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<hh", header, 252, 0, 2)
    struct.pack_into("<12f", header, 280, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0)
    (tmp_path / "a.nii").write_bytes(header)
    assert load_cine(tmp_path / "a.nii").geometry.spacing_mm == pytest.approx((1.64, 1.64, 10.0))
    assert capfd.readouterr() == ("", "")


def test_itks_warnings_are_on_again_after_reading(tmp_path, pixels):
    write_image(tmp_path / "a.nii", pixels)
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    for shown in (True, False):
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
        load_cine(tmp_path / "a.nii")
        assert sitk.ProcessObject.GetGlobalWarningDisplay() == shown
    sitk.ProcessObject.SetGlobalWarningDisplay(before)


def test_ed_and_es_files_are_two_frames_with_ed_first(tmp_path, pixels):
    write_image(tmp_path / "x_ED.nii.gz", pixels[0])
    write_image(tmp_path / "a_ES.nii.gz", pixels[3])
    write_image(tmp_path / "x_ED_gt.nii.gz", pixels[0] % 4)
    for cine in (load_cine(tmp_path), load_pair(tmp_path / "x_ED.nii.gz", tmp_path / "a_ES.nii.gz")):
        np.testing.assert_array_equal(cine.pixels, pixels[[0, 3]])
        assert {"ed_es_only", "no_frame_times"} <= codes(cine)


def test_a_folder_with_one_file_per_frame_is_read_in_natural_order(tmp_path, pixels):
    for frame in range(6):
        write_image(tmp_path / f"frame{frame + 6}.nrrd", pixels[frame])
    np.testing.assert_array_equal(load_cine(tmp_path).pixels, pixels)


def test_pairs_of_several_patients_are_not_one_heart(tmp_path, pixels):
    for number, patient in enumerate(("p026", "p027")):
        write_image(tmp_path / f"{patient}_ED.nii.gz", pixels[2 * number])
        write_image(tmp_path / f"{patient}_ES.nii.gz", pixels[2 * number + 1])
    with pytest.raises(SeveralCines, match=r"--series 2   p027_ED\.nii\.gz and 1 more"):
        load_cine(tmp_path)
    np.testing.assert_array_equal(load_cine(tmp_path, series="2").pixels, pixels[2:4])


def test_frames_of_several_patients_are_not_one_heart(tmp_path, pixels):
    for number, name in enumerate(("p1_frame01", "p1_frame12", "p2_frame01", "p2_frame08")):
        write_image(tmp_path / f"{name}_0000.nii.gz", pixels[number])
    assert [candidate.frames for candidate in list_cines(tmp_path)] == [2, 2]


@pytest.mark.parametrize("name", ["patient_gt.nii.gz", "whatever.nii.gz"])
def test_labels_are_not_measured_as_images(name, tmp_path, pixels):
    write_image(tmp_path / name, pixels % 4)
    with pytest.raises(UnusableInput, match=r"values 0, 1, 2, 3 only, as labels have; give the images"):
        load_cine(tmp_path / name)


def test_predictions_beside_the_images_are_left_out(tmp_path, pixels):
    for frame, name in enumerate(("ED", "ES")):
        write_image(tmp_path / f"{name}.nii.gz", pixels[frame])
        write_image(tmp_path / f"{name}_pred.nii.gz", pixels[frame] % 4)
    np.testing.assert_array_equal(load_cine(tmp_path).pixels, pixels[:2])


def test_a_report_beside_an_image_file_is_no_reason_to_refuse_it(tmp_path, pixels):
    write_image(tmp_path / "cine.nii.gz", pixels)
    report = pydicom.Dataset()
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", pydicom.uid.generate_uid()
    report.file_meta = pydicom.dataset.FileMetaDataset()
    report.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    pydicom.dcmwrite(tmp_path / "report.dcm", report, enforce_file_format=True)
    np.testing.assert_array_equal(load_cine(tmp_path).pixels, pixels)


def test_frames_of_different_grids_are_refused(tmp_path, pixels):
    write_image(tmp_path / "ed.nii", pixels[0])
    write_image(tmp_path / "es.nii", pixels[1], spacing=(1.3, 1.5, 10.0))
    with pytest.raises(UnusableInput, match="different sizes, spacings or positions"):
        load_pair(tmp_path / "ed.nii", tmp_path / "es.nii")


def test_a_4d_file_is_no_half_of_a_pair(tmp_path, pixels):
    write_image(tmp_path / "ed.nii", pixels[0])
    write_image(tmp_path / "es.nii", pixels)
    with pytest.raises(UnusableInput, match=r"es\.nii is no 3D image"):
        load_pair(tmp_path / "ed.nii", tmp_path / "es.nii")


def test_double_precision_is_read_as_single(tmp_path, pixels):
    write_image(tmp_path / "a.nii", pixels / 7.0)
    cine = load_cine(tmp_path / "a.nii")
    assert cine.pixels.dtype == np.float32
    np.testing.assert_allclose(cine.pixels, pixels / 7.0, rtol=1e-6)


def test_several_4d_files_are_candidates(tmp_path, pixels):
    write_image(tmp_path / "one.nii.gz", pixels)
    write_image(tmp_path / "two.nii.gz", pixels[::-1])
    assert [candidate.key for candidate in list_cines(tmp_path)] == ["1", "2"]
    with pytest.raises(SeveralCines, match=r"--series 2   two\.nii\.gz"):
        load_cine(tmp_path)
    np.testing.assert_array_equal(load_cine(tmp_path, series="2").pixels, pixels[::-1])


def test_labels_come_in_storage_order_whatever_the_data_set_calls_them(tmp_path):
    stored = np.random.default_rng(0).integers(0, 4, (3, 4, 9, 11)).astype(np.uint8)
    for label_map in (ACDC, MNMS):
        write_image(tmp_path / "labels.nii.gz", label_map.from_storage(stored))
        np.testing.assert_array_equal(load_labels(tmp_path / "labels.nii.gz", label_map), stored)
    write_image(tmp_path / "still.nii.gz", stored[0])
    assert load_labels(tmp_path / "still.nii.gz", ACDC).shape == (1, 4, 9, 11)


@pytest.mark.parametrize(("values", "words"), [(7, "holds? the values|does not have"), (0.5, "not whole numbers")])
def test_labels_that_are_none_are_refused(values, words, tmp_path):
    labels = np.zeros((4, 9, 11), dtype=np.float32)
    labels[0, 0, 0] = values
    write_image(tmp_path / "labels.nii.gz", labels)
    with pytest.raises(UnusableInput, match=words):
        load_labels(tmp_path / "labels.nii.gz", ACDC)


def test_a_written_cine_is_read_back(tmp_path, make_cine, assert_same):
    for name in ("a.nii", "deep/er/a.nii.gz"):
        cine = make_cine()
        write_nifti(cine, tmp_path / name)
        read = load_cine(tmp_path / name)
        assert_same(read, cine)
        assert read.frame_times_ms == pytest.approx(cine.frame_times_ms, abs=1e-3)
        assert [path.name for path in (tmp_path / name).parent.iterdir() if path.is_file()] == [
            "a" + name[name.rindex("a") + 1 :]
        ]


def test_unknown_frame_times_stay_unknown_in_a_written_file(tmp_path, make_cine):
    write_nifti(make_cine(frame_times_ms=None), tmp_path / "a.nii")
    assert load_cine(tmp_path / "a.nii").frame_times_ms is None


def test_irregular_slices_are_not_written_as_regular_ones(tmp_path, make_cine):
    cine = make_cine()
    geometry = type(cine.geometry)((1.5, 1.25, 10.0), slice_positions_mm=(0.0, 10.0, 30.0, 40.0))
    with pytest.raises(UnusableInput, match="unequal distances"):
        write_nifti(make_cine(geometry=geometry), tmp_path / "a.nii")
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_format_is_refused(tmp_path, make_cine):
    with pytest.raises(UnusableInput, match=r"end it in \.nii"):
        write_nifti(make_cine(), tmp_path / "a.mha")


def test_a_place_that_cannot_be_written_is_refused(tmp_path, make_cine):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableInput, match="give a folder"):
        write_nifti(make_cine(), tmp_path / "file" / "a.nii")
