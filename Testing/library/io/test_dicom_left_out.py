"""A slice that does not fit the others is never missing from a stack without a word."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from CardioSAMLib.cine import Cine, Geometry, UnusableInput
from CardioSAMLib.io import DicomLayout, SeveralCines, list_cines, load_cine, new_study, write_dicom

SLICES = 5
GEOMETRY = Geometry((1.5, 1.25, 10.0), (-20.5, 33.25, 71.0))


def stack(make_cine, **changes) -> Cine:
    return make_cine(slices=SLICES, geometry=GEOMETRY, **changes)


def at(cine: Cine, slice_number: float, **changes) -> Geometry:
    """A place along the stack."""
    return replace(cine.geometry, origin_mm=tuple(cine.geometry.world_of((0, 0, slice_number))), **changes)


def write_with_odd_slice(folder, cine: Cine, replaced: int | None, odd: Cine) -> None:
    """The stack as one series per slice, numbered from 1, without the slice replaced; the odd slice as series 30."""
    study = new_study()
    write_dicom(cine, folder / "a", DicomLayout.SERIES_PER_SLICE, study=study)
    if replaced is not None:
        for path in (folder / "a" / f"series{replaced:03d}").iterdir():
            path.unlink()
    write_dicom(odd, folder / "odd", series_number=30, study=study)


def turned(cine: Cine, axis: int, degrees: float, rotate) -> Geometry:
    """The geometry of a slice after a turn about its center; axis: 0 row, 1 column, 2 normal."""
    center = (0.5 * (cine.pixels.shape[2] - 1), 0.5 * (cine.pixels.shape[3] - 1), 0.0)
    direction = np.asarray(cine.geometry.direction)
    after = replace(
        cine.geometry, direction=tuple(map(tuple, rotate(tuple(direction[:, axis]), np.radians(degrees)) @ direction))
    )
    shift = np.asarray(cine.geometry.world_of(center)) - np.asarray(after.world_of(center))
    return replace(after, origin_mm=tuple(np.asarray(after.origin_mm) + shift))


def warnings(cine: Cine) -> list[str]:
    return [note.message for note in cine.notes if note.code == "parallel_slice_left_out"]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("degrees", [0.2, 0.9])
def test_a_slice_turned_by_less_than_a_degree_is_one_of_the_stack(degrees, axis, tmp_path, make_cine, rotate):
    cine = stack(make_cine, frames=2, rows=64, columns=60)
    odd = make_cine(frames=2, slices=1, rows=64, columns=60, seed=3, geometry=at(cine, 2))
    write_with_odd_slice(tmp_path, cine, 2, replace(odd, geometry=turned(odd, axis, degrees, rotate)))
    read = load_cine(tmp_path)
    assert read.slices == SLICES
    assert read.geometry.slice_positions_mm is None
    np.testing.assert_array_equal(read.pixels[:, 2], odd.pixels[:, 0])
    assert not warnings(read)


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_slice_of_another_size_in_a_gap_or_at_an_end_is_refused_with_both_sizes(place, tmp_path, make_cine):
    cine = stack(make_cine)
    write_with_odd_slice(tmp_path, cine, place, make_cine(slices=1, rows=8, geometry=at(cine, place)))
    with pytest.raises(UnusableInput, match=r"^Series 30 .*has images of 8 x 11 pixels .* slices have 9 x 11; .*--ser"):
        load_cine(tmp_path)


def test_who_chooses_the_stack_gets_it_without_the_slice_and_with_a_warning(tmp_path, make_cine):
    cine = stack(make_cine)
    write_with_odd_slice(tmp_path, cine, 2, make_cine(slices=1, rows=8, geometry=at(cine, 2)))
    (key,) = [candidate.key for candidate in list_cines(tmp_path) if candidate.is_short_axis_stack]
    read = load_cine(tmp_path, series=key)
    assert read.slices == SLICES - 1
    assert len(warnings(read)) == 1


def test_a_slice_of_another_pixel_spacing_is_refused(tmp_path, make_cine):
    cine = stack(make_cine)
    odd = make_cine(slices=1, geometry=at(cine, 2, spacing_mm=(1.4, 1.25, 10.0)))
    write_with_odd_slice(tmp_path, cine, 2, odd)
    with pytest.raises(UnusableInput, match=r"pixels of 1\.4 x 1\.25 mm .* slices have 1\.5 x 1\.25 mm"):
        load_cine(tmp_path)


def test_a_slice_turned_in_its_plane_is_refused(tmp_path, make_cine, rotate):
    cine = stack(make_cine)
    odd = make_cine(slices=1, geometry=at(cine, 2))
    write_with_odd_slice(tmp_path, cine, 2, replace(odd, geometry=turned(odd, 2, 5.0, rotate)))
    with pytest.raises(UnusableInput, match=r"turned by 5\.0 degrees"):
        load_cine(tmp_path)


@pytest.mark.parametrize(
    ("place", "frames", "warned"),
    [
        pytest.param(2, 6, True, id="a slice taken again at another size"),
        pytest.param(5, 20, True, id="beside the stack, but of other frames"),
        pytest.param(2, 20, False, id="perfusion or mapping of a slice"),
        pytest.param(8, 6, False, id="far from the stack"),
        pytest.param(5, 1, False, id="a still localizer"),
    ],
)
def test_other_parallel_slices_do_not_keep_the_stack_from_being_read(place, frames, warned, tmp_path, make_cine):
    cine = stack(make_cine)
    times = tuple(5.0 * frame for frame in range(frames)) if frames > 1 else None
    odd = make_cine(slices=1, rows=8, frames=frames, frame_times_ms=times, geometry=at(cine, place))
    write_with_odd_slice(tmp_path, cine, None, odd)
    read = load_cine(tmp_path)
    assert read.slices == SLICES
    assert bool(warnings(read)) is warned


def test_a_slice_of_another_size_across_the_stack_is_a_view_of_its_own(tmp_path, make_cine):
    cine = stack(make_cine)
    across = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    write_with_odd_slice(tmp_path, cine, None, make_cine(slices=1, rows=8, geometry=at(cine, 2, direction=across)))
    read = load_cine(tmp_path)
    assert not warnings(read)
    assert [note.message for note in read.notes if note.code == "other_cines"] == [
        "The input holds 1 other cine(s), which were not used: 2."
    ]


def test_a_whole_stack_of_another_size_is_another_candidate(tmp_path, make_cine, assert_same):
    cine = stack(make_cine)
    fine = make_cine(slices=SLICES, rows=18, geometry=at(cine, 0, spacing_mm=(0.75, 1.25, 10.0)))
    write_with_odd_slice(tmp_path, cine, None, fine)
    with pytest.raises(SeveralCines):
        load_cine(tmp_path)
    read = load_cine(tmp_path, series="2")
    assert_same(read, fine)
    assert not warnings(read)


def test_a_slice_of_another_study_does_not_belong_to_the_stack(tmp_path, make_cine):
    cine = stack(make_cine)
    write_with_odd_slice(tmp_path, cine, None, make_cine(slices=1, rows=8, geometry=at(cine, SLICES)))
    for path in (tmp_path / "odd").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID = "1.2.3"
        dataset.save_as(path)
    assert load_cine(tmp_path).slices == SLICES
