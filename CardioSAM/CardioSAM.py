"""The CardioSAM panel of 3D Slicer: widgets and parameters. All computing is done by CardioSAMLib."""

import importlib.util
import queue
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated
from unittest.mock import Mock, patch

import ctk
import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import GuiConnector, WithinRange, parameterNodeGuiConnector, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


def _findLibrary():
    """Make CardioSAMLib importable when the module is loaded from a source checkout."""
    if importlib.util.find_spec("CardioSAMLib") is None:
        sys.path.append(str(Path(__file__).resolve().parents[1]))


_findLibrary()  # the one call at file scope: Slicer adds only this module's own folder to sys.path


class CardioSAM(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("CardioSAM")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        parent.contributors = ["The CardioSAM developers"]
        parent.helpText = _(
            "Ejection fraction, ventricular volumes and myocardial mass from short-axis cardiac cine MR. "
            "Needs Slicer 5.12 or newer. Research use only, not a medical device. "
            'See the <a href="https://github.com/CardioSAM/SlicerCardioSAM">documentation</a>.'
        )
        parent.acknowledgementText = _(
            "The default model was trained on the ACDC data: Bernard et al., Deep Learning Techniques for Automatic "
            "MRI Cardiac Multi-Structures Segmentation and Diagnosis: Is the Problem Solved?, IEEE TMI 2018."
        )


class Frames(Enum):
    """Which frames are segmented; the values are those of CardioSAMLib.analysis.AnalysisOptions."""

    ALL = "all"
    ED_ES = "ed-es"

    def label(self):
        """The choice in words; Slicer asks for it by this name."""
        return _("All, with volume curves") if self is Frames.ALL else _("ED and ES only (faster, no curves)")


@parameterNodeGuiConnector
class PathTextConnector(GuiConnector):
    """A path field and a str. Slicer's own connector makes a Path of it, and a "." of the empty field."""

    @staticmethod
    def canRepresent(widget, datatype):
        return type(widget) is ctk.ctkPathLineEdit and datatype is str

    @staticmethod
    def create(widget, _datatype):
        return PathTextConnector(widget)

    def __init__(self, widget):
        super().__init__()
        self._widget = widget

    def _connect(self):
        self._widget.currentPathChanged.connect(self._onPathChanged)

    def _disconnect(self):
        self._widget.currentPathChanged.disconnect(self._onPathChanged)

    def _onPathChanged(self, _path):
        self.changed()

    def widget(self):
        return self._widget

    def read(self):
        return self._widget.currentPath

    def write(self, value):
        if value != self._widget.currentPath:  # set again, it would take the cursor to the end while the user types
            self._widget.currentPath = value


@parameterNodeWrapper
class CardioSAMParameterNode:
    """The user's choices, saved with the scene. heightCm, weightKg: 0 means "as in the file"."""

    inputPath: str
    outputFolder: str
    frames: Frames = Frames.ALL
    heightCm: Annotated[float, WithinRange(0.0, 250.0)] = 0.0
    weightKg: Annotated[float, WithinRange(0.0, 350.0)] = 0.0


class BackgroundJob:
    """Runs `function(progress)` on the executor's thread; reports on the main thread, the only one that may use Qt."""

    def __init__(self, executor, function, onProgress, onDone):
        self.cancelRequested = threading.Event()
        self._messages = queue.SimpleQueue()
        self._onProgress, self._onDone = onProgress, onDone
        self._future = executor.submit(function, self._progress)
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._poll)
        self._timer.start(50)

    def abandon(self):
        """Ask the worker to end and report nothing more, for when nobody is left to be told."""
        self.cancelRequested.set()
        self._timer.stop()

    def _progress(self, fraction, message):
        from CardioSAMLib.progress import Cancelled

        if self.cancelRequested.is_set():
            raise Cancelled
        self._messages.put((fraction, message))

    def _poll(self):
        finished = self._future.done()  # asked first, so that no message put before the end is lost
        while not self._messages.empty():
            self._onProgress(*self._messages.get())
        if finished:
            self._timer.stop()
            self._onDone(self._future)


class PackagesMissing(RuntimeError):
    """Packages are missing and cannot be installed; the text is a sentence for the user."""


class CardioSAMWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: choices, one button, progress, the measurements and what to know about them."""

    _parameters = _guiTag = _job = _report = None

    def setup(self):
        super().setup()
        panel = slicer.util.loadUI(self.resourcePath("UI/CardioSAM.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = CardioSAMLogic()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="CardioSAM")
        self.ui.modelLabel.text = self.logic.modelLine()
        self.ui.progressBar.visible = False
        header = self.ui.resultsTable.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        self._offerSeries(())
        self.ui.inputPathLineEdit.currentPathChanged.connect(self.onInputPathChanged)
        self.ui.analyzeButton.clicked.connect(self.onAnalyzeButton)
        self.ui.reportButton.clicked.connect(self.onReportButton)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.enter()

    def enter(self):
        self.setParameterNode(self.logic.getParameterNode())

    def exit(self):
        self.setParameterNode(None)

    def cleanup(self):
        self._abandonJob()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.setParameterNode(None)
        self.removeObservers()

    def onReload(self):
        """Reload the library too; Slicer alone reloads only this file."""
        self._abandonJob()
        for name in [name for name in sys.modules if name.split(".")[0] == "CardioSAMLib"]:
            del sys.modules[name]
        super().onReload()

    def onSceneStartClose(self, _caller, _event):
        self._abandonJob()
        self.setParameterNode(None)

    def onSceneEndClose(self, _caller, _event):
        if self.parent.isEntered:
            self.enter()

    def setParameterNode(self, parameters):
        """Bind the panel to these parameters, or to none."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._updateAnalyzeButton)
        self._parameters = parameters
        if parameters is not None:
            self._guiTag = parameters.connectGui(self.ui)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._updateAnalyzeButton)
        self._updateAnalyzeButton()

    def onInputPathChanged(self, _path):
        self._offerSeries(())  # those on offer were of the former input

    def onAnalyzeButton(self, _checked=False):
        """Start an analysis, or cancel the one that runs."""
        from CardioSAMLib.cine import UnusableInput

        if self._job is not None:
            self._job.cancelRequested.set()
            self.ui.messageLabel.text = _("Canceling...")
            return
        with slicer.util.tryWithErrorDisplay(_("The analysis could not be started."), waitCursor=True):
            try:
                self._start()
            except (UnusableInput, PackagesMissing) as error:
                self.ui.messageLabel.text = str(error)

    def onReportButton(self, _checked=False):
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._report)))

    def _start(self):
        self.logic.ensurePackages(self.resourcePath("requirements.txt"))
        series = self.ui.seriesComboBox.itemData(self.ui.seriesComboBox.currentIndex)
        options = self.logic.options(self._parameters, series)
        study, folder = Path(self._parameters.inputPath), Path(self._parameters.outputFolder)
        self.ui.resultsTable.rowCount = 0
        self.ui.notesList.clear()
        self.ui.reportButton.enabled = False
        self.ui.progressBar.value = 0
        self.ui.progressBar.visible = True
        work = partial(self.logic.analyze, study, folder, options)
        self._job = BackgroundJob(self._executor, work, self._onProgress, self._onDone)
        self._updateAnalyzeButton()

    def _onProgress(self, fraction, message):
        self.ui.progressBar.value = round(100 * fraction)
        if not self._job.cancelRequested.is_set():
            self.ui.messageLabel.text = message

    def _onDone(self, future):
        from CardioSAMLib.cine import UnusableInput
        from CardioSAMLib.io import SeveralCines
        from CardioSAMLib.progress import Cancelled

        self._endJob(_("The analysis failed."))
        with slicer.util.tryWithErrorDisplay(_("The analysis failed.")):
            try:
                self._show(future.result())
            except Cancelled:
                self.ui.messageLabel.text = _("Canceled; nothing was written.")
            except SeveralCines as several:
                self._offerSeries(several.candidates)
                self.ui.messageLabel.text = _("There are several cines; choose the series and analyze again.")
            except UnusableInput as error:
                self.ui.messageLabel.text = str(error)

    def _abandonJob(self):
        if self._job is not None:
            self._job.abandon()
            self._endJob(_("Canceled."))

    def _endJob(self, message):
        self._job = None
        self.ui.progressBar.visible = False
        self.ui.messageLabel.text = message
        self._updateAnalyzeButton()

    def _updateAnalyzeButton(self, _caller=None, _event=None):
        button, obstacle = self.ui.analyzeButton, self._obstacle()
        button.text = _("Cancel") if self._job else _("Analyze")
        button.enabled = self._job is not None or not obstacle
        button.toolTip = obstacle or _("Segment (on the processor, no GPU needed), measure and write the report.")
        if self._job:
            button.toolTip = _("Stop the analysis; nothing is written.")

    def _obstacle(self):
        """What keeps an analysis from starting, as a sentence; empty if nothing does."""
        if self._parameters is None or not self._parameters.inputPath:
            return _("Choose the study first.")
        if not Path(self._parameters.inputPath).exists():
            return _("There is nothing at the path of the study.")
        return "" if self._parameters.outputFolder else _("Choose the folder for the results first.")

    def _offerSeries(self, candidates):
        self.ui.seriesComboBox.clear()
        for candidate in candidates:
            self.ui.seriesComboBox.addItem(candidate.description, candidate.key)
        self.ui.seriesLabel.visible = self.ui.seriesComboBox.visible = bool(candidates)

    def _show(self, result):
        from CardioSAMLib.report.rows import measurement_rows

        rows = measurement_rows(result.study.function)
        self.ui.resultsTable.rowCount = len(rows)
        for number, row in enumerate(rows):
            for column, text in enumerate((row.title, row.lv.text, row.rv.text, row.unit)):
                self.ui.resultsTable.setItem(number, column, qt.QTableWidgetItem(text))
            for column, cell in ((1, row.lv), (2, row.rv)):
                self.ui.resultsTable.item(number, column).setToolTip(cell.reason)
        self.ui.resultsTable.resizeRowsToContents()
        for note in result.study.sorted_notes:
            self.ui.notesList.addItem(self._noteLine(note))
        self._report = next(path for path in result.outputs if path.name == "report.html")
        self.ui.reportButton.enabled = True
        done = _("Done, with errors: look at the contours in the report before using the numbers.")
        self.ui.messageLabel.text = done if result.failed else _("Done.")

    @staticmethod
    def _noteLine(note):
        words = {"error": _("Error"), "warning": _("Warning"), "info": _("Note")}
        return _("{severity}: {message}").format(severity=words[note.severity], message=note.message)


