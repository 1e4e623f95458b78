"""Which slices of a bad case are shown, and that both contours are in the picture."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from CardioSAMLib.cine import Geometry
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation.scoring import LabeledStudy
from CardioSAMLib.evaluation_run.pictures import Difference, case_picture, largest_differences
from CardioSAMLib.labels import STORAGE, Structure

SHAPE = (6, 64, 64)
IMAGES = {phase: np.random.default_rng(0).normal(100.0, 5.0, SHAPE) for phase in Phase}


def square(rows: slice) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, rows, 20:40] = STORAGE.value_of(Structure.LV)
    return labels


@pytest.fixture
def study():
    """Predictions that are right but in slice 4 at ES (two rows too many) and slice 1 at ED (one row too few)."""
    reference = {phase: square(slice(20, 40)) for phase in Phase}
    predicted = {phase: labels.copy() for phase, labels in reference.items()}
    predicted[Phase.ES][4, 40:42, 20:40] = STORAGE.value_of(Structure.LV)
    predicted[Phase.ED][1, 20, 20:40] = 0
    return LabeledStudy("patient001", "NOR", predicted, reference, Geometry((1.5, 2.0, 10.0)))


def test_the_slices_with_the_largest_area_of_other_labels_come_first(study):
    # 40 and 20 pixels of 3 mm².
    assert largest_differences(study) == (Difference(Phase.ES, 4, 120.0), Difference(Phase.ED, 1, 60.0))


def test_no_more_slices_are_chosen_than_asked_for(study):
    assert largest_differences(study, 1) == (Difference(Phase.ES, 4, 120.0),)


def test_a_wrong_label_counts_where_both_have_one(study):
    wrong = {phase: labels.copy() for phase, labels in study.reference.items()}
    wrong[Phase.ED][0][wrong[Phase.ED][0] > 0] = STORAGE.value_of(Structure.RV)
    assert largest_differences(replace(study, predicted=wrong)) == (Difference(Phase.ED, 0, 400 * 3.0),)


def test_a_perfect_prediction_has_no_picture(study):
    assert case_picture(IMAGES, replace(study, predicted=study.reference)) is None


def test_the_predicted_line_lies_in_the_color_of_its_structure(study):
    picture = imread(io.BytesIO(case_picture(IMAGES, study)))[..., :3] * 255.0
    is_lv = np.abs(picture - np.array(Structure.LV.color_rgb)).max(axis=-1) < 12
    is_myo = np.abs(picture - np.array(Structure.MYO.color_rgb)).max(axis=-1) < 12
    below_legend = slice(picture.shape[0] // 4, None)
    assert is_lv[below_legend].sum() > 500
    assert is_myo[below_legend].sum() == 0


def test_a_structure_that_was_missed_is_still_drawn_from_the_reference(study):
    missed = {phase: np.zeros(SHAPE, np.uint8) for phase in Phase}
    picture = imread(io.BytesIO(case_picture(IMAGES, replace(study, predicted=missed))))[..., :3]
    # White dashes on gray noise; the page around the pictures is white as well, so only their middle is looked at.
    height, width = picture.shape[:2]
    middle = picture[height // 3 : -10, width // 16 : width // 4 - width // 16]
    colored = np.ptp(middle, axis=-1) > 0.2
    assert colored.sum() > 100
