"""Claims about a pair of masks: what it refuses and what it knows."""

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.scores import Emptiness

NOTHING, SOMETHING = np.zeros((2, 3, 3), bool), np.ones((2, 3, 3), bool)
SPACING_MM = (10.0, 1.5, 1.5)


@pytest.mark.parametrize(
    ("reference", "prediction", "emptiness"),
    [
        (SOMETHING, SOMETHING, Emptiness.NEITHER),
        (NOTHING, NOTHING, Emptiness.BOTH),
        (SOMETHING, NOTHING, Emptiness.MISSED),
        (NOTHING, SOMETHING, Emptiness.SPURIOUS),
    ],
)
def test_emptiness_says_which_mask_has_nothing_in_it(reference, prediction, emptiness):
    assert MaskPair(reference, prediction, SPACING_MM).emptiness is emptiness


@pytest.mark.parametrize(
    ("reference", "prediction", "spacing_mm", "message"),
    [
        (SOMETHING, SOMETHING[:, :2], SPACING_MM, "one grid"),
        (SOMETHING, SOMETHING, (1.5, 1.5), "one positive spacing for each axis"),
        (SOMETHING, SOMETHING, (10.0, 0.0, 1.5), "one positive spacing for each axis"),
        (SOMETHING, SOMETHING, (10.0, float("nan"), 1.5), "one positive spacing for each axis"),
        (SOMETHING, SOMETHING.astype(np.uint8) * 3, SPACING_MM, "type uint8"),
        (SOMETHING[None], SOMETHING[None], (1.0, *SPACING_MM), "cannot be scored"),
        (SOMETHING[:0], SOMETHING[:0], SPACING_MM, "none of them 0"),
    ],
)
def test_masks_that_do_not_fit_are_refused_in_a_plain_sentence(reference, prediction, spacing_mm, message):
    with pytest.raises(UnusableInput, match=message):
        MaskPair(reference, prediction, spacing_mm)


def test_the_shared_work_is_done_once():
    pair = MaskPair(SOMETHING, SOMETHING, SPACING_MM)
    assert pair.distances is pair.distances
    assert pair.overlap is pair.overlap
