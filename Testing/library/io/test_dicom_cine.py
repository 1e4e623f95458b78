"""Stacks of any orientation, spacing, slice direction and file order give the same cine."""

import random
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.fileset import FileSet

from CardioSAMLib.cine import Geometry, UnusableInput
from CardioSAMLib.io import DicomLayout, load_cine, write_dicom

unit = st.floats(-1.0, 1.0)
axes = st.tuples(unit, unit, unit).filter(lambda axis: np.linalg.norm(axis) > 0.1)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    axis=axes,
    angle=st.floats(0.0, 3.1),
    mirrored=st.booleans(),
    spacing=st.tuples(st.floats(0.6, 3.0), st.floats(0.6, 3.0), st.floats(4.0, 14.0)),
    origin=st.tuples(*[st.floats(-300.0, 300.0)] * 3),
    layout=st.sampled_from(DicomLayout),
    order=st.randoms(use_true_random=False),
)
def test_any_stack_in_any_layout_is_the_same_cine(
    make_cine, assert_same, rotate, axis, angle, mirrored, spacing, origin, layout, order
):
    direction = rotate(axis, angle)
    if mirrored:
        direction[:, 2] *= -1.0
    cine = make_cine(
        frames=4, slices=3, rows=6, columns=5, geometry=Geometry(spacing, origin, tuple(map(tuple, direction)))
    )
    with tempfile.TemporaryDirectory() as folder:
        write_dicom(cine, Path(folder) / "written", layout)
        shuffled = _copied_under_random_names(Path(folder) / "written", Path(folder) / "shuffled", order)
        read = load_cine(shuffled)
    assert_same(read, cine)
    assert np.linalg.det(np.asarray(read.geometry.direction)) == pytest.approx(1.0, abs=1e-6)


def _copied_under_random_names(source: Path, target: Path, order: random.Random) -> Path:
    target.mkdir()
    files = [path for path in source.rglob("*") if path.is_file()]
    names = order.sample(range(10 * len(files)), len(files))
    for name, path in zip(names, files, strict=True):
        (target / f"{name}").write_bytes(path.read_bytes())
    return target


