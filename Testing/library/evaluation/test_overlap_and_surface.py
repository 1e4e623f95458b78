"""Claims about Dice and HD95, with values worked out by hand."""

import numpy as np
import pytest

from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation.surface import hd95_mm


def box(start, stop, shape=(10, 20, 20)):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    return mask


def test_half_shifted_boxes_share_half():
    assert dice(box((0, 0, 0), (4, 4, 4)), box((0, 0, 2), (4, 4, 6))) == pytest.approx(0.5)


def test_two_empty_masks_agree_and_a_missed_one_does_not():
    empty, full = np.zeros((2, 3, 3), bool), np.ones((2, 3, 3), bool)
    assert dice(empty, empty) == 1.0
    assert dice(empty, full) == 0.0
    assert hd95_mm(empty, empty, (1.0, 1.0, 1.0)) == 0.0
    assert hd95_mm(empty, full, (10.0, 2.0, 2.0)) == pytest.approx(np.sqrt(20.0**2 + 6.0**2 + 6.0**2))


def test_planes_three_rows_apart_lie_three_row_spacings_apart():
    a, b = box((2, 0, 0), (3, 20, 20)), box((5, 0, 0), (6, 20, 20))
    assert hd95_mm(a, b, (10.0, 1.0, 1.0)) == pytest.approx(30.0)
    assert hd95_mm(b, a, (2.5, 1.0, 1.0)) == pytest.approx(7.5)


def test_one_outlier_voxel_does_not_move_the_95th_percentile():
    a = box((0, 0, 0), (8, 12, 12))
    b = a.copy()
    b[9, 19, 19] = True
    assert hd95_mm(a, b, (1.0, 1.0, 1.0)) == 0.0


def test_masks_of_two_grids_are_an_error():
    with pytest.raises(ValueError, match="one grid"):
        dice(np.ones((2, 2), bool), np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="one grid"):
        hd95_mm(np.ones((2, 2), bool), np.ones((2, 2), bool), (1.0, 1.0, 1.0))
