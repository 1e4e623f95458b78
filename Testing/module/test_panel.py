"""The panel, driven as a user does. Attributes of its widgets are Qt's own properties (stand_ins/qt.py)."""

import importlib.util
import shutil
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from CardioSAMLib.analysis import analyze
from CardioSAMLib.function import METRICS
from CardioSAMLib.io import DicomLayout, new_study, write_dicom, write_nifti
from CardioSAMLib.report import OUTPUTS

MEASUREMENT, LV, RV = 0, 1, 2


class Endless:
    """Segments until it is canceled. (It gives up in the end, so that a test fails instead of hanging.)"""

    def segment(self, _cine, _frames, progress):
        for _ in range(1000):
            progress(0.5, "never done")
            time.sleep(0.01)
        raise AssertionError("nobody canceled")


class Broken:
    def segment(self, _cine, _frames, _progress):
        raise ZeroDivisionError("a bug")


def run_endless(panel, draw_with):
    draw_with(Endless())
    panel.ui.segmentButton.click()
    panel.wait(lambda: message(panel) == "Never done")


def message(panel):
    return panel.ui.messageLabel.text


def shown(table):
    return [[table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)]


def measured(panel):
    return {row[MEASUREMENT]: row for row in shown(panel.ui.resultsTable)}


def content(scene):
    return [scene.GetNthNode(number).GetID() for number in range(scene.GetNumberOfNodes())]


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("CardioSAM")]


def visible(widget):
    """Whether it is shown as soon as the panel is."""
    return not widget.isHidden()


def test_an_attribute_set_here_is_a_property_of_qt(panel):
    panel.ui.messageLabel.text = "seen by Qt"
    assert panel.ui.messageLabel.property("text") == "seen by Qt"
    with pytest.raises(AttributeError, match="has no property txet"):
        panel.ui.messageLabel.txet = "misspelled"


# Opening


def test_the_panel_opens_without_an_error_asks_for_nothing_and_leaves_the_scene_alone(panel, scene):
    import slicer.packaging

    assert not panel.app.errors
    assert not slicer.packaging.requested
    assert not scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    assert "CardioSAM" in terminologies()
    assert "research use only" in panel.ui.researchUseLabel.text
    assert "CC BY-NC-SA 4.0" in panel.ui.modelLabel.text
    assert "MB" in panel.ui.modelLabel.text
    for widget in (panel.ui.progressBar, panel.ui.candidatesComboBox, panel.ui.comparisonTable):
        assert not visible(widget)


def terminologies():
    import slicer
    import vtk

    names = vtk.vtkStringArray()
    slicer.modules.terminologies.logic().GetLoadedTerminologyNames(names)
    return [names.GetValue(number) for number in range(names.GetNumberOfValues())]


def test_without_a_cine_there_is_nothing_to_press_but_import(panel):
    off = ("segment", "positive", "negative", "box", "undo", "accept", "propagate", "compare", "export", "report")
    assert not any(getattr(panel.ui, f"{name}Button").enabled for name in off)
    assert panel.ui.importButton.enabled


def test_choosing_a_cine_says_what_it_is(opened):
    assert opened.ui.cineLabel.text == ("6 frames of 8 slices every 12 mm, 96 × 96 pixels of 2 × 2 mm, 65 bpm")
    assert opened.ui.segmentButton.enabled


# 1. Cine


def test_a_file_is_imported_and_open_at_once(panel, phantom, tmp_path, scene):
    write_nifti(phantom.cine, tmp_path / "cine.nii.gz")
    panel.ui.importPathLineEdit.currentPath = str(tmp_path / "cine.nii.gz")
    panel.ui.importButton.click()
    panel.wait()
    assert panel.ui.cineLabel.text.startswith("6 frames of 8 slices")
    assert panel.ui.cineSelector.currentNode().GetImageData().GetDimensions() == (96, 96, 8)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 1


