"""The panel, driven as a user does. Attributes of its widgets are Qt's own properties (stand_ins/qt.py)."""

import importlib.util
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from CardioSAMLib import analysis
from CardioSAMLib.function import METRICS
from CardioSAMLib.io import write_nifti
from CardioSAMLib.labels import CineSegmentation, Provenance
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.report import OUTPUTS

MEASUREMENT, LV, RV = 0, 1, 2


class Painter:
    """Segments by the phantom's truth, whatever part of it is asked for, and notes what that was."""

    def __init__(self, phantom):
        self._phantom = phantom
        self.asked = []

    def segment(self, cine, frames, progress):
        self.asked.append((cine, tuple(frames)))
        progress(0.5, "painting")
        labels = np.zeros(cine.pixels.shape, np.uint8)
        labels[list(frames)] = self._truth(cine.pixels)[list(frames)]
        return CineSegmentation(labels, tuple(frames), Provenance("painter"))

    def _truth(self, pixels):
        frames, slices = pixels.shape[:2]
        for first in range(self._phantom.cine.slices - slices + 1):
            part = np.s_[:frames, first : first + slices]
            if np.array_equal(self._phantom.cine.pixels[part], pixels):
                return self._phantom.segmentation.labels[part]
        raise AssertionError("these are no pixels of the phantom")


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


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=96, columns=96, slices=8, frames=6, spacing_mm=(2.0, 2.0, 12.0)))


@pytest.fixture(scope="module")
def study(phantom, tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "cine.nii.gz"
    write_nifti(phantom.cine, path)
    return path


@pytest.fixture
def draw_with(monkeypatch):
    """Lets another segmenter than the catalogue's draw; the rest of the analysis is the real one."""

    def draw_with(segmenter):
        monkeypatch.setattr(analysis, "segmenter_of", lambda _card: segmenter)
        return segmenter

    return draw_with


def choose(panel, study, folder):
    panel.ui.inputPathLineEdit.currentPath = str(study)
    panel.ui.outputFolderLineEdit.currentPath = str(folder)


def run(panel, study, folder):
    choose(panel, study, folder)
    panel.ui.analyzeButton.click()
    panel.wait(lambda: button(panel).text == "Analyze")


def button(panel):
    names = ("text", "enabled", "toolTip")
    return SimpleNamespace(**{name: getattr(panel.ui.analyzeButton, name) for name in names})


def message(panel):
    return panel.ui.messageLabel.text


def shown(panel):
    table = panel.ui.resultsTable
    return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("CardioSAM")]


def test_an_attribute_set_here_is_a_property_of_qt(panel):
    panel.ui.messageLabel.text = "seen by Qt"
    assert panel.ui.messageLabel.property("text") == "seen by Qt"
    with pytest.raises(AttributeError, match="has no property txet"):
        panel.ui.messageLabel.txet = "misspelled"


def test_the_panel_opens_without_an_error_and_asks_for_nothing(panel):
    import slicer.packaging

    assert not slicer.util.displayedErrors
    assert not slicer.packaging.requested
    assert "research use only" in panel.ui.researchUseLabel.text
    assert "CC BY-NC-SA 4.0" in panel.ui.modelLabel.text
    assert not panel.ui.progressBar.visible
    assert not panel.ui.seriesComboBox.visible


def test_the_button_says_what_is_missing_until_it_can_be_pressed(panel, study, tmp_path):
    assert button(panel) == SimpleNamespace(text="Analyze", enabled=False, toolTip="Choose the study first.")
    choose(panel, tmp_path / "nowhere", "")
    assert button(panel).toolTip == "There is nothing at the path of the study."
    choose(panel, study, "")
    assert not button(panel).enabled
    assert button(panel).toolTip == "Choose the folder for the results first."
    choose(panel, study, tmp_path)
    assert button(panel).enabled


def test_typing_in_the_middle_of_a_path_keeps_the_cursor(panel):
    from PySide6 import QtWidgets

    panel.ui.inputPathLineEdit.currentPath = "/data/stdy"
    edit = panel.ui.inputPathLineEdit.findChild(QtWidgets.QLineEdit)
    edit.setCursorPosition(len("/data/st"))
    edit.insert("u")
    assert panel.ui.inputPathLineEdit.currentPath == "/data/study"
    assert edit.cursorPosition() == len("/data/stu")


