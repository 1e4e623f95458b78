"""Every layout is read back as the cine that was written."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import DicomLayout, list_cines, load_cine, write_dicom

TIMED = set(DicomLayout) - {DicomLayout.TEMPORAL_POSITION, DicomLayout.INSTANCE_NUMBER}


@pytest.mark.parametrize("layout", DicomLayout)
def test_each_layout_is_read_back_as_the_cine_that_was_written(layout, tmp_path, make_cine, assert_same):
    cine = make_cine()
    write_dicom(cine, tmp_path / "study", layout)
    read = load_cine(tmp_path / "study")
    assert_same(read, cine)
    assert read.heart_rate_bpm == pytest.approx(75.0)
    assert read.patient == cine.patient
    assert len(list_cines(tmp_path / "study")) == 1


@pytest.mark.parametrize("layout", sorted(TIMED, key=str))
def test_layouts_with_times_keep_them(layout, tmp_path, make_cine):
    cine = make_cine(slices=5)
    write_dicom(cine, tmp_path / "study", layout)
    assert load_cine(tmp_path / "study").frame_times_ms == pytest.approx(cine.frame_times_ms, abs=0.01)


@pytest.mark.parametrize("layout", sorted(set(DicomLayout) - TIMED, key=str))
def test_layouts_without_times_say_so(layout, tmp_path, make_cine):
    write_dicom(make_cine(), tmp_path / "study", layout)
    read = load_cine(tmp_path / "study")
    assert read.frame_times_ms is None
    assert "no_frame_times" in {note.code for note in read.notes}


def test_times_that_differ_between_slices_become_their_median_with_a_note(tmp_path, make_cine):
    cine = make_cine(slices=5)
    write_dicom(cine, tmp_path / "study", DicomLayout.JITTERED_TIMES)
    times = {float(pydicom.dcmread(path).TriggerTime) for path in (tmp_path / "study").iterdir()}
    assert len(times) > cine.frames
    assert "frame_times_differ" in {note.code for note in load_cine(tmp_path / "study").notes}


def test_float_pixels_come_back_within_one_step_of_sixteen_bits(tmp_path, make_cine, assert_same):
    pixels = np.random.default_rng(1).normal(50.0, 20.0, (3, 4, 9, 11)).astype(np.float32)
    cine = make_cine(frames=3, pixels=pixels)
    for layout in (DicomLayout.ONE_SERIES, DicomLayout.ENHANCED):
        write_dicom(cine, tmp_path / layout.name, layout)
        step = float(np.ptp(pixels)) / 65535
        assert_same(load_cine(tmp_path / layout.name), cine, tolerance=0.6 * step)


def test_negative_integers_are_stored_as_they_are(tmp_path, make_cine, assert_same):
    cine = make_cine()
    negative = make_cine(pixels=(cine.pixels - 1000).astype(np.int16))
    write_dicom(negative, tmp_path / "study")
    read = load_cine(tmp_path / "study")
    assert read.pixels.dtype == np.int16
    assert_same(read, negative)


def test_irregular_slices_keep_their_positions(tmp_path, make_cine, assert_same):
    cine = make_cine()
    geometry = type(cine.geometry)(
        cine.geometry.spacing_mm, cine.geometry.origin_mm, cine.geometry.direction, (0.0, 10.0, 30.0, 40.0)
    )
    irregular = make_cine(geometry=geometry)
    write_dicom(irregular, tmp_path / "study")
    read = load_cine(tmp_path / "study")
    assert read.geometry.slice_positions_mm == pytest.approx((0.0, 10.0, 30.0, 40.0), abs=1e-6)
    assert "irregular_slices" in {note.code for note in read.notes}
    assert_same(read, irregular)


def test_every_file_has_its_own_instance_uid_and_passes_pydicoms_checks(tmp_path, make_cine, recwarn):
    write_dicom(make_cine(), tmp_path / "study")
    datasets = [pydicom.dcmread(path) for path in (tmp_path / "study").iterdir()]
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == len(datasets) == 24
    assert all(dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID for dataset in datasets)
    assert not recwarn.list


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path, make_cine):
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(UnusableInput, match="not empty"):
        write_dicom(make_cine(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]


def test_a_stopped_write_leaves_nothing(tmp_path: Path, make_cine, monkeypatch):
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pydicom.Dataset, "save_as", full_disk)
    with pytest.raises(UnusableInput, match="No space left"):
        write_dicom(make_cine(), tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_be_there_already(tmp_path: Path, make_cine, assert_same):
    (tmp_path / "study").mkdir()
    write_dicom(make_cine(), tmp_path / "study")
    assert_same(load_cine(tmp_path / "study"), make_cine())
