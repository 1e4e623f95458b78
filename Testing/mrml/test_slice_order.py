from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import QualityNote
from CardioSAMLib.mrml.slice_order import right_handed

POSITIONS = (0.0, 9.0, 18.0, 36.0, 45.0)


def pixel_at(cine, world_mm):
    row, column, slice_number = np.rint(cine.geometry.index_of(world_mm)).astype(int)
    return cine.pixels[:, slice_number, row, column].tolist()


@pytest.mark.parametrize("positions", [None, POSITIONS])
def test_a_left_handed_cine_is_turned_around_in_its_place(make_cine, skewed_geometry, positions):
    cine = make_cine(geometry=replace(skewed_geometry, slice_positions_mm=positions))
    turned = right_handed(cine)
    assert np.linalg.det(np.asarray(turned.geometry.direction)) == pytest.approx(1.0)
    for voxel in ((0, 0, 0), (3, 7, 1), (19, 23, 3), (6, 5, 4)):
        world = cine.geometry.world_of(voxel)
        assert pixel_at(turned, world) == pixel_at(cine, world)


def test_the_slices_that_stand_for_more_still_do(make_cine, skewed_geometry):
    cine = make_cine(geometry=replace(skewed_geometry, slice_positions_mm=POSITIONS))
    assert right_handed(cine).geometry.slice_intervals_mm(5).tolist() == [9.0, 13.5, 13.5, 9.0, 9.0]
    assert cine.geometry.slice_intervals_mm(5).tolist() == [9.0, 9.0, 13.5, 13.5, 9.0]


def test_a_note_stays_with_its_slice(make_cine, skewed_geometry):
    notes = (
        QualityNote("shifted", "warning", "The slice is shifted.", slice=1),
        QualityNote("other", "info", "Other."),
    )
    turned = right_handed(make_cine(geometry=skewed_geometry, notes=notes))
    assert [note.slice for note in turned.notes] == [3, None]


def test_a_right_handed_cine_is_left_as_it_is(make_cine):
    cine = make_cine()
    assert right_handed(cine) is cine
