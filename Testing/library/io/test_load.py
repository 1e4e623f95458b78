"""Bad input of every kind gets one plain sentence."""

import os
import shutil
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import list_cines, load_acdc_patient, load_cine, load_pair, write_dicom, write_nifti

NIFTI1_FIELDS = "i36s8h3f4h8f3fh2s4f2i104s2h18f24s"
"""For `struct`: the header of 348 bytes (nifti1.h) and the 4 bytes that follow it."""


def refused(path, words: str) -> None:
    """Listing or loading says the words in at most two sentences on one line, with no library's words."""
    with pytest.raises(UnusableInput, match=words) as caught:
        load_cine(path)
    message = str(caught.value)
    assert "\n" not in message
    assert "itk" not in message.lower()
    assert "Traceback" not in message


@pytest.fixture
def nifti(tmp_path, make_cine) -> Path:
    write_nifti(make_cine(), tmp_path / "cine.nii")
    return tmp_path / "cine.nii"


def with_bytes(path: Path, layout: str, offset: int, *values: float) -> Path:
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, offset, *values)
    path.write_bytes(content)
    return path


def test_a_path_where_nothing_is(tmp_path):
    refused(tmp_path / "nothing", "There is nothing at .*nothing; check the spelling")
    with pytest.raises(UnusableInput, match="There is nothing at"):
        list_cines(tmp_path / "nothing")
    with pytest.raises(UnusableInput, match="There is nothing at"):
        load_pair(tmp_path / "ed.nii", tmp_path / "es.nii")


def test_an_empty_folder(tmp_path):
    refused(tmp_path, "is empty")


def test_a_folder_without_images(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "empty.dcm").write_bytes(b"")
    refused(tmp_path, "There is no image in")


def test_files_whose_names_start_with_a_dot_are_passed_over(nifti, make_cine, assert_same):
    (nifti.parent / "._cine.nii").write_bytes(b"\x00\x05\x16\x07" + bytes(60))
    (nifti.parent / ".Trashes").mkdir()
    write_nifti(make_cine(seed=1), nifti.parent / ".Trashes" / "old.nii")
    assert len(list_cines(nifti.parent)) == 1
    assert_same(load_cine(nifti.parent), make_cine())


def test_a_file_that_is_no_image(tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    refused(tmp_path / "table.csv", r"There is no image in table\.csv")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_text_under_the_name_of_an_image(name, tmp_path):
    (tmp_path / name).write_text("hello " * 100)
    refused(tmp_path / name, "not a readable image")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_an_empty_file_under_the_name_of_an_image(name, tmp_path):
    (tmp_path / name).write_bytes(b"")
    refused(tmp_path / name, "empty")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_an_image_file_cut_short(name, kept, tmp_path, make_cine):
    write_nifti(make_cine(), tmp_path / "whole.nii")
    sitk.WriteImage(sitk.ReadImage(str(tmp_path / "whole.nii")), str(tmp_path / name))
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(kept * len(content))])
    refused(tmp_path / name, "cut short")


def test_a_zipped_file_with_damaged_bytes(tmp_path, make_cine):
    write_nifti(make_cine(), tmp_path / "a.nii.gz")
    content = bytearray((tmp_path / "a.nii.gz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.nii.gz").write_bytes(content)
    refused(tmp_path / "a.nii.gz", "damaged")


def test_a_color_image(tmp_path):
    color = sitk.GetImageFromArray(np.zeros((4, 9, 11, 3), np.uint8), isVector=True)
    sitk.WriteImage(color, str(tmp_path / "a.nii.gz"))
    refused(tmp_path / "a.nii.gz", "3 values per pixel")


def test_an_image_of_two_dimensions(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.eye(9, dtype=np.float32)), str(tmp_path / "a.nrrd"))
    refused(tmp_path / "a.nrrd", "2 dimensions")


