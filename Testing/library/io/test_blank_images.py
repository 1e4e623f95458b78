"""Claims about images without content, which exports fill in for missing ones."""

from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.io import load_cine, write_dicom, write_nifti
from CardioSAMLib.io.blank_images import without_blank_images


def blanked(cine, *places):
    pixels = cine.pixels.copy()
    for place in places:
        pixels[place] = 0
    return replace(cine, pixels=pixels)


def test_a_cine_without_blank_images_stays_as_it_is(make_cine):
    cine = make_cine()
    assert without_blank_images(cine) is cine


def test_a_blank_image_shows_the_nearest_frame_of_the_beat_and_a_note_says_so(make_cine):
    cine = make_cine()
    mended = without_blank_images(blanked(cine, (0, 1), (3, 1), (4, 1)))
    np.testing.assert_array_equal(mended.pixels[:, 1], cine.pixels[[1, 1, 2, 2, 5, 5], 1])
    np.testing.assert_array_equal(np.delete(mended.pixels, 1, axis=1), np.delete(cine.pixels, 1, axis=1))
    [note] = mended.notes
    assert (note.code, note.severity, note.slice) == ("missing_frames", "warning", 1)
    assert "0, 3, 4" in note.message


@pytest.mark.parametrize(("number", "intervals"), [(0, [10.0] * 3), (1, [15.0, 15.0, 10.0]), (3, [10.0] * 3)])
def test_a_slice_of_blank_images_is_left_out_and_its_neighbors_stand_for_it(number, intervals, make_cine):
    cine = make_cine()
    mended = without_blank_images(blanked(cine, (slice(None), number)))
    kept = [other for other in range(4) if other != number]
    np.testing.assert_array_equal(mended.pixels, cine.pixels[:, kept])
    assert mended.geometry.slice_intervals_mm(3).tolist() == pytest.approx(intervals)
    for new, old in enumerate(kept):
        place = mended.geometry.world_of((2.0, 3.0, float(new)))
        np.testing.assert_allclose(place, cine.geometry.world_of((2.0, 3.0, float(old))), atol=1e-6)
    assert {note.code for note in mended.notes} == {"slice_left_out"}


@pytest.mark.parametrize("write", [lambda cine, path: write_nifti(cine, path / "cine.nii.gz"), write_dicom])
def test_every_reader_notices_them(write, make_cine, tmp_path):
    write(blanked(make_cine(), (2, 1)), tmp_path)
    read = load_cine(tmp_path)
    assert "missing_frames" in {note.code for note in read.notes}
    assert (read.pixels.min(axis=(2, 3)) < read.pixels.max(axis=(2, 3))).all()
