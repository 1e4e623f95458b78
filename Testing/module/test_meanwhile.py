"""What happens while the panel is open: other studies, deleted nodes, a scene that is loaded, clicks during work."""

import threading

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure

MEASUREMENT, LV = 0, 1


class Waiting:
    """Another segmenter, which goes on when it may."""

    def __init__(self, segmenter):
        self._segmenter, self.gate = segmenter, threading.Event()

    def segment(self, cine, frames, progress):
        assert self.gate.wait(20.0)
        return self._segmenter.segment(cine, frames, progress)


def shown(table):
    return [[table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)]


def other_cine(phantom):
    from CardioSAMLib.mrml.cines import cine_nodes

    return cine_nodes(phantom.cine, "Other").volume


def second_reader(panel, phantom):
    from CardioSAMLib.mrml.segmentations import segmentation_nodes

    return segmentation_nodes(panel.volume, phantom.segmentation, "Second reader").segmentation


def place_point(panel, pixel, slice_number):
    from CardioSAMLib.mrml.geometry import ras_position
    from CardioSAMLib.mrml.placing import placed_node

    placed_node().AddControlPointWorld(*ras_position(panel.volume, (slice_number, *pixel)))


def test_a_click_during_a_segmentation_is_answered_on_the_new_contours_afterwards(
    opened, phantom, draw_with, make_painter
):
    waiting = draw_with(Waiting(make_painter(phantom)))
    opened.ui.segmentButton.click()
    opened.ui.myoButton.click()
    opened.ui.positiveButton.click()
    wall = phantom.segmentation.labels[0, 4] == STORAGE.value_of(Structure.MYO)
    rows, columns = np.nonzero(wall)
    pixel = int(np.median(rows[columns == columns.max()])), int(columns.max()) + 2
    place_point(opened, pixel, 4)
    for _ in range(5):
        opened.widget.onPoll()
    assert not opened.widget.desk.has_contours  # not answered before there is anything to correct
    waiting.gate.set()
    opened.wait()
    labels = opened.widget.desk.opened.segmentation.labels
    assert labels[0, 4][pixel] == STORAGE.value_of(Structure.MYO)
    assert np.array_equal(labels[1:], phantom.segmentation.labels[1:])
    assert opened.widget.desk.opened.study.corrected == {(0, 4)}


def test_nothing_is_undone_while_contours_are_being_drawn(drawn, phantom, draw_with, make_painter):
    waiting = draw_with(Waiting(make_painter(phantom)))
    assert drawn.ui.undoButton.enabled
    drawn.ui.segmentButton.click()
    assert not drawn.ui.undoButton.enabled
    with pytest.raises(UnusableInput, match="still running"):
        drawn.widget.desk.step("undo")
    waiting.gate.set()
    drawn.wait()
    assert drawn.ui.undoButton.enabled


def test_numbers_and_comparison_end_with_the_contours_they_are_of(drawn, phantom):
    drawn.ui.comparisonSelector.setCurrentNode(second_reader(drawn, phantom))
    drawn.ui.compareButton.click()
    drawn.wait()
    assert shown(drawn.ui.comparisonTable)
    drawn.ui.undoButton.click()
    drawn.wait()
    for table in (drawn.ui.resultsTable, drawn.ui.notesTable, drawn.ui.slicesTable, drawn.ui.comparisonTable):
        assert not shown(table)
    drawn.ui.redoButton.click()
    drawn.wait()
    assert shown(drawn.ui.resultsTable)
    assert not shown(drawn.ui.comparisonTable)


def test_comparison_and_report_of_one_study_are_not_shown_for_another(drawn, phantom, tmp_path):
    drawn.ui.comparisonSelector.setCurrentNode(second_reader(drawn, phantom))
    drawn.ui.compareButton.click()
    drawn.wait()
    drawn.ui.exportFolderLineEdit.currentPath = str(tmp_path / "out")
    drawn.ui.exportButton.click()
    drawn.wait()
    assert drawn.ui.reportButton.enabled
    drawn.ui.cineSelector.setCurrentNode(other_cine(phantom))
    drawn.wait()
    assert not drawn.ui.reportButton.enabled
    assert drawn.ui.comparisonTable.isHidden()
    assert not shown(drawn.ui.comparisonTable)