def test_one_image_file_or_the_files_of_a_dicom_study_can_be_chosen(panel, scene, phantom, tmp_path, monkeypatch):
    import qt

    write_nifti(phantom.cine, tmp_path / "cine.nii.gz")
    write_dicom(phantom.cine, tmp_path / "study")
    study = [str(file) for file in (tmp_path / "study").rglob("*") if file.is_file()]
    for chosen, loaded in (((), 0), ([str(tmp_path / "cine.nii.gz")], 1), (study, 2)):
        monkeypatch.setattr(qt.QFileDialog, "chosen", chosen)
        panel.ui.filesButton.click()
        panel.wait()
        assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == loaded
    assert panel.ui.cineLabel.text.startswith("6 frames of 8 slices")


def test_input_that_cannot_be_used_is_explained_and_leaves_the_scene_as_it_was(panel, scene, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    before = content(scene)
    panel.ui.importPathLineEdit.currentPath = str(tmp_path / "notes.txt")
    panel.ui.importButton.click()
    panel.wait()
    assert message(panel).startswith("There is no image in notes.txt")
    assert content(scene) == before
    assert not panel.app.errors


def test_of_several_cines_the_user_chooses_one(panel, phantom, tmp_path):
    shorter = replace(phantom.cine, pixels=phantom.cine.pixels[:4], frame_times_ms=phantom.cine.frame_times_ms[:4])
    write_nifti(phantom.cine, tmp_path / "first.nii.gz")
    write_nifti(shorter, tmp_path / "second.nii.gz")
    panel.ui.importPathLineEdit.currentPath = str(tmp_path)
    panel.ui.importButton.click()
    panel.wait()
    assert "choose which one" in message(panel)
    assert visible(panel.ui.candidatesComboBox)
    panel.ui.candidatesComboBox.currentIndex = 1
    panel.ui.candidateButton.click()
    panel.wait()
    assert panel.ui.cineLabel.text.startswith("4 frames")
    assert not visible(panel.ui.candidatesComboBox)


def test_a_slice_that_does_not_fit_into_the_stack_is_said_and_the_user_may_do_without(panel, phantom, tmp_path):
    cine = phantom.cine
    study, slices = new_study(), cine.slices
    write_dicom(cine, tmp_path / "a", DicomLayout.SERIES_PER_SLICE, study=study)
    shutil.rmtree(tmp_path / "a" / "series002")
    place = replace(cine.geometry, origin_mm=tuple(cine.geometry.world_of((0, 0, 2))))
    odd = replace(cine, pixels=cine.pixels[:, 2:3, :-1], geometry=place)
    write_dicom(odd, tmp_path / "odd", series_number=30, study=study)
    panel.ui.importPathLineEdit.currentPath = str(tmp_path)
    panel.ui.importButton.click()
    panel.wait()
    assert message(panel).startswith("Series 30")
    assert message(panel).endswith("To do without it, choose which one to read.")
    names = [panel.ui.candidatesComboBox.itemText(number) for number in range(panel.ui.candidatesComboBox.count)]
    panel.ui.candidatesComboBox.currentIndex = next(n for n, name in enumerate(names) if "short-axis stack" in name)
    panel.ui.candidateButton.click()
    panel.wait()
    assert f"{slices - 1} slices" in panel.ui.cineLabel.text


def test_without_a_dicom_database_the_panel_says_so(panel):
    panel.ui.databaseButton.click()
    assert message(panel) == "The DICOM database is not open; open the module DICOM first."


def test_a_volume_that_is_no_cine_is_refused_in_a_sentence(panel, scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    panel.ui.cineSelector.setCurrentNode(volume)
    assert "empty" in message(panel)
    assert not panel.ui.segmentButton.enabled
    assert not panel.app.errors


# 2. Segment


def test_segmenting_shows_each_measurement_of_the_registry(drawn, phantom):
    assert message(drawn).startswith("Done")
    assert list(measured(drawn)) == [metric.title for metric in METRICS]
    ejection_fraction = measured(drawn)["Ejection fraction"]
    assert float(ejection_fraction[LV]) == pytest.approx(phantom.truth.lv.ef_percent, abs=5.0)
    assert float(ejection_fraction[RV]) == pytest.approx(phantom.truth.rv.ef_percent, abs=5.0)


def test_the_contours_are_a_segmentation_that_plays_with_the_cine(drawn):
    study = drawn.widget.desk.session.study
    sequence = study.browser.GetSequenceNode(study.segmentation)
    assert sequence.GetNumberOfDataNodes() == 6
    assert list(study.segmentation.GetSegmentation().GetSegmentIDs()) == ["RV", "MYO", "LV"]


def test_the_numbers_are_those_of_the_command(drawn, phantom, tmp_path):
    write_nifti(phantom.cine, tmp_path / "cine.nii.gz")
    command = analyze(tmp_path / "cine.nii.gz", tmp_path / "out").study.function
    panel = drawn.widget.desk.assessed.function
    assert panel.lv.ef_percent == pytest.approx(command.lv.ef_percent, abs=1e-6)
    assert panel.rv.edv_ml == pytest.approx(command.rv.edv_ml, abs=1e-6)
    assert panel.lv.mass_ed_g == pytest.approx(command.lv.mass_ed_g, abs=1e-6)


def test_only_end_diastole_and_end_systole_are_drawn_where_that_was_chosen(opened, phantom, draw_with, make_painter):
    opened.ui.framesComboBox.currentIndex = 1
    painter = draw_with(make_painter(phantom))
    opened.ui.segmentButton.click()
    opened.wait()
    assert painter.asked[-1][1] == (phantom.truth.ed_frame, phantom.truth.es_frame)


def test_packages_are_asked_for_when_the_button_is_pressed(drawn):
    import slicer.packaging

    requirements, requester = slicer.packaging.requested[0]
    assert drawn.ui.segmentButton.text == "Segment"
    assert requester == "CardioSAM"
    assert any(line.startswith("onnxruntime") for line in requirements)


def test_who_declines_the_packages_is_told_so_and_nothing_runs(opened, monkeypatch):
    import slicer.packaging

    monkeypatch.setattr(slicer.packaging, "answer", False)
    opened.ui.segmentButton.click()
    said = message(opened)
    assert said.startswith("The models need packages that are missing (User declined package installation);")
    assert said.endswith("press the button again and agree to install them.")
    assert opened.ui.segmentButton.text == "Segment"
    assert not opened.app.errors


def test_an_older_slicer_is_told_which_one_is_needed(opened, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "slicer.packaging" else find_spec(name)
    )
    opened.app.applicationVersion = "5.8.1"
    opened.ui.segmentButton.click()
    assert message(opened) == "CardioSAM needs Slicer 5.12 or newer; this is 5.8.1."


def test_a_run_can_be_canceled_within_a_second_and_leaves_the_scene_as_it_was(opened, scene, draw_with):
    before = content(scene)
    run_endless(opened, draw_with)
    assert opened.ui.segmentButton.text == "Cancel"
    assert visible(opened.ui.progressBar)
    assert opened.ui.progressBar.value == 50
    opened.ui.segmentButton.click()
    opened.wait(lambda: opened.ui.segmentButton.text == "Segment", seconds=1.0)
    assert message(opened) == "Canceled; the scene is as it was."
    assert content(scene) == before
    assert not shown(opened.ui.resultsTable)


def test_a_bug_is_shown_as_an_error_and_the_panel_stays_usable(opened, draw_with):
    draw_with(Broken())
    opened.ui.segmentButton.click()
    opened.wait()
    assert len(opened.app.errors) == 1
    assert opened.app.errors[0].startswith("CardioSAM could not do that.")
    assert "a bug" in opened.app.errors[0]
    assert opened.ui.segmentButton.enabled


def test_a_scene_that_cannot_be_read_is_a_message_and_no_error_at_each_step(drawn):
    import slicer

    from CardioSAMLib.mrml.segmentations import nodes_of_segmentation

    opened = drawn.widget.desk.opened
    nodes = nodes_of_segmentation(opened.study.segmentation, opened.study.volume)
    slicer.mrmlScene.RemoveNode(nodes.sequence)
    for _ in range(3):
        drawn.ui.nextButton.click()
        drawn.wait()
    assert not drawn.app.errors
    assert message(drawn)


def test_the_worker_gets_its_share_of_the_panels_time(opened, draw_with, module, monkeypatch):
    slept = []
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=slept.append))
    opened.widget.onPoll()
    assert not slept
    run_endless(opened, draw_with)
    assert slept
    opened.ui.segmentButton.click()