def test_an_analysis_shows_each_measurement_of_the_registry(panel, phantom, study, tmp_path, draw_with):
    painter = draw_with(Painter(phantom))
    run(panel, study, tmp_path)
    assert message(panel).startswith("Done")
    assert [row[MEASUREMENT] for row in shown(panel)] == [metric.title for metric in METRICS]
    values = {row[MEASUREMENT]: row for row in shown(panel)}
    assert float(values["Ejection fraction"][LV]) == pytest.approx(phantom.truth.lv.ef_percent, abs=5.0)
    assert float(values["Ejection fraction"][RV]) == pytest.approx(phantom.truth.rv.ef_percent, abs=5.0)
    assert painter.asked[0][1] == tuple(range(phantom.cine.frames))
    assert {path.name for path in tmp_path.iterdir()} == {output.name for output in OUTPUTS}


def test_a_missing_value_says_why_in_its_tool_tip(panel, phantom, study, tmp_path, draw_with):
    draw_with(Painter(phantom))
    run(panel, study, tmp_path)
    row = [metric.key for metric in METRICS].index("edv_index_ml_m2")
    assert panel.ui.resultsTable.item(row, LV).toolTip() == "body size unknown"


def test_height_weight_and_frames_reach_the_analysis(panel, phantom, study, tmp_path, draw_with):
    painter = draw_with(Painter(phantom))
    panel.ui.heightSpinBox.value = 180.0
    panel.ui.weightSpinBox.value = 80.0
    panel.ui.framesComboBox.currentIndex = 1
    run(panel, study, tmp_path)
    # Mosteller: square root of (180 cm x 80 kg / 3600) = 2 m².
    values = {row[MEASUREMENT]: row for row in shown(panel)}
    edv, index = (float(values[title][LV]) for title in ("End-diastolic volume", "End-diastolic volume index"))
    assert index == pytest.approx(edv / 2.0, abs=0.1)
    key_frames = (phantom.truth.ed_frame, phantom.truth.es_frame)
    assert painter.asked[-1][1] == key_frames


def test_a_height_that_cannot_be_is_refused_in_a_sentence(panel, study, tmp_path):
    panel.ui.heightSpinBox.value = 1.8
    choose(panel, study, tmp_path)
    panel.ui.analyzeButton.click()
    assert message(panel) == "A height of 1.8 cm cannot be; give one from 40 to 250 cm."
    assert button(panel).text == "Analyze"


def test_quality_notes_are_listed_with_their_severity(panel, phantom, study, tmp_path, draw_with):
    draw_with(Painter(phantom))
    run(panel, study, tmp_path)
    lines = [panel.ui.notesList.item(row).text() for row in range(panel.ui.notesList.count)]
    assert any("heart rate" in line for line in lines)  # a NIfTI file has none
    assert all(line.startswith(("Error: ", "Warning: ", "Note: ")) for line in lines)


def test_the_report_opens_in_the_browser(panel, phantom, study, tmp_path, draw_with, monkeypatch):
    import qt

    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", opened.append)
    assert not panel.ui.reportButton.enabled
    draw_with(Painter(phantom))
    run(panel, study, tmp_path)
    panel.ui.reportButton.click()
    assert [url.toLocalFile() for url in opened] == [str(tmp_path / "report.html")]


def test_packages_are_asked_for_when_the_button_is_pressed(panel, phantom, study, tmp_path, draw_with):
    import slicer.packaging

    draw_with(Painter(phantom))
    run(panel, study, tmp_path)
    ((requirements, requester),) = slicer.packaging.requested
    assert requester == "CardioSAM"
    assert any(line.startswith("onnxruntime") for line in requirements)


def test_who_declines_the_packages_is_told_so_and_nothing_runs(panel, study, tmp_path):
    import slicer.packaging

    slicer.packaging.answer = False
    choose(panel, study, tmp_path)
    panel.ui.analyzeButton.click()
    assert message(panel) == "The analysis needs packages that are missing (User declined package installation)."
    assert button(panel).text == "Analyze"
    assert not slicer.util.displayedErrors
    assert not workers()


def test_an_older_slicer_is_told_which_one_is_needed(panel, study, tmp_path, monkeypatch):
    import slicer

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "slicer.packaging" else find_spec(name)
    )
    slicer.app.applicationVersion = "5.8.1"
    choose(panel, study, tmp_path)
    panel.ui.analyzeButton.click()
    assert message(panel) == "CardioSAM needs Slicer 5.12 or newer; this is 5.8.1."


def test_a_running_analysis_can_be_canceled_and_leaves_nothing(panel, phantom, study, tmp_path, draw_with):
    draw_with(Endless())
    choose(panel, study, tmp_path)
    panel.ui.analyzeButton.click()
    panel.wait(lambda: message(panel) == "never done")
    assert button(panel).text == "Cancel"
    assert panel.ui.progressBar.visible
    assert 10 < panel.ui.progressBar.value < 85  # half of the segmentation's share
    panel.ui.analyzeButton.click()
    panel.wait(lambda: button(panel).text == "Analyze", seconds=1.0)
    assert message(panel) == "Canceled; nothing was written."
    assert not list(tmp_path.iterdir())
    draw_with(Painter(phantom))
    run(panel, study, tmp_path)
    assert shown(panel)


