"""Claims about scoring a study: values from geometry on the native grid."""

import numpy as np
import pytest

from CardioSAMLib.cine import Geometry
from CardioSAMLib.evaluation.scores import Emptiness, Phase, Region
from CardioSAMLib.evaluation.scoring import LabeledStudy, score_slices, score_volumes
from CardioSAMLib.labels import STORAGE, Structure

LV, MYO, RV = (STORAGE.value_of(structure) for structure in (Structure.LV, Structure.MYO, Structure.RV))
GEOMETRY = Geometry((2.0, 3.0, 10.0))


def heart(rows=10):
    """Three slices: a block of LV, so many rows by 10 columns, one of wall and one of RV; the first slice is larger."""
    labels = np.zeros((3, 40, 40), np.uint8)
    labels[:, 5 : 5 + rows, 5:15] = LV
    labels[:, 5:15, 15:20] = MYO
    labels[:, 5:15, 22:30] = RV
    labels[0, 30:35, 22:30] = RV
    return labels


def study(predicted, reference):
    return LabeledStudy("a", "NOR", {Phase.ED: predicted}, {Phase.ED: reference, Phase.ES: reference}, GEOMETRY)


def score_of(scores, structure, **conditions):
    (found,) = [
        score
        for score in scores
        if score.structure is structure and all(getattr(score, name) == value for name, value in conditions.items())
    ]
    return found


def test_equal_labels_score_perfectly_in_volumes_and_slices():
    for score in (*score_volumes(study(heart(), heart())), *score_slices(study(heart(), heart()))):
        assert score.values["dice"] == 1.0
        assert score.values["hd95_mm"] == 0.0


def test_the_volume_error_is_in_ml_of_the_native_grid():
    """Two rows of 10 columns in 3 slices more, of 2 x 3 x 10 mm each: 60 voxels of 0.06 mL."""
    found = score_of(score_volumes(study(heart(rows=12), heart())), Structure.LV)
    assert found.values["volume_error_ml"] == pytest.approx(3.6)
    assert found.values["dice"] == pytest.approx(2 * 300 / (360 + 300))
    assert found.values["hausdorff_mm"] == pytest.approx(4.0)  # 2 rows of 2 mm


def test_slices_are_scored_in_the_plane():
    predicted = heart()
    predicted[1][predicted[1] == RV] = 0
    scores = score_slices(study(predicted, heart()))
    missed = score_of(scores, Structure.RV, slice_number=1)
    assert missed.emptiness is Emptiness.MISSED
    assert missed.values["dice"] == 0.0
    # The diagonal of a slice of 40 x 40 pixels of 2 x 3 mm.
    assert missed.values["hd95_mm"] == pytest.approx(np.hypot(40 * 2.0, 40 * 3.0), rel=0.03)
    assert "volume_error_ml" not in missed.values
    assert score_of(scores, Structure.RV, slice_number=2).values["dice"] == 1.0


def test_the_region_of_a_slice_is_that_of_the_reference():
    scores = score_slices(study(np.zeros_like(heart()), heart()))
    assert [score.region for score in scores if score.structure is Structure.LV] == [
        Region.BASE,
        Region.MID,
        Region.APEX,
    ]


def test_a_phase_without_prediction_is_not_scored():
    assert {score.phase for score in score_volumes(study(heart(), heart()))} == {Phase.ED}
