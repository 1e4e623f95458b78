"""Which images of a folder are one cine, and which are several."""

from dataclasses import replace
from functools import partial

import numpy as np
import pydicom
import pytest

from CardioSAMLib.cine import Geometry, UnusableInput
from CardioSAMLib.io import DicomLayout, SeveralCines, list_cines, load_cine, new_study, write_dicom

LONG_AXIS = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def codes(cine) -> set[str]:
    return {note.code for note in cine.notes}


def with_offset(cine, slices: slice, seed: int, make_cine):
    """Another acquisition of some slices of a cine: other pixels, the same places."""
    origin = cine.geometry.world_of((0, 0, slices.start))
    count = len(range(cine.slices)[slices])
    return make_cine(slices=count, seed=seed, geometry=replace(cine.geometry, origin_mm=tuple(origin)))


def test_the_short_axis_stack_is_taken_among_long_axis_cines_and_localizers(folder, make_cine, assert_same):
    cine, study = make_cine(), new_study()
    write_dicom(cine, folder / "a", series_number=7, study=study)
    for number, name, direction in ((2, "cine 2ch", LONG_AXIS), (3, "4-chamber", CORONAL)):
        view = make_cine(slices=1, seed=number, geometry=Geometry((1.5, 1.25, 8.0), direction=direction))
        write_dicom(view, folder / name, series_number=number, series_description=name, study=study)
    scout = make_cine(frames=1, frame_times_ms=None, slices=3, geometry=Geometry((2.0, 2.0, 20.0)))
    write_dicom(scout, folder / "scout", series_number=1, series_description="scout", study=study)
    candidates = list_cines(folder)
    assert [candidate.key for candidate in candidates] == ["1", "2", "3", "4"]
    assert [candidate.is_short_axis_stack for candidate in candidates] == [False, False, False, True]
    assert "series 2 'cine 2ch': long axis, one slice, 6 frames" in candidates[1].description
    assert_same(load_cine(folder), cine)
    with pytest.raises(UnusableInput, match="one slice"):
        load_cine(folder, series="2")


def test_a_stack_of_long_axis_views_is_not_taken_for_short_axis(folder, make_cine, assert_same):
    cine, study = make_cine(), new_study()
    write_dicom(cine, folder / "a", series_number=1, study=study)
    views = make_cine(slices=3, seed=5, geometry=Geometry((1.5, 1.25, 8.0), direction=LONG_AXIS))
    write_dicom(views, folder / "b", series_number=2, series_description="CINE_4CH_stack", study=study)
    assert_same(load_cine(folder), cine)
    assert_same(load_cine(folder, series="2"), views)


def test_images_marked_as_phase_localizer_or_derived_are_left_out(folder, make_cine, assert_same):
    cine, study = make_cine(), new_study()
    write_dicom(cine, folder / "a", series_number=1, study=study)
    marks = (["ORIGINAL", "PRIMARY", "P"], ["ORIGINAL", "PRIMARY", "LOCALIZER"], ["DERIVED", "SECONDARY", "MPR"])
    for number, mark in enumerate(marks, start=2):
        write_dicom(make_cine(seed=number), folder / str(number), series_number=number, study=study)
        for path in (folder / str(number)).iterdir():
            dataset = pydicom.dcmread(path)
            dataset.ImageType = mark
            dataset.save_as(path)
    assert len(list_cines(folder)) == 1
    assert_same(load_cine(folder), cine)


def test_derived_images_are_used_where_there_are_no_others(folder, make_cine, assert_same):
    write_dicom(make_cine(), folder / "a")
    for path in (folder / "a").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.ImageType = ["DERIVED", "PRIMARY", "M"]
        dataset.save_as(path)
    assert_same(load_cine(folder), make_cine())


def mark_as_derived(folder):
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.ImageType = ["DERIVED", "PRIMARY", "M"]
        dataset.save_as(path)


def test_a_derived_slice_of_which_there_is_no_original_stays_in_the_stack(folder, make_cine, assert_same):
    write_dicom(make_cine(), folder / "a", DicomLayout.SERIES_PER_SLICE)
    mark_as_derived(sorted((folder / "a").iterdir())[-1])
    assert_same(load_cine(folder), make_cine())


