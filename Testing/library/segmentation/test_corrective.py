"""Claims about corrective clicks on drawn errors."""

import numpy as np
import pytest

from CardioSAMLib.labels import Structure
from CardioSAMLib.prompts import PointPrompt, StructurePrompts
from CardioSAMLib.segmentation.corrective import corrections, corrective_click


def box(*sides, shape=(40, 40)):
    mask = np.zeros(shape, bool)
    first_row, first_column, last_row, last_column = sides
    mask[first_row : last_row + 1, first_column : last_column + 1] = True
    return mask


NOTHING = np.zeros((40, 40), bool)


def test_a_missed_square_is_clicked_in_its_middle():
    click = corrective_click(box(10, 20, 16, 26), NOTHING)
    assert click.point == PointPrompt(13, 23, True)
    assert click.error_px == 49


def test_what_is_too_much_gets_a_negative_click_in_its_middle():
    click = corrective_click(box(10, 10, 16, 16), box(10, 10, 16, 16) | box(30, 30, 34, 34))
    assert click.point == PointPrompt(32, 32, False)


def test_the_largest_error_comes_first_whatever_its_kind():
    reference = box(2, 2, 6, 6) | box(20, 20, 30, 30)
    predicted = box(20, 20, 30, 30) | box(35, 2, 39, 10)
    assert corrective_click(reference, predicted).point == PointPrompt(37, 4, False)  # 45 pixels against 25


def test_errors_that_touch_but_are_of_two_kinds_are_two_errors():
    """A square drawn a column too far right: 7 pixels missed on the left, 7 too much on the right."""
    click = corrective_click(box(10, 10, 16, 19), box(10, 11, 16, 20))
    assert click.point.positive
    assert click.error_px == 7


def test_the_border_of_the_image_is_an_edge_of_an_error():
    assert corrective_click(np.ones((9, 9), bool), np.zeros((9, 9), bool)).point.pixel == (4, 4)


def test_pixels_that_meet_at_a_corner_are_not_connected():
    assert corrective_click(box(2, 2, 4, 4) | box(5, 5, 6, 6), NOTHING).error_px == 9


def test_a_right_contour_needs_no_click():
    assert corrective_click(box(3, 3, 9, 9), box(3, 3, 9, 9)) is None


def test_a_pixel_is_not_clicked_twice():
    reference = box(10, 10, 12, 12) | box(20, 20, 20, 20)
    assert corrective_click(reference, NOTHING, [(11, 11)]).point.pixel == (10, 10)
    clicked = [tuple(pixel) for pixel in np.argwhere(box(10, 10, 12, 12))]
    assert corrective_click(reference, NOTHING, clicked).point.pixel == (20, 20)
    assert corrective_click(reference, NOTHING, [*clicked, (20, 20)]) is None


def paint(prompts):
    """A model that fills a 5 x 5 square around each positive point and takes it away around each negative one."""
    mask = NOTHING.copy()
    for point in prompts.points:
        row, column = point.pixel
        mask[row - 2 : row + 3, column - 2 : column + 3] = point.positive
    return mask


START = StructurePrompts(Structure.LV, (PointPrompt(5, 5, True),))


def test_clicks_lead_a_willing_model_to_the_reference():
    reference = box(3, 3, 7, 7) | box(20, 20, 24, 24) | box(30, 10, 34, 14)
    steps = list(corrections(paint, reference, START))
    assert [step.clicks for step in steps] == [0, 1, 2]
    assert [np.count_nonzero(step.mask ^ reference) for step in steps] == [50, 25, 0]
    assert [point.pixel for point in steps[-1].prompts.points] == [(5, 5), (22, 22), (32, 12)]


def test_a_model_that_does_not_listen_is_clicked_ten_times_at_ten_places():
    steps = list(corrections(lambda _: NOTHING, box(10, 10, 20, 20), START))
    assert len(steps) == 11
    assert len({point.pixel for point in steps[-1].prompts.points}) == 11


def test_a_caller_who_is_content_asks_the_model_no_more():
    asked = []
    for step in corrections(lambda prompts: asked.append(prompts) or NOTHING, box(10, 10, 20, 20), START):
        if step.clicks == 2:
            break
    assert len(asked) == 3


@pytest.mark.parametrize("seed", range(20))
def test_a_click_agrees_with_the_reference_and_not_with_the_prediction(seed):
    random = np.random.default_rng(seed)
    reference, predicted = random.random((2, 25, 25)) < 0.5
    click = corrective_click(reference, predicted)
    assert reference[click.point.pixel] == click.point.positive != predicted[click.point.pixel]
