"""Claims about how metrics answer to known changes of a mask: shifted, grown, shrunk, slices dropped, outliers, scale.

Expected values are worked out from the geometry of boxes; the rest are inequalities and symmetries that hold for all
generated pairs.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import METRICS, score
from CardioSAMLib.evaluation.surface import surface_distances

thorough = settings(max_examples=100, deadline=None, derandomize=True, database=None)
pairs = st.from_type(MaskPair)
spacings_mm = st.tuples(st.floats(2.0, 12.0), st.floats(0.5, 3.0), st.floats(0.5, 3.0))
sizes = st.tuples(st.integers(2, 6), st.integers(5, 9), st.integers(5, 9))
MARGIN = 9
DISTANCES = ("hausdorff_mm", "hd95_mm", "assd_mm")
SYMMETRIC = ("dice", "iou", "pixel_accuracy", *DISTANCES, "nsd_2mm", "boundary_iou")


def box_of(size, offset=(0, 0, 0), grown=(0, 0, 0)):
    """A box in a grid with room around it, `offset` voxels off, `grown` voxels larger at both ends of each axis."""
    mask = np.zeros([side + 2 * MARGIN for side in (6, 9, 9)], bool)
    mask[tuple(slice(MARGIN + o - g, MARGIN + s + o + g) for s, o, g in zip(size, offset, grown, strict=True))] = True
    return mask


@thorough
@given(size=sizes, spacing_mm=spacings_mm, axis=st.integers(0, 2), share=st.floats(0, 1))
def test_a_box_shifted_by_n_voxels_overlaps_by_what_is_left_and_lies_n_spacings_off(size, spacing_mm, axis, share):
    n = round(share * size[axis])  # from in place to just apart
    offset = tuple(n if other == axis else 0 for other in range(3))
    values = score(MaskPair(box_of(size), box_of(size, offset), spacing_mm))
    left = size[axis] - n
    assert values["dice"] == values["precision"] == values["recall"] == pytest.approx(left / size[axis])
    assert values["iou"] == pytest.approx(left / (size[axis] + n))
    assert values["hausdorff_mm"] == pytest.approx(n * spacing_mm[axis])
    assert values["volume_error_ml"] == 0.0


@thorough
@given(size=sizes, spacing_mm=spacings_mm, steps=st.tuples(*[st.integers(-7, 7)] * 3))
def test_a_box_shifted_askew_lies_the_length_of_its_way_off(size, spacing_mm, steps):
    values = score(MaskPair(box_of(size), box_of(size, steps), spacing_mm))
    assert values["hausdorff_mm"] == pytest.approx(np.linalg.norm(np.multiply(steps, spacing_mm)))


@pytest.mark.parametrize("n", range(5))
def test_a_plane_shifted_along_its_normal_lies_equally_far_off_everywhere(n):
    spacing_mm = (8.0, 1.5, 1.5)
    values = score(MaskPair(box_of((1, 9, 9)), box_of((1, 9, 9), (n, 0, 0)), spacing_mm))
    assert [values[key] for key in DISTANCES] == pytest.approx([8.0 * n] * 3)
    assert values["nsd_2mm"] == (1.0 if n == 0 else 0.0)


def test_farther_shifts_are_never_better():
    # But for boundary IoU: when the box has gone almost its own length, its rear rim meets the front rim of the other.
    values = [score(MaskPair(box_of((6, 9, 9)), box_of((6, 9, 9), (0, 0, n)), (8.0, 1.5, 1.5))) for n in range(8)]
    for metric in METRICS:
        course = [value[metric.key] for value in values]
        if metric.better != "zero" and metric.key != "boundary_iou":
            assert course == sorted(course, reverse=metric.better == "higher"), metric.key


@thorough
@given(size=sizes, spacing_mm=spacings_mm, n=st.integers(0, 5))
def test_a_box_grown_in_plane_finds_all_and_adds_its_rim(size, spacing_mm, n):
    values = score(MaskPair(box_of(size), box_of(size, grown=(0, n, n)), spacing_mm))
    slices, rows, columns = size
    before, after = slices * rows * columns, slices * (rows + 2 * n) * (columns + 2 * n)
    assert values["recall"] == 1.0
    assert values["precision"] == values["iou"] == pytest.approx(before / after)
    assert values["dice"] == pytest.approx(2 * before / (before + after))
    assert values["hausdorff_mm"] == pytest.approx(n * np.hypot(spacing_mm[1], spacing_mm[2]))  # corner to corner
    assert values["volume_error_ml"] == pytest.approx((after - before) * np.prod(spacing_mm) / 1000)


@thorough
@given(size=sizes, spacing_mm=spacings_mm, n=st.integers(0, 2))
def test_a_box_shrunk_in_plane_adds_nothing_and_loses_its_rim(size, spacing_mm, n):
    values = score(MaskPair(box_of(size), box_of(size, grown=(0, -n, -n)), spacing_mm))
    slices, rows, columns = size
    before, after = slices * rows * columns, slices * (rows - 2 * n) * (columns - 2 * n)
    assert values["precision"] == values["specificity"] == 1.0
    assert values["recall"] == values["iou"] == pytest.approx(after / before)
    assert values["volume_error_ml"] == pytest.approx((after - before) * np.prod(spacing_mm) / 1000)


@pytest.mark.parametrize("n", range(1, 5))
def test_growth_of_a_disk_moves_its_surface_by_as_many_pixels_within_half_a_diagonal(n):
    rows, columns = np.indices((61, 61)) - 30
    disk, grown = (np.hypot(rows, columns) <= radius for radius in (18, 18 + n))
    values = score(MaskPair(disk, grown, (1.5, 1.5)))
    for key in DISTANCES:
        assert values[key] == pytest.approx(1.5 * n, abs=1.5 / np.sqrt(2))


@thorough
@given(size=sizes, spacing_mm=spacings_mm, share=st.floats(0, 1))
def test_dropped_end_slices_lower_the_recall_by_their_share_and_nothing_is_wrong(size, spacing_mm, share):
    slices = size[0]
    dropped = round(share * (slices - 1))
    reference = box_of(size)
    prediction = reference.copy()
    prediction[MARGIN + slices - dropped :] = False
    values = score(MaskPair(reference, prediction, spacing_mm))
    assert values["recall"] == pytest.approx(1 - dropped / slices)
    assert values["precision"] == 1.0
    assert values["dice"] == pytest.approx(2 * (slices - dropped) / (2 * slices - dropped))
    assert values["boundary_iou"] == pytest.approx(1 - dropped / slices)  # in each slice that is left, the same band
    assert values["hausdorff_mm"] == pytest.approx(dropped * spacing_mm[0])
    lost_ml = dropped * size[1] * size[2] * np.prod(spacing_mm) / 1000
    assert values["volume_error_ml"] == pytest.approx(-lost_ml)


@thorough
@given(spacing_mm=spacings_mm, corner=st.tuples(*[st.booleans()] * 3))
def test_an_outlier_voxel_moves_the_hausdorff_distance_and_not_the_95th_percentile(spacing_mm, corner):
    size = (6, 9, 9)
    reference = box_of(size)
    prediction = reference.copy()
    place = tuple(-1 if far else 0 for far in corner)
    prediction[place] = True
    values = score(MaskPair(reference, prediction, spacing_mm))
    far_mm = np.linalg.norm(np.multiply(MARGIN, spacing_mm))  # from a corner of the grid to that of the box
    surface = 6 * 9 * 9 - 4 * 7 * 7
    assert values["hausdorff_mm"] == pytest.approx(far_mm)
    assert values["hd95_mm"] == 0.0
    assert values["assd_mm"] == pytest.approx(far_mm / (2 * surface + 1))
    assert values["nsd_2mm"] == pytest.approx(2 * surface / (2 * surface + 1))
    assert values["recall"] == 1.0


@thorough
@given(pair=pairs, factor=st.sampled_from((0.25, 0.5, 2.0, 3.0, 10.0)))
def test_scaling_the_spacing_scales_distances_and_volumes_and_no_shares(pair, factor):
    scaled = MaskPair(pair.reference, pair.prediction, tuple(factor * side for side in pair.spacing_mm))
    before, after = score(pair), score(scaled)
    for metric in METRICS:
        if metric.key == "nsd_2mm" or metric.key not in before:
            continue
        power = {"": 0, "mm": 1, "mL": 3}[metric.unit]
        assert after[metric.key] == pytest.approx(before[metric.key] * factor**power), metric.key
    assert scaled.distances.share_within(2.0 * factor) == pytest.approx(pair.distances.share_within(2.0))


@thorough
@given(pair=pairs)
def test_the_hausdorff_distance_is_the_largest_of_the_distances(pair):
    values = score(pair)
    assert values["hausdorff_mm"] >= values["hd95_mm"] - 1e-9
    assert values["hausdorff_mm"] >= values["assd_mm"] - 1e-9


@thorough
@given(pair=pairs)
def test_exchanging_the_masks_exchanges_precision_and_recall_and_turns_the_sign_of_the_volume_error(pair):
    there, back = score(pair), score(MaskPair(pair.prediction, pair.reference, pair.spacing_mm))
    assert [there[key] for key in SYMMETRIC] == pytest.approx([back[key] for key in SYMMETRIC])
    assert (there["precision"], there["recall"]) == (back["recall"], back["precision"])
    assert there.get("volume_error_ml", 0.0) == -back.get("volume_error_ml", 0.0)


@thorough
@given(pair=pairs)
def test_dice_and_iou_tell_the_same(pair):
    values = score(pair)
    assert values["dice"] == pytest.approx(2 * values["iou"] / (1 + values["iou"]))


@thorough
@given(pair=pairs, axis=st.integers(0, 2))
def test_mirroring_both_masks_changes_nothing(pair, axis):
    axis = min(axis, pair.dimensions - 1)
    mirrored = MaskPair(np.flip(pair.reference, axis), np.flip(pair.prediction, axis), pair.spacing_mm)
    assert score(mirrored) == pytest.approx(score(pair))


@thorough
@given(pair=pairs)
def test_exchanging_rows_and_columns_with_their_spacing_changes_nothing(pair):
    *slices_mm, rows_mm, columns_mm = pair.spacing_mm
    turned = MaskPair(
        pair.reference.swapaxes(-1, -2), pair.prediction.swapaxes(-1, -2), (*slices_mm, columns_mm, rows_mm)
    )
    assert score(turned) == pytest.approx(score(pair))


@thorough
@given(pair=pairs, width=st.integers(1, 4))
def test_a_wider_grid_changes_only_what_counts_background_or_an_empty_mask(pair, width):
    wider = MaskPair(np.pad(pair.reference, width), np.pad(pair.prediction, width), pair.spacing_mm)
    before, after = score(pair), score(wider)
    to_an_empty_mask = DISTANCES if pair.emptiness.value in ("missed", "spurious") else ()
    for key in before.keys() - {"specificity", "pixel_accuracy", *to_an_empty_mask}:
        assert after[key] == pytest.approx(before[key]), key
    assert after["pixel_accuracy"] >= before["pixel_accuracy"]
    assert all(after[key] > before[key] for key in to_an_empty_mask)


@thorough
@given(pair=pairs, tolerance_mm=st.floats(0, 20))
def test_a_larger_tolerance_never_lowers_the_surface_dice(pair, tolerance_mm):
    distances = surface_distances(pair.reference, pair.prediction, pair.spacing_mm)
    assert distances.share_within(tolerance_mm) <= distances.share_within(tolerance_mm + 1.0)
