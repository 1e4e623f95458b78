"""Frames in the order of time, and slices that lack some of them."""

import numpy as np
import pydicom
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import DicomLayout, load_cine, write_dicom

FRAMES, SLICES = 10, 4


@pytest.fixture
def cine(make_cine):
    return make_cine(frames=FRAMES, slices=SLICES)


def remove(folder, slice_number: int, frames: list[int]) -> None:
    """Deletes images of a folder written as ONE_SERIES, INSTANCE_NUMBER or TEMPORAL_POSITION."""
    for path in sorted(folder.iterdir()):
        dataset = pydicom.dcmread(path)
        if "TemporalPositionIdentifier" in dataset:
            place = (dataset.InstanceNumber - 1) % SLICES, dataset.TemporalPositionIdentifier - 1
        else:
            place = divmod(dataset.InstanceNumber - 1, FRAMES)
        if place[0] == slice_number and place[1] in frames:
            path.unlink()


def index_of_slice(read, cine, number: int) -> int:
    return round(float(read.geometry.index_of(cine.geometry.world_of((0, 0, number)))[2]))


@pytest.mark.parametrize("layout", [DicomLayout.ONE_SERIES, DicomLayout.INSTANCE_NUMBER, DicomLayout.TEMPORAL_POSITION])
def test_a_missing_frame_shows_its_neighbor_in_time_and_is_noted(layout, tmp_path, cine):
    write_dicom(cine, tmp_path / "study", layout)
    remove(tmp_path / "study", slice_number=1, frames=[4])
    read = load_cine(tmp_path / "study")
    there = index_of_slice(read, cine, 1)
    assert read.frames == FRAMES
    present = [frame for frame in range(FRAMES) if frame != 4]
    np.testing.assert_array_equal(read.pixels[present, there], cine.pixels[present, 1])
    assert any(np.array_equal(read.pixels[4, there], cine.pixels[near, 1]) for near in (3, 5))
    (note,) = [note for note in read.notes if note.code == "missing_frames"]
    assert (note.slice, note.severity) == (there, "warning")
    assert "9 frames where the others have 10; frame(s) 4 of it" in note.message


def test_the_first_frame_missing_is_filled_and_nothing_is_shifted(tmp_path, cine):
    write_dicom(cine, tmp_path / "study")
    remove(tmp_path / "study", slice_number=2, frames=[0])
    read = load_cine(tmp_path / "study")
    there = index_of_slice(read, cine, 2)
    np.testing.assert_array_equal(read.pixels[1:, there], cine.pixels[1:, 2])


def test_a_slice_with_more_frames_gives_those_nearest_in_time(tmp_path, make_cine):
    """30 frames where the others have 10: each third one is at the time of a frame."""
    fine = make_cine(frames=30, slices=1, seed=3, rows=9, columns=11)
    coarse = make_cine(frames=FRAMES, slices=SLICES)
    write_dicom(coarse, tmp_path / "coarse")
    remove(tmp_path / "coarse", slice_number=0, frames=list(range(FRAMES)))
    write_dicom(fine, tmp_path / "fine")
    uids = pydicom.dcmread(next((tmp_path / "coarse").iterdir()))
    for path in (tmp_path / "fine").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = uids.StudyInstanceUID, uids.FrameOfReferenceUID
        dataset.save_as(path)
    read = load_cine(tmp_path)
    there = index_of_slice(read, fine, 0)
    assert read.pixels.shape[:2] == (FRAMES, SLICES)
    np.testing.assert_array_equal(read.pixels[:, there], fine.pixels[::3, 0])
    assert "extra_frames" in {note.code for note in read.notes}


def test_a_slice_with_few_frames_is_left_out_with_a_warning(tmp_path, cine):
    write_dicom(cine, tmp_path / "study")
    remove(tmp_path / "study", slice_number=0, frames=list(range(1, FRAMES)))
    read = load_cine(tmp_path / "study")
    assert read.slices == SLICES - 1
    assert [note.severity for note in read.notes if note.code == "slice_left_out"] == ["warning"]


def test_trigger_time_goes_before_instance_number(tmp_path, cine, assert_same):
    write_dicom(cine, tmp_path / "study")
    for path in (tmp_path / "study").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.InstanceNumber = 1000 - dataset.InstanceNumber
        dataset.save_as(path)
    assert_same(load_cine(tmp_path / "study"), cine)


def test_trigger_times_that_are_all_the_same_are_not_used(tmp_path, cine, assert_same):
    write_dicom(cine, tmp_path / "study", DicomLayout.TEMPORAL_POSITION)
    for path in (tmp_path / "study").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.TriggerTime = 0
        dataset.save_as(path)
    read = load_cine(tmp_path / "study")
    assert_same(read, cine)
    assert read.frame_times_ms is None


def test_frames_that_nothing_tells_apart_are_refused(tmp_path, cine):
    write_dicom(cine, tmp_path / "study")
    for path in (tmp_path / "study").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.TriggerTime, dataset.InstanceNumber = 0, 1
        dataset.save_as(path)
    with pytest.raises(UnusableInput, match="cannot be put in order"):
        load_cine(tmp_path / "study")