def test_a_stack_of_one_slice(tmp_path, make_cine):
    write_nifti(make_cine(slices=1), tmp_path / "a.nii")
    refused(tmp_path / "a.nii", "one slice")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_not_numbers(value, dtype, name, tmp_path):
    pixels = np.arange(4 * 9 * 11, dtype=dtype).reshape(4, 9, 11)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / name))
    assert load_cine(tmp_path / name).slices == 4
    pixels[3, 8, 10] = value
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / name))
    refused(tmp_path / name, "not numbers")


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_pixels_of_the_other_byte_order(value, tmp_path):
    """The second pixel would be NaN in the wrong order; the NaN of the first would be a number."""
    pixels = np.arange(4 * 9 * 11, dtype=np.float32).reshape(4, 9, 11)
    pixels[0, 0, 0] = value
    pixels[0, 0, 1] = np.frombuffer(b"\x00\x80\xc0\x7f", dtype=">f4")[0]
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / "a.nii"))
    content = (tmp_path / "a.nii").read_bytes()
    fields = struct.unpack("<" + NIFTI1_FIELDS, content[:352])
    (tmp_path / "a.nii").write_bytes(struct.pack(">" + NIFTI1_FIELDS, *fields) + pixels.astype(">f4").tobytes())
    if np.isfinite(value):
        np.testing.assert_array_equal(load_cine(tmp_path / "a.nii").pixels[0], pixels)
    else:
        refused(tmp_path / "a.nii", "not numbers")


def test_bytes_after_the_pixels_are_not_pixels(tmp_path):
    pixels = np.arange(4 * 9 * 11, dtype=np.float32).reshape(4, 9, 11)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / "a.nii"))
    with (tmp_path / "a.nii").open("ab") as file:
        file.write(np.full(3, np.nan, np.float32).tobytes())
    np.testing.assert_array_equal(load_cine(tmp_path / "a.nii").pixels[0], pixels)


def test_constant_pixels(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((4, 9, 11), np.float32)), str(tmp_path / "a.nii"))
    refused(tmp_path / "a.nii", "same value")


@pytest.mark.parametrize("value", [0.0, -1.5, np.nan])
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_spacing_that_is_not_positive(value, axis, nifti):
    refused(with_bytes(nifti, "<f", 76 + 4 * axis, value), "not positive")


@pytest.mark.parametrize("value", ["0", "-1.5"])
def test_a_spacing_that_is_not_positive_in_a_text_header(value, tmp_path):
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    image.SetSpacing((1.25, 1.5, 10.0))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    content = (tmp_path / "a.mha").read_bytes()
    assert b"ElementSpacing = 1.25 " in content
    (tmp_path / "a.mha").write_bytes(content.replace(b"ElementSpacing = 1.25 ", f"ElementSpacing = {value} ".encode()))
    refused(tmp_path / "a.mha", "not positive")


def test_an_orientation_that_is_none(nifti):
    with_bytes(nifti, "<hh", 252, 0, 1)
    with_bytes(nifti, "<12f", 280, 1.25, 0.9, 0, 0, 0, 1.5, 0, 0, 0, 0, 10, 0)
    refused(nifti, r"The axes in the header of cine\.nii are not perpendicular; resample it or correct the header")


@pytest.fixture
def reader_without_rights():
    """A folder anybody may enter, and a user without rights while the test runs."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="file permissions of this kind exist on POSIX systems only")
@pytest.mark.parametrize("kind", ["image", "dicom file", "dicom folder", "acdc"])
def test_no_permission_to_read(kind, reader_without_rights, make_cine):
    folder = reader_without_rights
    if kind == "image":
        write_nifti(make_cine(), folder / "a.nii")
        path = locked = folder / "a.nii"
    elif kind == "acdc":
        locked = folder / "Info.cfg"
        locked.write_text("ED: 1\nES: 2\n")
        path = folder
    else:
        write_dicom(make_cine(), folder / "study")
        path = folder / "study"
        path.chmod(0o755)
        locked = path / "00003.dcm" if kind == "dicom file" else path
    locked.chmod(0)
    root = os.geteuid() == 0
    if root:  # root may read everything; nobody may not
        os.seteuid(65534)
    try:
        refused(path, "No permission to read")
    finally:
        if root:
            os.seteuid(0)


def test_the_keys_and_descriptions_of_a_listing_are_the_same_each_time(tmp_path, make_cine):
    write_dicom(make_cine(), tmp_path / "a")
    write_dicom(make_cine(slices=1), tmp_path / "b")
    assert list_cines(tmp_path) == list_cines(tmp_path)


def test_a_folder_of_acdc_patients_is_not_one_patient(tmp_path, make_cine):
    for name in ("patient001", "patient002"):
        write_nifti(make_cine(), tmp_path / name / f"{name}_4d.nii.gz")
        (tmp_path / name / "Info.cfg").write_text("ED: 1\nES: 2\n")
    refused(tmp_path, r"holds patient folders of ACDC; give one of them\.$")


def test_a_folder_that_is_no_acdc_patient(tmp_path):
    with pytest.raises(UnusableInput, match=r"holds no Info\.cfg"):
        load_acdc_patient(tmp_path)