# 4. Measure


def test_a_missing_value_says_why_in_its_tool_tip(drawn):
    row = [metric.key for metric in METRICS].index("peak_ejection_rate_ml_s")
    assert drawn.ui.resultsTable.item(row, LV).text() == "–"
    assert drawn.ui.resultsTable.item(row, LV).toolTip()


def test_height_and_weight_change_the_indexed_values_at_once(drawn):
    drawn.ui.heightSpinBox.value = 180.0
    drawn.ui.weightSpinBox.value = 80.0
    drawn.wait()
    # Mosteller: square root of (180 cm x 80 kg / 3600) = 2 m².
    edv, index = (float(measured(drawn)[title][LV]) for title in ("End-diastolic volume", "End-diastolic volume index"))
    assert index == pytest.approx(edv / 2.0, abs=0.1)


def test_a_heart_rate_changes_the_cardiac_output(drawn):
    drawn.ui.heartRateSpinBox.value = 100.0
    drawn.wait()
    stroke, output = (float(measured(drawn)[title][LV]) for title in ("Stroke volume", "Cardiac output"))
    assert output == pytest.approx(stroke * 100.0 / 1000.0, abs=0.01)


def test_a_height_that_cannot_be_is_refused_and_the_former_one_stays(drawn):
    drawn.ui.heightSpinBox.value = 1.8
    assert message(drawn) == "A height of 1.8 cm cannot be; give one from 40 to 250 cm."
    assert drawn.ui.heightSpinBox.value == 0.0