def test_input_that_cannot_be_used_is_explained_in_the_panel(panel, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    run(panel, tmp_path / "notes.txt", tmp_path / "out")
    assert message(panel) == (
        "There is no image in notes.txt; give a DICOM folder, a NIfTI, NRRD or MetaImage file, "
        "or an ACDC patient folder."
    )
    import slicer.util

    assert not slicer.util.displayedErrors
    assert not (tmp_path / "out").exists()


def test_of_several_cines_the_user_chooses_one(panel, phantom, tmp_path, draw_with):
    painter = draw_with(Painter(phantom))
    shorter = replace(phantom.cine, pixels=phantom.cine.pixels[:4], frame_times_ms=phantom.cine.frame_times_ms[:4])
    write_nifti(phantom.cine, tmp_path / "study" / "first.nii.gz")
    write_nifti(shorter, tmp_path / "study" / "second.nii.gz")
    run(panel, tmp_path / "study", tmp_path / "out")
    assert "several cines" in message(panel)
    assert "--series" not in message(panel)
    assert panel.ui.seriesComboBox.visible
    panel.ui.seriesComboBox.currentIndex = 1
    run(panel, tmp_path / "study", tmp_path / "out")
    assert shown(panel)
    assert [cine.frames for cine, _ in painter.asked] == [4]
    panel.ui.inputPathLineEdit.currentPath = str(tmp_path)
    assert not panel.ui.seriesComboBox.visible


def test_a_bug_is_shown_as_an_error_and_the_panel_stays_usable(panel, study, tmp_path, draw_with):
    import slicer.util

    draw_with(Broken())
    run(panel, study, tmp_path)
    assert slicer.util.displayedErrors == ["The analysis failed. a bug"]
    assert button(panel).enabled


def test_cleaning_up_stops_the_worker(panel, study, tmp_path, draw_with):
    draw_with(Endless())
    choose(panel, study, tmp_path)
    panel.ui.analyzeButton.click()
    panel.wait(lambda: message(panel) == "never done")
    assert workers()
    panel.widget.cleanup()
    panel.wait(lambda: not workers(), seconds=2.0)


def test_closing_the_scene_during_a_run_ends_it_and_forgets_the_choices(panel, study, tmp_path, draw_with):
    import slicer

    draw_with(Endless())
    choose(panel, study, tmp_path)
    panel.ui.analyzeButton.click()
    panel.wait(lambda: message(panel) == "never done")
    slicer.mrmlScene.Clear()
    assert button(panel) == SimpleNamespace(text="Analyze", enabled=False, toolTip="Choose the study first.")
    assert panel.ui.inputPathLineEdit.currentPath == ""
    assert not list(tmp_path.iterdir())


def test_the_choices_are_kept_with_the_scene(panel, study, tmp_path):
    import slicer

    choose(panel, study, tmp_path)
    panel.ui.heightSpinBox.value = 170.0
    panel.ui.framesComboBox.currentIndex = 1
    node = slicer.mrmlScene.parameterNode
    names = ("inputPath", "outputFolder", "frames", "heightCm", "weightKg")
    assert [node.GetParameter(name) for name in names] == [str(study), str(tmp_path), "ED_ES", "170.0", "0.0"]
    panel.widget.exit()
    node.SetParameter("heightCm", "165.0")
    assert panel.ui.heightSpinBox.value == 170.0
    panel.widget.enter()
    assert panel.ui.heightSpinBox.value == 165.0


def test_reloading_reloads_the_library_too(panel, monkeypatch):
    import slicer.util

    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "CardioSAMLib"}
    for name, module in ours.items():
        monkeypatch.setitem(sys.modules, name, module)  # brought back at the end: other tests hold the old classes
    panel.widget.onReload()
    assert "CardioSAMLib.analysis" in ours
    assert not any(name.split(".")[0] == "CardioSAMLib" for name in sys.modules)
    assert slicer.util.reloadedModules == ["CardioSAM"]


def test_the_module_names_its_category_minimum_version_and_data(module):
    about = SimpleNamespace()
    module.CardioSAM(about)
    assert (about.title, about.categories) == ("CardioSAM", ["Cardiac"])
    assert "5.12" in about.helpText
    assert "Research use only" in about.helpText
    assert "Bernard et al." in about.acknowledgementText


def test_the_self_test_passes(module):
    module.CardioSAMTest().runTest()
