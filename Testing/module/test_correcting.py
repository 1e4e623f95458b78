"""Correcting in the panel: points and boxes in the views, undo, locks, propagation; with the model that ships."""

import numpy as np
import pytest

from CardioSAMLib.labels import STORAGE, Structure

FRAME, SLICE = 0, 4


@pytest.fixture
def reading(drawn, scene):
    """The panel at a slice in the middle, with a slice view."""
    import slicer
    import vtk

    from CardioSAMLib.mrml.slice_views import show_stack

    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
    logic.SetMRMLScene(scene)
    slicer.app.applicationLogic().SetSliceLogics(vtk.vtkCollection())
    slicer.app.applicationLogic().GetSliceLogics().AddItem(logic)
    logic.AddSliceNode("Red")
    show_stack(drawn.volume)
    drawn.widget.exit()
    drawn.widget.enter()
    drawn.widget.desk.opened.go_to(FRAME, SLICE)
    drawn.wait()
    return drawn


def labels(panel, frame=FRAME, slice_number=SLICE):
    return panel.widget.desk.opened.segmentation.labels[frame, slice_number]


def value_at(panel, pixel):
    value = int(labels(panel)[pixel])
    return STORAGE.structures[value] if value else None


def outside_of(panel, structure, distance_px=3):
    """A pixel so far to the right of a structure, beside the middle of its right edge."""
    rows, columns = np.nonzero(labels(panel) == STORAGE.value_of(structure))
    column = int(columns.max())
    row = int(np.median(rows[columns == column]))
    return row, column + distance_px


def click(panel, pixel, slice_number=SLICE):
    """A click of the user at the center of a pixel: a point at its RAS position in the list that takes points now."""
    from CardioSAMLib.mrml.geometry import ras_position
    from CardioSAMLib.mrml.placing import placed_node

    placed_node().AddControlPointWorld(*ras_position(panel.volume, (slice_number, *pixel)))


def test_a_point_added_to_a_structure_makes_it_reach_there(reading):
    pixel = outside_of(reading, Structure.MYO)
    assert value_at(reading, pixel) is not Structure.MYO
    reading.ui.myoButton.click()
    reading.ui.positiveButton.click()
    click(reading, pixel)
    reading.wait()
    assert value_at(reading, pixel) is Structure.MYO
    assert "corrected" in reading.ui.sliceLabel.text


def test_only_the_slice_of_the_point_changes(reading):
    before = reading.widget.desk.opened.segmentation.labels.copy()
    reading.ui.positiveButton.click()
    click(reading, outside_of(reading, Structure.LV, 1))
    reading.wait()
    changed = np.argwhere((reading.widget.desk.opened.segmentation.labels != before).any(axis=(2, 3)))
    assert changed.tolist() == [[FRAME, SLICE]]


def test_a_negative_point_takes_its_place_away(reading):
    rows, columns = np.nonzero(labels(reading) == STORAGE.value_of(Structure.RV))
    edge = int(columns.argmin())
    pixel = int(rows[edge]), int(columns[edge])
    reading.ui.rvButton.click()
    reading.ui.negativeButton.click()
    click(reading, pixel)
    reading.wait()
    assert value_at(reading, pixel) is not Structure.RV


def test_undo_takes_back_contour_and_point_and_redo_brings_both(reading, scene):
    before = labels(reading).copy()
    reading.ui.positiveButton.click()
    click(reading, outside_of(reading, Structure.LV, 2))
    reading.wait()
    after = labels(reading).copy()
    assert (after != before).any()
    reading.ui.undoButton.click()
    reading.wait()
    points = scene.GetFirstNodeByName("LV +")
    np.testing.assert_array_equal(labels(reading), before)
    assert points.GetNumberOfControlPoints() == 0
    reading.ui.redoButton.click()
    reading.wait()
    np.testing.assert_array_equal(labels(reading), after)
    assert points.GetNumberOfControlPoints() == 1


def test_of_two_quick_clicks_one_answer_is_taken_and_it_is_that_of_both(reading):
    taken = []
    session = reading.widget.desk.opened
    take = session.take_correction
    session.take_correction = lambda result: (taken.append(result), take(result))
    reading.ui.positiveButton.click()
    first, second = outside_of(reading, Structure.LV, 1), (48, 48)
    click(reading, first)
    reading.widget.desk.poll()  # the first is being answered
    click(reading, second)
    reading.wait()
    assert len(taken) == 1
    assert len(taken[0].prompts.structures[0].points) == 2


def test_the_buttons_show_what_a_click_places_and_for_which_structure(reading):
    from CardioSAMLib.mrml.placing import placed_node

    reading.ui.negativeButton.click()
    assert reading.ui.negativeButton.checked
    assert placed_node().GetName() == "LV -"
    reading.ui.rvButton.click()
    assert placed_node().GetName() == "RV -"
    reading.ui.boxButton.click()
    assert not reading.ui.negativeButton.checked
    assert placed_node().GetName() == "RV box"
    reading.ui.boxButton.click()
    assert placed_node() is None
    assert not reading.ui.boxButton.checked