def test_another_frame_can_be_made_end_systole(drawn, phantom):
    found = measured(drawn)["Ejection fraction"][LV]
    drawn.ui.esSpinBox.value = 1
    drawn.wait()
    assert drawn.widget.desk.key_frames == (phantom.truth.ed_frame, 1)
    assert measured(drawn)["Ejection fraction"][LV] != found
    drawn.ui.esSpinBox.value = -1
    drawn.wait()
    assert measured(drawn)["Ejection fraction"][LV] == found


def test_a_slice_that_is_not_counted_takes_its_own_volume_away(drawn):
    from PySide6.QtCore import Qt

    drawn.ui.slicesTable.item(3, 1).setCheckState(Qt.Unchecked)
    before = float(measured(drawn)["End-diastolic volume"][LV])
    of_slice = float(drawn.ui.slicesTable.item(3, 1).text())
    drawn.wait()
    assert of_slice > 10.0
    assert float(measured(drawn)["End-diastolic volume"][LV]) == pytest.approx(before - of_slice, abs=0.11)
    assert "not counted" in drawn.ui.slicesTable.item(3, 1).toolTip()
    assert any("Slice 3 was left out" in row[3] for row in shown(drawn.ui.notesTable))


def test_the_chart_and_the_surfaces_are_shown_on_demand(drawn, scene):
    drawn.ui.surfacesButton.click()
    models = [
        scene.GetNthNodeByClass(n, "vtkMRMLModelNode") for n in range(scene.GetNumberOfNodesByClass("vtkMRMLModelNode"))
    ]
    ours = [model for model in models if "surface" in model.GetName()]
    assert len(ours) == 3
    assert all(model.GetPolyData().GetNumberOfPoints() for model in ours)
    drawn.ui.surfacesButton.click()
    assert not any(model.GetDisplayNode().GetVisibility() for model in ours)
    drawn.ui.chartButton.click()
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
    assert not drawn.app.errors


