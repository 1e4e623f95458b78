"""Claims about boxes that stand in for a prompt."""

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry
from CardioSAMLib.evaluation.protocols.prompting import (
    NO_JITTER,
    BoxJitter,
    box_jitter_table,
    jittered,
    prompt_source_table,
    segment_with_boxes,
)
from CardioSAMLib.labels import Structure
from CardioSAMLib.prompts import BoxPrompt

BOX = BoxPrompt(40.0, 30.0, 60.0, 70.0)
SHAPE = (128, 128)


def test_without_jitter_nothing_moves():
    assert jittered({0: BOX}, NO_JITTER, "patient001", SHAPE) == {0: BOX}


def test_each_side_moves_at_most_by_the_jitter_inward_as_well_as_outward():
    moved = [jittered({0: BOX}, BoxJitter(10.0), f"p{number}", SHAPE)[0] for number in range(400)]
    for name, inward in (("first_row_px", 1), ("last_row_px", -1), ("first_column_px", 1), ("last_column_px", -1)):
        steps = np.array([inward * (getattr(box, name) - getattr(BOX, name)) for box in moved])
        assert np.abs(steps).max() <= 10.0
        # Uniform on -10..10: mean 0, SD 10 / sqrt(3) = 5.8; 400 draws put the mean within 4 SE = 1.2.
        assert abs(steps.mean()) < 1.2
        assert steps.std() == pytest.approx(10.0 / 3**0.5, rel=0.1)


def test_a_patients_boxes_do_not_depend_on_who_else_is_scored():
    assert jittered({0: BOX}, BoxJitter(5.0), "a", SHAPE) == jittered({0: BOX}, BoxJitter(5.0), "a", SHAPE)
    assert jittered({0: BOX}, BoxJitter(5.0), "a", SHAPE) != jittered({0: BOX}, BoxJitter(5.0), "b", SHAPE)
    assert jittered({0: BOX}, BoxJitter(5.0, 1), "a", SHAPE) != jittered({0: BOX}, BoxJitter(5.0, 2), "a", SHAPE)


def test_a_jittered_box_stays_in_order_and_on_the_image():
    small = BoxPrompt(0.0, 126.0, 1.0, 127.0)
    for number in range(50):
        box = jittered({0: small}, BoxJitter(20.0), f"p{number}", SHAPE)[0]
        assert 0.0 <= box.first_row_px < box.last_row_px <= 127.0
        assert 0.0 <= box.first_column_px < box.last_column_px <= 127.0


def test_any_model_that_takes_boxes_can_be_plugged_in():
    """Here one that fills the box it is given for each structure, frame and slice."""
    cine = Cine(np.arange(2 * 3 * 16 * 16).reshape(2, 3, 16, 16), Geometry((1.0, 1.0, 8.0)))
    mask, nothing = np.zeros((16, 16), bool), np.zeros((16, 16), bool)
    mask[4:7, 5:10] = True
    masks = {(Structure.LV, 1, 2): mask, (Structure.LV, 0, 0): nothing}

    def fill(cine, boxes):
        labels = np.zeros(cine.pixels.shape, np.uint8)
        for (_, frame, number), box in boxes.items():
            rows, columns = (
                (int(box.first_row_px), int(box.last_row_px) + 1),
                (int(box.first_column_px), int(box.last_column_px) + 1),
            )
            labels[frame, number, slice(*rows), slice(*columns)] = 3
        return labels

    labels = segment_with_boxes(cine, masks, fill, NO_JITTER, "a")
    np.testing.assert_array_equal(labels[1, 2] == 3, mask)
    assert np.count_nonzero(labels) == mask.sum()


def test_both_prompt_sources_stand_side_by_side_over_the_same_patients(make_result):
    automatic, reference = make_result(6, quality=0.8), make_result(4, quality=0.9, seed=2)
    table = prompt_source_table(automatic.patients, reference.patients)
    dice = dict(zip(table.columns, table.rows[0], strict=True))
    assert dice["patients"] == 4
    assert dice["automatic box, mean"] == pytest.approx(0.8, abs=0.03)
    assert dice["reference box, mean"] == pytest.approx(0.9, abs=0.03)
    assert "must not be ranked" in table.note


def test_the_jitter_curve_has_a_row_per_jitter_from_small_to_large(make_result):
    by_pixels = {20.0: make_result(3, quality=0.7).patients, 0.0: make_result(3, quality=0.9).patients}
    table = box_jitter_table(by_pixels, seed=7)
    assert [row[0] for row in table.rows] == ["0", "20"]
    assert table.rows[0][2] > table.rows[1][2]
    assert "seed 7" in table.note