def test_a_derived_stack_is_not_given_up_for_an_original_one_of_fewer_slices(folder, make_cine, assert_same):
    cine, study = make_cine(slices=6), new_study()
    flow = make_cine(slices=2, seed=4)
    write_dicom(cine, folder / "a", series_number=1, study=study)
    mark_as_derived(folder / "a")
    write_dicom(flow, folder / "b", series_number=5, series_description="flow", study=study)
    assert [(candidate.slices, candidate.is_short_axis_stack) for candidate in list_cines(folder)] == [
        (6, True),
        (2, False),
    ]
    assert_same(load_cine(folder), cine)


def test_two_stacks_at_one_place_are_two_candidates(folder, make_cine, assert_same):
    first, second, study = make_cine(seed=1), make_cine(seed=2), new_study()
    write_dicom(first, folder / "a", series_number=4, study=study)
    write_dicom(second, folder / "b", series_number=9, study=study)
    with pytest.raises(SeveralCines, match="--series 2   series 9") as caught:
        load_cine(folder)
    assert [candidate.key for candidate in caught.value.candidates] == ["1", "2"]
    assert_same(load_cine(folder, series="1"), first)
    assert_same(load_cine(folder, series="2"), second)


def test_a_stack_between_the_slices_of_another_is_a_candidate_of_its_own(folder, make_cine, assert_same):
    first, study = make_cine(seed=1), new_study()
    origin = first.geometry.world_of((0, 0, 0.5))
    second = make_cine(seed=2, geometry=replace(first.geometry, origin_mm=tuple(origin)))
    write_dicom(first, folder / "a", series_number=4, study=study)
    write_dicom(second, folder / "b", series_number=9, study=study)
    assert len(list_cines(folder)) == 2
    assert_same(load_cine(folder, series="2"), second)


def test_two_halves_of_a_stack_in_two_series_are_one_cine(folder, make_cine, assert_same):
    cine, study = make_cine(slices=6), new_study()
    for number, part in enumerate([slice(0, 3), slice(3, 6)]):
        origin = tuple(cine.geometry.world_of((0, 0, part.start)))
        half = replace(cine, pixels=cine.pixels[:, part], geometry=replace(cine.geometry, origin_mm=origin))
        write_dicom(half, folder / str(number), series_number=number + 1, study=study)
    assert_same(load_cine(folder), cine)


def test_two_studies_are_two_candidates(folder, make_cine):
    write_dicom(make_cine(seed=1), folder / "a", DicomLayout.SERIES_PER_SLICE)
    write_dicom(make_cine(seed=2), folder / "b", DicomLayout.ENHANCED)
    candidates = list_cines(folder)
    assert len(candidates) == 2
    with pytest.raises(SeveralCines):
        load_cine(folder)
    with pytest.raises(UnusableInput, match=r"no series '3' .* one of: 1, 2"):
        load_cine(folder, series="3")


@pytest.mark.parametrize("layout", [DicomLayout.ONE_SERIES, DicomLayout.SERIES_PER_SLICE])
def test_of_a_slice_acquired_again_the_later_is_used_and_noted(layout, folder, make_cine):
    cine, study = make_cine(slices=5), new_study()
    redone = with_offset(cine, slice(2, 3), seed=8, make_cine=make_cine)
    write_dicom(cine, folder / "a", layout, series_number=10, study=study)
    write_dicom(redone, folder / "b", series_number=30, study=study)
    read = load_cine(folder)
    there = round(float(read.geometry.index_of(redone.geometry.world_of((0, 0, 0)))[2]))
    np.testing.assert_array_equal(read.pixels[:, there], redone.pixels[:, 0])
    others = [number for number in range(5) if number != 2]
    for number in others:
        index = round(float(read.geometry.index_of(cine.geometry.world_of((0, 0, number)))[2]))
        np.testing.assert_array_equal(read.pixels[:, index], cine.pixels[:, number])
    (note,) = [note for note in read.notes if note.code == "repeated_slice"]
    assert (note.slice, note.severity) == (there, "warning")
    left_out = 10 if layout is DicomLayout.ONE_SERIES else 12
    assert f"the latest, series 30, is used, {left_out} left out" in note.message