def test_a_copy_of_the_contours_agrees_with_them_fully(drawn, phantom):
    from CardioSAMLib.mrml.segmentations import segmentation_nodes

    other = segmentation_nodes(drawn.volume, phantom.segmentation, "Second reader").segmentation
    drawn.ui.comparisonSelector.setCurrentNode(other)
    drawn.ui.compareButton.click()
    drawn.wait()
    assert visible(drawn.ui.comparisonTable)
    dice = [row[2] for row in shown(drawn.ui.comparisonTable) if row[2] != "–"]
    assert len(dice) >= 12
    assert set(dice) == {"1.000"}
    assert "LV ejection fraction +0.0 points" in drawn.ui.comparisonLabel.text


# 5. Review and export


def test_a_click_on_a_note_goes_to_its_frame(drawn):
    rows = shown(drawn.ui.notesTable)
    row = next(number for number, cells in enumerate(rows) if cells[1] not in ("", "0"))
    drawn.ui.notesTable.cellClicked.emit(row, 3)
    assert drawn.widget.desk.shown[0] == int(rows[row][1])


def test_the_files_of_the_command_are_exported_and_the_report_opens(drawn, tmp_path, monkeypatch):
    import qt

    urls = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", urls.append)
    assert not drawn.ui.reportButton.enabled
    drawn.ui.exportFolderLineEdit.currentPath = str(tmp_path / "out")
    drawn.ui.exportButton.click()
    drawn.wait()
    assert {file.name for file in (tmp_path / "out").iterdir()} == {output.name for output in OUTPUTS}
    drawn.ui.reportButton.click()
    assert [url.toLocalFile() for url in urls] == [str(tmp_path / "out" / "report.html")]


def test_only_the_tables_are_exported_where_that_was_chosen(drawn, tmp_path):
    drawn.ui.exportComboBox.currentIndex = [
        drawn.ui.exportComboBox.itemText(n) for n in range(drawn.ui.exportComboBox.count)
    ].index("Tables (CSV, JSON)")
    drawn.ui.exportFolderLineEdit.currentPath = str(tmp_path / "out")
    drawn.ui.exportButton.click()
    drawn.wait()
    assert {file.suffix for file in (tmp_path / "out").iterdir()} == {".csv", ".json"}


def test_without_a_folder_the_export_says_what_is_missing(drawn):
    drawn.ui.exportButton.click()
    assert message(drawn) == "Choose the folder for the files first."


# Life of the panel


def test_two_studies_in_one_scene_do_not_mix(drawn, phantom):
    from CardioSAMLib.mrml.cines import cine_nodes

    numbers = shown(drawn.ui.resultsTable)
    other = cine_nodes(replace(phantom.cine, pixels=phantom.cine.pixels[:, ::-1].copy()), "Other").volume
    drawn.ui.heightSpinBox.value = 190.0
    drawn.ui.cineSelector.setCurrentNode(other)
    drawn.wait()
    assert not shown(drawn.ui.resultsTable)
    assert drawn.ui.heightSpinBox.value == 0.0
    drawn.ui.cineSelector.setCurrentNode(drawn.volume)
    drawn.wait()
    assert drawn.ui.heightSpinBox.value == 190.0
    assert [row[:2] for row in shown(drawn.ui.resultsTable)][:4] == [row[:2] for row in numbers][:4]
    assert drawn.ui.undoButton.enabled


def test_leaving_and_coming_back_shows_the_same_and_takes_what_was_edited_meanwhile(drawn):
    import slicer

    numbers = shown(drawn.ui.resultsTable)
    drawn.widget.exit()
    assert not shown(drawn.ui.resultsTable)
    study = drawn.widget.logic.getParameterNode().cine
    assert study is drawn.volume
    segmentation = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[0]
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "LV", drawn.volume).copy()
    mask[4, 40:44, 40:44] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "LV", drawn.volume)
    drawn.widget.enter()
    drawn.wait()
    assert message(drawn).startswith("1 slice edited by hand")
    assert shown(drawn.ui.resultsTable) != numbers