class CardioSAMLogic(ScriptedLoadableModuleLogic):
    """What the panel does, for scripts too: slicer.util.getModuleLogic("CardioSAM").analyze(study, folder)."""

    def getParameterNode(self):
        return CardioSAMParameterNode(super().getParameterNode())

    def modelLine(self):
        """Name and license of the model, which the user must see before the first use."""
        from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model

        card = find_model(DEFAULT_MODEL_ID)
        return _("{title}, weights under {license}").format(title=card.title, license=card.license)

    def ensurePackages(self, requirements):
        """Install what the analysis needs and Slicer lacks, after asking. Main thread only. Raises PackagesMissing."""
        if importlib.util.find_spec("slicer.packaging") is None:
            message = _("CardioSAM needs Slicer 5.12 or newer; this is {version}.")
            raise PackagesMissing(message.format(version=slicer.app.applicationVersion))
        from slicer import packaging

        try:
            packaging.pip_ensure(packaging.load_requirements(requirements), requester="CardioSAM")
        except RuntimeError as error:  # the user said no, or pip failed
            message = _("The analysis needs packages that are missing ({reason}).")
            raise PackagesMissing(message.format(reason=error)) from error

    def options(self, parameters, series=None):
        """The AnalysisOptions of a parameter node. Raises UnusableInput for a height or weight that cannot be."""
        from CardioSAMLib.analysis import AnalysisOptions
        from CardioSAMLib.cine import Patient

        patient = Patient(height_cm=parameters.heightCm or None, weight_kg=parameters.weightKg or None)
        return AnalysisOptions(frames=parameters.frames.value, series=series, patient=patient)

    def analyze(self, study, folder, options=None, progress=None):
        """See CardioSAMLib.analysis.analyze. Touches neither scene nor widgets: may run on any thread."""
        from CardioSAMLib.analysis import analyze
        from CardioSAMLib.progress import silent

        return analyze(Path(study), Path(folder), options, progress or silent)


class CardioSAMTest(ScriptedLoadableModuleTest):
    """The way from a file to the ejection fraction, in place. Needs no network and no package that Slicer lacks."""

    def runTest(self):
        self.test_the_ejection_fraction_of_the_phantom_is_found()

    def test_the_ejection_fraction_of_the_phantom_is_found(self):
        from CardioSAMLib import analysis
        from CardioSAMLib.io import write_nifti
        from CardioSAMLib.phantom import PhantomOptions, make_phantom

        phantom = make_phantom(PhantomOptions(frames=8))
        # Drawing contours needs onnxruntime and drawing curves matplotlib, which a test must not install.
        painter = Mock(**{"segment.return_value": phantom.segmentation})
        painting = patch.object(analysis, "segmenter_of", return_value=painter)
        notWriting = patch.object(analysis, "write_outputs", return_value=())
        with tempfile.TemporaryDirectory() as folder, painting, notWriting:
            study = Path(folder) / "phantom.nii.gz"
            write_nifti(phantom.cine, study)
            measured = CardioSAMLogic().analyze(study, folder).study.function.lv
        assert abs(measured.ef_percent - phantom.truth.lv.ef_percent) < 3.0
        assert abs(measured.edv_ml - phantom.truth.lv.edv_ml) < 0.05 * phantom.truth.lv.edv_ml
