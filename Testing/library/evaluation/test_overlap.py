"""Claims about counting voxels, with values worked out by hand."""

import numpy as np
import pytest

from CardioSAMLib.evaluation.overlap import dice, overlap_of

NOTHING, EVERYTHING = np.zeros((2, 3, 3), bool), np.ones((2, 3, 3), bool)
SHARES = ("dice", "iou", "precision", "recall", "specificity", "pixel_accuracy")


def shares_of(reference, prediction):
    overlap = overlap_of(reference, prediction)
    return {name: getattr(overlap, name) for name in SHARES}


def test_half_shifted_boxes_share_half(box):
    assert dice(box((0, 0, 0), (4, 4, 4)), box((0, 0, 2), (4, 4, 6))) == pytest.approx(0.5)


def test_shares_follow_from_the_counts_of_a_row_of_ten():
    reference, prediction = np.zeros((1, 10), bool), np.zeros((1, 10), bool)
    reference[0, :4] = True
    prediction[0, 2:8] = True  # 2 shared, 4 wrong, 2 missed, 2 free in both
    expected = {"dice": 4 / 10, "iou": 2 / 8, "precision": 2 / 6, "recall": 2 / 4, "specificity": 2 / 6}
    assert shares_of(reference, prediction) == pytest.approx({**expected, "pixel_accuracy": 4 / 10})


def test_two_empty_masks_agree_in_everything():
    assert shares_of(NOTHING, NOTHING) == dict.fromkeys(SHARES, 1.0)


def test_a_missed_structure_scores_nothing_but_leaves_the_background_free():
    expected = {
        "dice": 0.0,
        "iou": 0.0,
        "precision": 0.0,
        "recall": 0.0,
        "specificity": 1.0,
        "pixel_accuracy": 1 - 1 / 18,
    }
    reference = NOTHING.copy()
    reference[1, 1, 1] = True
    assert shares_of(reference, NOTHING) == pytest.approx(expected)


def test_a_spurious_structure_scores_nothing():
    expected = {"dice": 0.0, "iou": 0.0, "precision": 0.0, "recall": 0.0, "specificity": 0.0, "pixel_accuracy": 0.0}
    assert shares_of(NOTHING, EVERYTHING) == expected


def test_a_reference_that_fills_the_grid_leaves_no_background_to_be_wrong_about():
    assert shares_of(EVERYTHING, EVERYTHING) == dict.fromkeys(SHARES, 1.0)
    assert overlap_of(EVERYTHING, NOTHING).specificity == 1.0


def test_masks_of_two_grids_are_an_error():
    with pytest.raises(ValueError, match="one grid"):
        dice(np.ones((2, 2), bool), np.ones((2, 3), bool))