def test_a_run_goes_on_while_another_module_is_open(opened, phantom, draw_with, make_painter):
    draw_with(make_painter(phantom))
    opened.ui.segmentButton.click()
    opened.widget.exit()
    opened.wait(lambda: not opened.widget.desk.is_working)
    opened.widget.enter()
    opened.wait()
    assert measured(opened)["Ejection fraction"][LV] != "–"


def test_closing_the_scene_during_a_run_ends_it_and_empties_the_panel(opened, scene, draw_with):
    run_endless(opened, draw_with)
    scene.Clear(0)
    opened.wait()
    assert not visible(opened.ui.progressBar)
    assert not opened.ui.segmentButton.enabled
    assert opened.ui.cineSelector.currentNode() is None
    assert not opened.app.errors
    assert not scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")


def test_a_saved_scene_opens_with_the_same_choices_and_numbers(drawn, loaded_again):
    drawn.ui.heightSpinBox.value = 180.0
    drawn.ui.scopeComboBox.currentIndex = 2
    drawn.wait()
    before = shown(drawn.ui.resultsTable)
    loaded_again()
    drawn.widget.enter()
    drawn.wait()
    assert drawn.ui.heightSpinBox.value == 180.0
    assert drawn.ui.scopeComboBox.currentText == "Everything not finished"
    assert shown(drawn.ui.resultsTable) == before


def test_cleaning_up_stops_the_worker(opened, draw_with):
    run_endless(opened, draw_with)
    assert workers()
    opened.widget.cleanup()
    opened.wait(lambda: not workers(), seconds=2.0)


def test_reloading_reloads_the_library_too(panel, monkeypatch):
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "CardioSAMLib"}
    for name, module in ours.items():
        monkeypatch.setitem(sys.modules, name, module)  # brought back at the end: other tests hold the old classes
    panel.widget.onReload()
    assert "CardioSAMLib.mrml.desk" in ours
    assert not any(name.split(".")[0] == "CardioSAMLib" for name in sys.modules)
    assert panel.app.reloaded == ["CardioSAM"]


def test_keys_press_the_buttons_while_the_panel_is_open(drawn, qt_application, module):
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QShortcut
    from PySide6.QtTest import QTest

    drawn.parent.activateWindow()
    drawn.parent.setFocus()
    qt_application.processEvents()
    QTest.keyClick(drawn.parent, Qt.Key_BracketRight)
    assert drawn.widget.desk.shown[0] == 1
    for key, name in module.SHORTCUTS.items():
        assert f"({key})" in getattr(drawn.ui, name).toolTip, key
    drawn.widget.exit()
    assert not any(shortcut.isEnabled() for shortcut in drawn.parent.findChildren(QShortcut))


def test_the_module_names_its_category_minimum_version_and_data(module, app):
    about = SimpleNamespace()
    module.CardioSAM(about)
    assert (about.title, about.categories) == ("CardioSAM", ["Cardiac"])
    assert "5.12" in about.helpText
    assert "Research use only" in about.helpText
    assert "Bernard et al." in about.acknowledgementText
    assert app.started == [module.onStartup]


def test_the_phantom_is_among_the_sample_data(module, monkeypatch, scene):
    registered = []

    def register(uris=None, fileNames=None, **given):
        # As in Slicer: one file for each address, both as lists.
        assert len(uris) == len(fileNames) == 0
        registered.append(given)

    logic = SimpleNamespace(registerCustomSampleDataSource=register)
    monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=logic))
    module.onStartup()
    assert registered[0]["category"] == "CardioSAM"
    volume = registered[0]["customDownloader"](None)
    assert volume.GetScene() is scene


def test_the_self_test_passes(module):
    module.CardioSAMTest().runTest()


def test_a_panel_of_400_pixels_is_wide_enough(panel):
    assert panel.parent.minimumSizeHint().width() <= 400
