"""Frames in the order of time, and slices that lack some of them."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import DicomLayout, load_cine, new_study, write_dicom

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


def join(tmp_path, usual, other, layout, heart_rate=None):
    """Two cines in one study, ordered as the layout says; no interval is stated, at most the heart rate."""
    study = new_study()
    for number, (name, cine) in enumerate((("usual", usual), ("other", other)), 1):
        written = replace(cine, heart_rate_bpm=None)
        write_dicom(written, tmp_path / name, layout, series_number=number, study=study)
        if heart_rate is not None:
            for path in (tmp_path / name).iterdir():
                dataset = pydicom.dcmread(path)
                dataset.HeartRate = heart_rate
                dataset.save_as(path)
    return load_cine(tmp_path)


ORDERS = (DicomLayout.ONE_SERIES, DicomLayout.TEMPORAL_POSITION, DicomLayout.INSTANCE_NUMBER, DicomLayout.TRIGGER_DELAY)


@pytest.mark.parametrize("layout", ORDERS)
@pytest.mark.parametrize(("frames", "shown"), [(30, range(0, 30, 3)), (20, range(0, 20, 2))])
def test_a_slice_with_more_frames_covers_the_same_beat_though_none_is_stated(
    layout, frames, shown, tmp_path, make_cine
):
    usual = make_cine(frames=FRAMES, slices=SLICES)
    origin = tuple(usual.geometry.world_of((0, 0, SLICES)))
    fine = make_cine(frames=frames, slices=1, seed=3, geometry=replace(usual.geometry, origin_mm=origin))
    read = join(tmp_path, usual, fine, layout)
    there = index_of_slice(read, fine, 0)
    np.testing.assert_array_equal(read.pixels[:, there], fine.pixels[list(shown), 0])


@pytest.mark.parametrize("layout", ORDERS)
def test_a_slice_with_its_own_fewer_frames_covers_the_whole_beat(layout, tmp_path, make_cine):
    usual = make_cine(frames=20, slices=SLICES)
    origin = tuple(usual.geometry.world_of((0, 0, SLICES)))
    coarse = make_cine(frames=15, slices=1, seed=3, geometry=replace(usual.geometry, origin_mm=origin))
    read = join(tmp_path, usual, coarse, layout)
    there = index_of_slice(read, coarse, 0)
    for frame in range(20):
        (image,) = [i for i in range(15) if np.array_equal(read.pixels[frame, there], coarse.pixels[i, 0])]
        around = abs(frame / 20 - image / 15)
        assert min(around, 1.0 - around) <= 0.5 / 15 + 1e-6


def test_the_heart_rate_tells_how_much_of_the_beat_the_frames_cover(tmp_path, make_cine):
    """15 of 20 frames in series of their own, at the same time resolution: the last quarter of the beat is missing."""
    usual = make_cine(frames=20, slices=SLICES)
    origin = tuple(usual.geometry.world_of((0, 0, SLICES)))
    times = usual.frame_times_ms[:15]
    short = make_cine(
        frames=15, slices=1, seed=3, frame_times_ms=times, geometry=replace(usual.geometry, origin_mm=origin)
    )
    read = join(tmp_path, usual, short, DicomLayout.ONE_SERIES, heart_rate=75)
    there = index_of_slice(read, short, 0)
    np.testing.assert_array_equal(read.pixels[:15, there], short.pixels[:, 0])
    (note,) = [note for note in read.notes if note.code == "missing_frames"]
    assert "frame(s) 15, 16, 17, 18, 19 of it" in note.message


@pytest.mark.parametrize("layout", [DicomLayout.INSTANCE_NUMBER, DicomLayout.TEMPORAL_POSITION])
def test_the_first_frame_missing_shifts_nothing_where_frames_are_counted(layout, tmp_path, cine):
    write_dicom(cine, tmp_path / "study", layout)
    remove(tmp_path / "study", slice_number=2, frames=[0])
    read = load_cine(tmp_path / "study")
    there = index_of_slice(read, cine, 2)
    np.testing.assert_array_equal(read.pixels[1:, there], cine.pixels[1:, 2])
    (note,) = [note for note in read.notes if note.code == "missing_frames"]
    assert "frame(s) 0 of it" in note.message


def test_times_that_no_cine_can_have_are_not_used(tmp_path, cine):
    in_seconds = replace(cine, frame_times_ms=tuple(0.034 * frame for frame in range(FRAMES)), heart_rate_bpm=None)
    write_dicom(in_seconds, tmp_path / "study")
    read = load_cine(tmp_path / "study")
    assert read.frame_times_ms is None
    assert ("frame_times_implausible", "warning") in {(note.code, note.severity) for note in read.notes}


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
