from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry, UnusableInput
from CardioSAMLib.contour_comparison import compare_contours
from CardioSAMLib.evaluation.scores import Emptiness
from CardioSAMLib.function import MeasureOptions
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure


def segmentation(*lv_columns, shift=0, frames=None):
    """LV of 10 rows and so many columns in each of 2 slices, one number per frame; voxels of 1 mL."""
    labels = np.zeros((len(lv_columns), 2, 20, 40), np.uint8)
    for frame, columns in enumerate(lv_columns):
        labels[frame, :, 5:15, 5 + shift : 5 + shift + columns] = STORAGE.value_of(Structure.LV)
    return CineSegmentation(labels, frames or tuple(range(len(lv_columns))), Provenance("expert"))


@pytest.fixture
def cine():
    pixels = np.arange(3 * 2 * 20 * 40, dtype=np.int32).reshape(3, 2, 20, 40)
    return Cine(pixels, Geometry((10.0, 10.0, 10.0)))


def by_place(comparison):
    return {(score.frame, score.structure): score for score in comparison.scores}


def differences(comparison):
    return {row.key: row for row in comparison.differences}


def test_contours_shifted_by_two_columns_overlap_in_eight_of_ten(cine):
    comparison = compare_contours(cine, segmentation(10, 5, 8), segmentation(10, 5, 8, shift=2))
    score = by_place(comparison)[(0, Structure.LV)]
    assert score.values["dice"] == pytest.approx(0.8)
    assert score.values["hd95_mm"] == pytest.approx(20.0)
    assert 0.0 < score.values["assd_mm"] < 20.0
    assert differences(comparison)["lv_ef_percent"].difference == pytest.approx(0.0)


def test_the_difference_is_that_of_the_other_minus_the_first(cine):
    comparison = differences(compare_contours(cine, segmentation(10, 5, 8), segmentation(10, 6, 8)))
    row = comparison["lv_ef_percent"]
    assert (row.first, row.other) == (pytest.approx(50.0), pytest.approx(40.0))
    assert row.difference == pytest.approx(-10.0)
    assert row.difference_unit == "points"
    assert comparison["rv_ef_percent"].difference is None


def test_both_are_measured_at_the_frames_of_the_first(cine):
    """The other is smallest in frame 2; its end-systole is that of the first all the same, frame 1."""
    rows = differences(compare_contours(cine, segmentation(10, 5, 8), segmentation(10, 6, 4)))
    assert rows["lv_esv_ml"].other == pytest.approx(120.0)


def test_frames_that_the_other_lacks_are_not_scored_and_its_own_frames_count(cine):
    other = replace(segmentation(10, 0, 6), segmented_frames=(0, 2))
    comparison = compare_contours(cine, segmentation(10, 5, 8), other)
    assert {score.frame for score in comparison.scores} == {0, 2}
    assert differences(comparison)["lv_esv_ml"].other == pytest.approx(120.0)


def test_what_neither_drew_has_no_scores_and_what_one_missed_has_the_worst(cine):
    comparison = by_place(compare_contours(cine, segmentation(10, 5, 8), segmentation(10, 0, 8)))
    assert comparison[(0, Structure.RV)].emptiness is Emptiness.BOTH
    assert comparison[(0, Structure.RV)].values == {}
    missed = comparison[(1, Structure.LV)]
    assert missed.emptiness is Emptiness.MISSED
    assert missed.values["dice"] == 0.0


def test_an_excluded_slice_counts_in_neither_measurement(cine):
    options = MeasureOptions(excluded=frozenset({(0, 1)}))
    rows = differences(compare_contours(cine, segmentation(10, 5, 8), segmentation(10, 5, 8), options))
    assert (rows["lv_edv_ml"].first, rows["lv_edv_ml"].other) == (pytest.approx(100.0), pytest.approx(100.0))


def test_segmentations_without_a_common_frame_cannot_be_compared(cine):
    first = replace(segmentation(10, 0, 0), segmented_frames=(0,))
    other = replace(segmentation(0, 5, 0), segmented_frames=(1,))
    with pytest.raises(UnusableInput, match="no frame in common; segment the same frames"):
        compare_contours(cine, first, other)


def test_a_segmentation_of_another_cine_cannot_be_compared(cine):
    with pytest.raises(UnusableInput, match="give the segmentation that was made on this cine"):
        compare_contours(cine, segmentation(10, 5), segmentation(10, 5))