@pytest.mark.parametrize(
    "taken",
    [
        {"SeriesDescription": "SA tagging"},
        {"ScanningSequence": "GR", "SequenceVariant": ["SP", "MTC"]},
        {"EchoTime": 3.9},
    ],
)
@pytest.mark.parametrize("frames", [6, 12])
def test_slices_of_another_kind_do_not_replace_those_of_the_cine(taken, frames, folder, make_cine, assert_same):
    cine, study = make_cine(slices=8), new_study()
    tagged = with_offset(cine, slice(2, 5), seed=8, make_cine=partial(make_cine, frames=frames))
    write_dicom(cine, folder / "a", series_number=10, study=study)
    write_dicom(tagged, folder / "b", series_number=30, study=study)
    for name, header in (("a", {"ScanningSequence": "GR", "SequenceVariant": "SK", "EchoTime": 1.2}), ("b", taken)):
        for path in (folder / name).iterdir():
            dataset = pydicom.dcmread(path)
            for keyword, value in header.items():
                setattr(dataset, keyword, value)
            dataset.save_as(path)
    assert_same(load_cine(folder, series="1"), cine)
    assert len(list_cines(folder)) == 2


def test_a_slice_redone_and_broken_off_does_not_replace_the_whole_one(folder, make_cine, assert_same):
    cine, study = make_cine(slices=5), new_study()
    redone = with_offset(cine, slice(2, 3), seed=8, make_cine=make_cine)
    write_dicom(cine, folder / "a", series_number=10, study=study)
    write_dicom(redone, folder / "b", series_number=30, study=study)
    for path in sorted((folder / "b").iterdir())[2:]:
        path.unlink()
    assert_same(load_cine(folder), cine)


@pytest.mark.parametrize("later_ms", [0.0, 7.0])
def test_a_breath_hold_redone_in_one_series_is_not_mixed_with_the_first(later_ms, folder, make_cine):
    """Its times are those of the old one, or of another beat, so that none of its frames has the time of an old one."""
    old, study = make_cine(seed=1), new_study()
    new = make_cine(seed=2, frame_times_ms=tuple(time + later_ms for time in old.frame_times_ms))
    uid = pydicom.uid.generate_uid()
    for cine, name, time in ((old, "a", "100000"), (new, "b", "100500")):
        write_dicom(cine, folder / name, study=study)
        for path in (folder / name).iterdir():
            dataset = pydicom.dcmread(path)
            dataset.SeriesInstanceUID, dataset.AcquisitionDate, dataset.AcquisitionTime = uid, "20240101", time
            dataset.InstanceNumber += 100 * (name == "b")
            if name == "b" and float(dataset.ImagePositionPatient[2]) != pytest.approx(71.0):
                path.unlink()
            else:
                dataset.save_as(path)
    read = load_cine(folder)
    index = round(float(read.geometry.index_of(new.geometry.world_of((0, 0, 0)))[2]))
    np.testing.assert_array_equal(read.pixels[:, index], new.pixels[:, 0])
    assert "repeated_slice" in codes(read)
    assert not {"extra_frames", "repeated_frames"} & codes(read)


@pytest.mark.parametrize(("gap_mm", "left_out"), [(60.0, True), (30.0, False)])
def test_a_slice_far_from_the_stack_is_left_out_and_missing_ones_are_bridged(gap_mm, left_out, folder, make_cine):
    cine, study = make_cine(slices=6), new_study()
    write_dicom(cine, folder / "a", series_number=3, study=study)
    place = cine.geometry.world_of((0, 0, 5 + gap_mm / 10.0))
    far = make_cine(slices=1, seed=3, geometry=replace(cine.geometry, origin_mm=tuple(place)))
    write_dicom(far, folder / "b", series_number=4, study=study)
    read = load_cine(folder)
    assert read.slices == (6 if left_out else 7)
    assert ("slice_left_out" in codes(read)) == left_out
    assert ("irregular_slices" in codes(read)) != left_out


def test_still_images_at_the_places_of_the_cine_do_not_enter_it(folder, make_cine, assert_same):
    cine, study = make_cine(), new_study()
    write_dicom(cine, folder / "a", series_number=1, study=study)
    for number in range(cine.slices):
        origin = tuple(cine.geometry.world_of((0, 0, number)))
        enhancement = make_cine(
            frames=1, slices=1, seed=9, frame_times_ms=None, geometry=replace(cine.geometry, origin_mm=origin)
        )
        write_dicom(enhancement, folder / f"lge{number}", series_number=20 + number, study=study)
    assert_same(load_cine(folder), cine)
