"""Claims about surfaces and the distances between them, with values worked out by hand."""

import numpy as np
import pytest

from CardioSAMLib.evaluation.surface import hd95_mm, surface_distances, surface_of


def row(*columns, length=30):
    mask = np.zeros((1, length), bool)
    mask[0, list(columns)] = True
    return mask


def test_the_surface_of_a_box_is_its_outer_layer(box):
    expected = box((2, 2, 2), (7, 8, 9)) & ~box((3, 3, 3), (6, 7, 8))
    np.testing.assert_array_equal(surface_of(box((2, 2, 2), (7, 8, 9))), expected)


def test_a_voxel_that_meets_the_background_at_an_edge_only_is_no_surface(box):
    notched = box((0, 0), (5, 5), (5, 5))
    notched[0, 0] = False
    assert not surface_of(notched)[1, 1]


def test_the_border_of_the_grid_is_surface():
    assert surface_of(np.ones((4, 5), bool)).sum() == 4 * 5 - 2 * 3


def test_planes_three_slices_apart_lie_three_slice_intervals_apart(box):
    a, b = box((2, 0, 0), (3, 20, 20)), box((5, 0, 0), (6, 20, 20))
    assert hd95_mm(a, b, (10.0, 1.0, 1.0)) == pytest.approx(30.0)
    assert hd95_mm(b, a, (2.5, 1.0, 1.0)) == pytest.approx(7.5)


def test_distances_of_two_rows_of_pixels_are_those_counted_by_hand():
    distances = surface_distances(row(0, 1), row(0, 1, 2, 3), (1.0, 1.5))
    assert distances.from_reference_mm.tolist() == [0.0, 0.0]
    assert distances.from_prediction_mm.tolist() == [0.0, 0.0, 1.5, 3.0]
    assert distances.hausdorff_mm == 3.0
    assert distances.assd_mm == pytest.approx(4.5 / 6)
    assert distances.share_within(2.0) == pytest.approx(5 / 6)


def test_the_95th_percentile_is_interpolated_and_the_larger_of_both_directions():
    distances = surface_distances(row(0), row(*range(21)), (1.0, 1.0))  # directions: 0; and 0, 1, ... 20
    assert distances.hd95_mm == pytest.approx(19.0)
    distances = surface_distances(row(*range(11)), row(0), (1.0, 1.0))  # 0, 1, ... 10: at 9.5
    assert distances.hd95_mm == pytest.approx(9.5)


def test_two_empty_masks_lie_nowhere_apart():
    empty = np.zeros((2, 3, 3), bool)
    distances = surface_distances(empty, empty, (1.0, 1.0, 1.0))
    assert (distances.hausdorff_mm, distances.hd95_mm, distances.assd_mm) == (0.0, 0.0, 0.0)
    assert distances.share_within(2.0) == 1.0


def test_a_missed_or_spurious_mask_lies_the_diagonal_of_the_grid_apart():
    empty, full = np.zeros((2, 3, 3), bool), np.ones((2, 3, 3), bool)
    diagonal = np.sqrt(20.0**2 + 6.0**2 + 6.0**2)
    for pair in ((empty, full), (full, empty)):
        distances = surface_distances(*pair, (10.0, 2.0, 2.0))
        assert [distances.hausdorff_mm, distances.hd95_mm, distances.assd_mm] == pytest.approx([diagonal] * 3)
        assert distances.share_within(2.0) == 0.0


def test_a_missed_mask_on_a_grid_smaller_than_the_tolerance_is_still_missed():
    assert surface_distances(row(0, length=1), row(length=1), (1.0, 1.0)).share_within(2.0) == 0.0


def test_a_spacing_in_single_precision_does_not_push_a_distance_over_the_tolerance():
    spacing = float(np.float32(0.4))  # 5 of them: 2.00000003 mm
    assert surface_distances(row(0), row(5), (1.0, spacing)).share_within(2.0) == 1.0


def test_masks_of_two_grids_are_an_error():
    with pytest.raises(ValueError, match="one grid"):
        hd95_mm(np.ones((2, 2), bool), np.ones((2, 2), bool), (1.0, 1.0, 1.0))