def test_a_box_that_is_given_up_leaves_nothing_in_the_scene(reading, scene):
    for give_up in (reading.ui.boxButton.click, reading.ui.positiveButton.click, reading.widget.exit):
        reading.ui.boxButton.click()
        assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode") == 1
        give_up()
        reading.wait()
        assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode") == 0


def test_a_negative_point_where_nothing_is_drawn_is_explained(reading):
    before = labels(reading).copy()
    reading.widget.desk.opened.go_to(FRAME, 0)
    nothing_there = not (labels(reading, FRAME, 0) == STORAGE.value_of(Structure.LV)).any()
    assert nothing_there
    reading.ui.negativeButton.click()
    click(reading, (48, 48), slice_number=0)
    reading.wait()
    assert reading.ui.messageLabel.text.startswith("Nothing is drawn there that could be taken away")
    np.testing.assert_array_equal(labels(reading), before)
    assert not reading.app.errors


def test_a_point_corrects_the_frame_in_which_it_was_clicked(reading):
    pixel = outside_of(reading, Structure.MYO)
    before = labels(reading, 2).copy()
    reading.ui.myoButton.click()
    reading.ui.positiveButton.click()
    click(reading, pixel)
    reading.ui.nextButton.click()  # before the panel has answered
    reading.ui.nextButton.click()
    reading.wait()
    assert value_at(reading, pixel) is Structure.MYO
    np.testing.assert_array_equal(labels(reading, 2), before)


def test_undo_of_a_locked_slice_is_refused_in_a_sentence(reading):
    reading.ui.positiveButton.click()
    click(reading, outside_of(reading, Structure.LV, 1))
    reading.wait()
    after = labels(reading).copy()
    reading.ui.lockButton.click()
    reading.ui.undoButton.click()
    assert reading.ui.messageLabel.text == f"Slice {SLICE} of frame {FRAME} is locked; unlock it to undo the last step."
    np.testing.assert_array_equal(labels(reading), after)


def test_undo_after_accepting_takes_the_mark_back(reading):
    reading.ui.acceptButton.click()
    assert "corrected" in reading.ui.sliceLabel.text
    reading.ui.undoButton.click()
    reading.wait()
    assert "as drawn" in reading.ui.sliceLabel.text
    assert reading.widget.desk.has_contours


def test_a_frozen_structure_is_not_taken_from(reading):
    reading.ui.freezeButton.click()
    cavity = labels(reading) == STORAGE.value_of(Structure.LV)
    row, column = np.argwhere(cavity)[0]
    reading.ui.myoButton.click()
    reading.ui.positiveButton.click()
    click(reading, (int(row), int(column)))
    reading.wait()
    np.testing.assert_array_equal(labels(reading) == STORAGE.value_of(Structure.LV), cavity)
    reading.ui.lvButton.click()
    assert reading.ui.freezeButton.checked


def test_a_locked_slice_refuses_points_in_a_sentence(reading):
    before = labels(reading).copy()
    reading.ui.lockButton.click()
    assert "locked" in reading.ui.sliceLabel.text
    reading.ui.positiveButton.click()
    click(reading, outside_of(reading, Structure.LV, 2))
    reading.wait()
    assert reading.ui.messageLabel.text == f"Slice {SLICE} of frame {FRAME} is locked; unlock it to correct it."
    np.testing.assert_array_equal(labels(reading), before)


def test_a_point_beside_the_image_is_refused_and_removed(reading, scene):
    reading.ui.positiveButton.click()
    click(reading, (500, 500))
    reading.wait()
    assert "lies outside of the image" in reading.ui.messageLabel.text
    assert scene.GetFirstNodeByName("LV +").GetNumberOfControlPoints() == 0


def test_an_accepted_slice_is_propagated_over_all_frames_and_stays(reading):
    before = reading.widget.desk.opened.segmentation.labels.copy()
    reading.ui.acceptButton.click()
    reading.ui.propagateButton.click()
    reading.wait(seconds=60.0)
    after = reading.widget.desk.opened.segmentation.labels
    assert reading.ui.messageLabel.text.startswith("Done")
    np.testing.assert_array_equal(after[FRAME], before[FRAME])
    others = np.arange(before.shape[1]) != SLICE
    np.testing.assert_array_equal(after[:, others], before[:, others])
    assert (after[1:, SLICE] != before[1:, SLICE]).any()


def test_points_are_cleared_and_the_contour_stays(reading, scene):
    reading.ui.positiveButton.click()
    click(reading, outside_of(reading, Structure.LV, 1))
    reading.wait()
    after = labels(reading).copy()
    reading.ui.clearButton.click()
    reading.wait()
    assert scene.GetFirstNodeByName("LV +").GetNumberOfControlPoints() == 0
    np.testing.assert_array_equal(labels(reading), after)