def test_what_ends_after_another_study_was_opened_is_not_shown_for_it(drawn, phantom, tmp_path):
    other, second = other_cine(phantom), second_reader(drawn, phantom)
    drawn.ui.comparisonSelector.setCurrentNode(second)
    drawn.ui.exportFolderLineEdit.currentPath = str(tmp_path / "out")
    for button in (drawn.ui.compareButton, drawn.ui.exportButton):
        drawn.ui.cineSelector.setCurrentNode(drawn.volume)
        drawn.wait()
        button.click()
        drawn.ui.cineSelector.setCurrentNode(other)
        drawn.wait()
    assert (tmp_path / "out" / "report.html").exists()
    assert not drawn.ui.reportButton.enabled
    assert drawn.ui.comparisonTable.isHidden()
    assert not drawn.app.errors


def test_contours_that_end_after_another_study_was_opened_go_to_their_own(opened, phantom, draw_with, make_painter):
    waiting = draw_with(Waiting(make_painter(phantom)))
    opened.ui.segmentButton.click()
    opened.ui.cineSelector.setCurrentNode(other_cine(phantom))
    waiting.gate.set()
    opened.wait()
    assert not opened.widget.desk.has_contours
    assert not shown(opened.ui.resultsTable)
    opened.ui.cineSelector.setCurrentNode(opened.volume)
    opened.wait()
    assert np.array_equal(opened.widget.desk.opened.segmentation.labels, phantom.segmentation.labels)
    assert shown(opened.ui.resultsTable)


def test_a_cine_that_is_deleted_leaves_an_empty_panel(drawn, scene):
    scene.RemoveNode(drawn.volume)
    drawn.wait()
    assert not drawn.ui.segmentButton.enabled
    assert not shown(drawn.ui.resultsTable)
    assert not drawn.app.errors


def test_a_cine_that_is_deleted_while_it_is_drawn_on_gets_no_contours(opened, scene, phantom, draw_with, make_painter):
    waiting = draw_with(Waiting(make_painter(phantom)))
    opened.ui.segmentButton.click()
    scene.RemoveNode(opened.volume)
    waiting.gate.set()
    opened.wait()
    assert "no longer in the scene" in opened.ui.messageLabel.text
    assert not scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    assert not opened.app.errors


def test_contours_that_are_deleted_take_their_numbers_along(drawn, scene):
    scene.RemoveNode(drawn.widget.desk.opened.study.segmentation)
    drawn.ui.editsButton.click()
    drawn.wait()
    assert not shown(drawn.ui.resultsTable)
    assert not drawn.ui.exportButton.enabled
    assert not drawn.app.errors


def test_a_scene_that_is_loaded_while_the_panel_is_open_is_shown_at_once(drawn, loaded_again):
    drawn.ui.heightSpinBox.value = 180.0
    drawn.wait()
    before = shown(drawn.ui.resultsTable)
    loaded_again()
    drawn.wait()
    assert drawn.ui.heightSpinBox.value == 180.0
    assert shown(drawn.ui.resultsTable) == before
    assert not drawn.app.errors
    drawn.ui.segmentButton.click()  # and one can go on
    drawn.wait()
    assert drawn.ui.messageLabel.text.startswith("Done")


def test_the_views_are_those_of_a_reader_while_a_study_is_open_and_as_before_afterwards(panel, scene, phantom):
    import slicer

    from CardioSAMLib.mrml.layout import is_shown

    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(scene)
    layout = logic.GetLayoutNode()
    layout.SetViewArrangement(6)
    panel.ui.cineSelector.setCurrentNode(other_cine(phantom))
    panel.wait()
    assert is_shown()
    panel.ui.cineSelector.setCurrentNode(other_cine(phantom))
    panel.wait()
    assert is_shown()
    panel.widget.exit()
    assert layout.GetViewArrangement() == 6
    panel.widget.enter()
    panel.wait()
    assert is_shown()
    logic.SetMRMLScene(None)