def edit(folder: Path, change) -> None:
    """Rewrites every DICOM file of a folder after `change(dataset)`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            dataset = pydicom.dcmread(path)
            change(dataset)
            dataset.save_as(path)


@pytest.fixture
def study(tmp_path, make_cine):
    write_dicom(make_cine(), tmp_path / "study")
    return tmp_path / "study"


def codes(cine) -> set[str]:
    return {note.code for note in cine.notes}


def test_files_that_are_not_dicom_are_passed_over_without_a_note(study, make_cine, assert_same):
    """Among them those that an earlier analysis wrote there."""
    notes = load_cine(study).notes
    for name in ("readme.txt", "measurements.json", "curves.png"):
        (study / name).write_text("hello")
    (study / "DICOMDIR.bak").write_bytes(b"")
    read = load_cine(study)
    assert_same(read, make_cine())
    assert read.notes == notes


def test_copies_of_a_file_count_once(study, make_cine, assert_same):
    (study / "copies").mkdir()
    for path in sorted(study.glob("*.dcm"))[:7]:
        (study / "copies" / path.name).write_bytes(path.read_bytes())
    assert_same(load_cine(study), make_cine())


def test_a_frame_of_reference_in_each_file_does_not_split_the_stack(study, make_cine, assert_same):
    def anonymized_badly(dataset):
        dataset.FrameOfReferenceUID = pydicom.uid.generate_uid()

    edit(study, anonymized_badly)
    assert_same(load_cine(study), make_cine())


def test_an_empty_functional_group_in_a_classic_file_is_no_enhanced_file(study, make_cine, assert_same):
    def like_sunnybrook(dataset):
        dataset.PerFrameFunctionalGroupsSequence = [pydicom.Dataset()]

    edit(study, like_sunnybrook)
    assert_same(load_cine(study), make_cine())


def test_invalid_uids_and_dates_are_read_without_a_word(study, make_cine, assert_same, recwarn, capfd):
    for path in study.iterdir():
        content = path.read_bytes()
        with pydicom.config.disable_value_validation():
            dataset = pydicom.dcmread(path)
            dataset.StudyInstanceUID = "2.16.099.08980635789900778171"
            dataset.StudyDate = dataset.PatientBirthDate = "00000000"
            dataset.save_as(path)
        assert path.read_bytes() != content
    recwarn.clear()
    assert_same(load_cine(study), make_cine())
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")


def test_a_file_without_preamble_is_dicom_too(study, make_cine, assert_same):
    for path in sorted(study.iterdir()):
        dataset = pydicom.dcmread(path)
        old = pydicom.Dataset(dataset)
        old.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[:2] == b"\x08\x00"
    assert_same(load_cine(study), make_cine())


def test_slices_shifted_in_their_plane_are_noted(study):
    def shifted(dataset):
        if dataset.InstanceNumber <= 6:
            along = np.array(dataset.ImageOrientationPatient[:3], dtype=float)
            moved = np.array(dataset.ImagePositionPatient, dtype=float) + 5.0 * along
            dataset.ImagePositionPatient = [f"{value:.6f}" for value in moved]

    edit(study, shifted)
    assert "shifted_slices" in codes(load_cine(study))


def test_rounded_positions_are_equal_gaps(study):
    def rounded(dataset):
        dataset.ImagePositionPatient = [f"{float(value):.2f}" for value in dataset.ImagePositionPatient]

    edit(study, rounded)
    read = load_cine(study)
    assert read.geometry.slice_positions_mm is None
    assert read.geometry.spacing_mm[2] == pytest.approx(10.0, abs=0.01)


def test_a_missing_slice_leaves_a_gap_that_is_known(study):
    for number in range(7, 13):
        (study / f"{number:05d}.dcm").unlink()
    read = load_cine(study)
    assert read.slices == 3
    assert sorted(np.diff(read.geometry.slice_positions_mm)) == pytest.approx([10.0, 20.0])
    assert read.geometry.spacing_mm[2] == pytest.approx(10.0)
    assert "irregular_slices" in codes(read)


def test_images_of_different_sizes_in_a_series_are_refused(study):
    def smaller(dataset):
        if dataset.InstanceNumber == 3:
            dataset.Rows = 8
            dataset.PixelData = dataset.PixelData[: 8 * 11 * 2]

    edit(study, smaller)
    with pytest.raises(UnusableInput, match=r"different sizes \(8 x 11 and 9 x 11 pixels\)"):
        load_cine(study)


def test_images_of_different_pixel_spacing_in_a_series_are_refused(study):
    def coarser(dataset):
        if dataset.InstanceNumber == 3:
            dataset.PixelSpacing = [2, 2]

    edit(study, coarser)
    with pytest.raises(UnusableInput, match="different pixel spacings"):
        load_cine(study)


def test_an_enhanced_file_with_fewer_images_than_descriptions_is_refused(tmp_path, make_cine):
    write_dicom(make_cine(), tmp_path / "study", DicomLayout.ENHANCED)

    def short(dataset):
        dataset.NumberOfFrames = 23
        dataset.PixelData = dataset.PixelData[: 23 * 9 * 11 * 2]

    edit(tmp_path / "study", short)
    with pytest.raises(UnusableInput, match="fewer images than it announces"):
        load_cine(tmp_path / "study")


def test_dicom_files_that_are_no_images_are_refused(tmp_path):
    report = pydicom.Dataset()
    report.SOPClassUID, report.SOPInstanceUID = pydicom.uid.BasicTextSRStorage, pydicom.uid.generate_uid()
    report.file_meta = pydicom.dataset.FileMetaDataset()
    report.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    with pytest.raises(UnusableInput, match="hold no images"):
        load_cine(tmp_path)


def test_random_bytes_after_the_mark_of_dicom_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        (tmp_path / f"{number}.dcm").write_bytes(bytes(128) + b"DICM" + rng.bytes(500))
    with pytest.raises(UnusableInput, match=r"cut short or damaged|hold no images"):
        load_cine(tmp_path)


def test_values_that_are_no_numbers_count_as_missing(study, make_cine, assert_same):
    with pydicom.config.disable_value_validation():
        for path in study.iterdir():
            dataset = pydicom.dcmread(path)
            dataset.add_new("TriggerTime", "LO", "early")
            dataset.save_as(path)
        read = load_cine(study)
    assert_same(read, make_cine())
    assert read.frame_times_ms is None


@pytest.mark.parametrize("spacing", [[0, 0], [-1.5, 1.25]])
def test_a_spacing_that_is_not_positive_is_refused(study, spacing):
    edit(study, lambda dataset: setattr(dataset, "PixelSpacing", spacing))
    with pytest.raises(UnusableInput, match="not three positive numbers"):
        load_cine(study)


def test_color_images_are_refused(study):
    def color(dataset):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
        dataset.PixelData = dataset.PixelData * 3

    edit(study, color)
    with pytest.raises(UnusableInput, match="color"):
        load_cine(study)


def test_constant_pixels_are_refused(study):
    edit(study, lambda dataset: setattr(dataset, "PixelData", bytes(len(dataset.PixelData))))
    with pytest.raises(UnusableInput, match="same value"):
        load_cine(study)


@pytest.mark.parametrize("kept_bytes", [700, 300, 140])
def test_a_file_cut_short_is_refused(study, kept_bytes):
    path = study / "00003.dcm"
    content = path.read_bytes()
    for other in study.iterdir():
        if other != path:
            other.unlink()
    path.write_bytes(content[:kept_bytes])
    with pytest.raises(UnusableInput, match=r"cut short|one slice"):
        load_cine(study)


def test_pixels_cut_short_in_one_of_many_files_name_that_file(study):
    path = study / "00003.dcm"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UnusableInput, match=r"00003\.dcm.*cut short"):
        load_cine(study)


def test_the_directory_of_a_cd_is_no_damaged_file(tmp_path, make_cine):
    write_dicom(make_cine(), tmp_path / "study")
    directory = FileSet()

    def complete(dataset):
        dataset.StudyID, dataset.StudyDate, dataset.StudyTime = "1", "20200101", "120000"

    edit(tmp_path / "study", complete)
    for path in (tmp_path / "study").iterdir():
        directory.add(path)
    directory.write(tmp_path / "cd")
    assert (tmp_path / "cd" / "DICOMDIR").is_file()
    assert "damaged_files" not in codes(load_cine(tmp_path / "cd"))


def test_a_heart_rate_and_an_interval_that_contradict_each_other_are_told(study):
    edit(study, lambda dataset: setattr(dataset, "HeartRate", 110))
    cine = load_cine(study)
    assert cine.heart_rate_bpm == pytest.approx(75.0)
    assert "heart_rates_differ" in codes(cine)


@pytest.mark.parametrize("signed", [False, True])
def test_images_that_show_low_values_bright_are_turned_round(signed, tmp_path, make_cine, assert_same):
    cine = make_cine()
    cine = replace(cine, pixels=cine.pixels.astype(np.int16 if signed else np.uint16))
    write_dicom(cine, tmp_path / "study")

    def invert(dataset):
        values = dataset.pixel_array
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.PixelData = (~values).tobytes()  # 65535 - value, or -1 - value

    edit(tmp_path / "study", invert)
    assert_same(load_cine(tmp_path / "study"), cine)


def test_a_header_cut_short_in_one_of_many_files_is_a_missing_frame_with_notes(study):
    path = study / "00003.dcm"
    path.write_bytes(path.read_bytes()[:700])
    assert {"damaged_files", "missing_frames"} <= codes(load_cine(study))


def test_an_enhanced_file_cut_short_is_refused(tmp_path, make_cine):
    write_dicom(make_cine(), tmp_path / "study", DicomLayout.ENHANCED)
    path = tmp_path / "study" / "cine.dcm"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnusableInput, match="cut short"):
        load_cine(path)


def test_a_stack_of_one_slice_is_refused(tmp_path, make_cine):
    write_dicom(make_cine(slices=1), tmp_path / "study")
    with pytest.raises(UnusableInput, match="one slice"):
        load_cine(tmp_path / "study")


def test_one_frame_is_usable_with_a_note(tmp_path, make_cine, assert_same):
    cine = make_cine(frames=1, frame_times_ms=None)
    write_dicom(cine, tmp_path / "study")
    read = load_cine(tmp_path / "study")
    assert_same(read, cine)
    assert "one_frame" in codes(read)


def test_one_frame_needs_nothing_to_be_ordered_by(tmp_path, make_cine, assert_same):
    cine = make_cine(frames=1, frame_times_ms=None)
    write_dicom(cine, tmp_path / "study")
    edit(tmp_path / "study", lambda dataset: delattr(dataset, "InstanceNumber"))
    assert_same(load_cine(tmp_path / "study"), cine)


def test_images_without_a_position_are_refused(study):
    edit(study, lambda dataset: delattr(dataset, "ImagePositionPatient"))
    with pytest.raises(UnusableInput, match="lack a position"):
        load_cine(study)


def test_the_source_names_the_series_and_no_patient(study):
    edit(study, lambda dataset: setattr(dataset, "PatientName", "Doe^Jane"))
    read = load_cine(study)
    assert read.source == "DICOM series 1 'cine short axis', 4 slices and 6 frames"
    assert "Doe" not in repr(read)
