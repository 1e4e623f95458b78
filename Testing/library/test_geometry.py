"""Claims about `Geometry`, with values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from CardioSAMLib.cine import Geometry, UnusableInput

OBLIQUE = ((0.6, 0.0, 0.8), (0.8, 0.0, -0.6), (0.0, 1.0, 0.0))
"""Columns: where the column, row and slice index go. Left-handed, and no axis of the image is one of the patient."""


def test_equal_slices_each_stand_for_one_interval():
    assert Geometry((1.5, 1.5, 10.0)).slice_intervals_mm(3).tolist() == [10.0, 10.0, 10.0]


def test_neighbors_of_a_missing_slice_share_its_interval():
    geometry = Geometry((1.0, 1.0, 10.0), slice_positions_mm=(0.0, 10.0, 30.0, 40.0))
    assert geometry.slice_intervals_mm(4).tolist() == [10.0, 15.0, 15.0, 10.0]
    assert geometry.slice_intervals_mm(4).sum() == pytest.approx(50.0)


def test_a_voxel_of_two_by_two_by_ten_millimeters_has_forty_microliters():
    assert Geometry((2.0, 2.0, 10.0)).voxel_volume_ml == pytest.approx(0.04)


def test_column_row_and_slice_index_go_along_their_own_directions():
    geometry = Geometry((2.0, 3.0, 10.0), origin_mm=(1.0, 2.0, 3.0), direction=OBLIQUE)
    assert geometry.world_of((0, 1, 0)) == pytest.approx([1.0 + 3 * 0.6, 2.0 + 3 * 0.8, 3.0])
    assert geometry.world_of((1, 0, 0)) == pytest.approx([1.0, 2.0, 3.0 + 2.0])
    assert geometry.world_of((0, 0, 1)) == pytest.approx([1.0 + 10 * 0.8, 2.0 - 10 * 0.6, 3.0])


def test_a_slice_after_a_gap_lies_where_its_position_says():
    geometry = Geometry((1.0, 1.0, 10.0), slice_positions_mm=(0.0, 10.0, 30.0))
    assert geometry.world_of((0, 0, 2)) == pytest.approx([0.0, 0.0, 30.0])
    assert geometry.world_of((0, 0, 1.5)) == pytest.approx([0.0, 0.0, 20.0])


@given(hnp.arrays(float, (5, 3), elements=st.floats(-50, 50)), st.booleans())
def test_index_of_undoes_world_of(index_rcs, irregular):
    positions = (0.0, 9.0, 25.0, 31.0) if irregular else None
    geometry = Geometry((1.4, 1.7, 9.0), (-10.0, 20.0, 5.0), OBLIQUE, positions)
    np.testing.assert_allclose(geometry.index_of(geometry.world_of(index_rcs)), index_rcs, atol=1e-9)


@pytest.mark.parametrize("spacing", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, float("nan")), (1.0, 1.0)])
def test_a_spacing_that_is_not_three_positive_numbers_is_refused(spacing):
    with pytest.raises(UnusableInput, match="not three positive numbers; correct the header"):
        Geometry(spacing)


def test_a_sheared_direction_is_refused():
    with pytest.raises(UnusableInput, match="perpendicular unit vectors"):
        Geometry((1.0, 1.0, 1.0), direction=((1.0, 0.1, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))


@pytest.mark.parametrize("positions", [(0.0, 10.0, 10.0), (1.0, 2.0), (0.0, float("nan")), ()])
def test_slice_positions_that_do_not_grow_from_zero_are_refused(positions):
    with pytest.raises(UnusableInput, match="must start at 0 and grow"):
        Geometry((1.0, 1.0, 1.0), slice_positions_mm=positions)


def test_intervals_for_another_number_of_slices_are_an_error():
    with pytest.raises(ValueError, match="2 slice positions, not 3"):
        Geometry((1.0, 1.0, 10.0), slice_positions_mm=(0.0, 10.0)).slice_intervals_mm(3)
