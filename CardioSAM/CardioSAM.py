"""The CardioSAM panel of 3D Slicer: widgets and parameters. All computing is done by CardioSAMLib."""

import importlib.util
import sys
import time
from enum import Enum
from functools import partial, wraps
from pathlib import Path

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
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
        slicer.app.connect("startupCompleted()", onStartup)


def onStartup():
    """What must be known before the panel is opened: the views of scenes that were saved with it, and the phantom."""
    from CardioSAMLib.mrml.layout import register_layout

    register_layout()
    registerSampleData()


def registerSampleData():
    """The beating phantom among the sample data: it is computed, not downloaded."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="CardioSAM",
        sampleName=_("Beating heart phantom"),
        uris=[],  # and not None, which Slicer takes for a list
        fileNames=[],
        thumbnailFileName=str(Path(__file__).parent / "Resources" / "Icons" / "CardioSAM.png"),
        customDownloader=lambda _source: CardioSAMLogic().loadPhantom(),
    )


class Choice(Enum):
    """A choice among a few; Slicer asks each for its label, by this name."""

    def label(self):
        return {
            Frames.ALL: _("All, with volume curves"),
            Frames.ED_ES: _("ED and ES only (faster, no curves)"),
            Scope.SLICE: _("This slice, all frames"),
            Scope.FRAME: _("This frame, all slices"),
            Scope.ALL: _("Everything not finished"),
            Exported.ALL: _("All files"),
            Exported.REPORT: _("Report (HTML)"),
            Exported.TABLES: _("Tables (CSV, JSON)"),
            Exported.CONTOURS: _("Contours (NIfTI)"),
        }[self]


class Frames(Choice):
    """Which frames are segmented; the values are those of CardioSAMLib.analysis.AnalysisOptions."""

    ALL = "all"
    ED_ES = "ed-es"


class Scope(Choice):
    """Where propagation draws; the values are those of CardioSAMLib.mrml.contour_session.Scope."""

    SLICE = "slice"
    FRAME = "frame"
    ALL = "all"


class Exported(Choice):
    """What is exported: the endings of the files' names."""

    ALL = ("",)
    REPORT = (".html",)
    TABLES = (".csv", ".json")
    CONTOURS = (".nii.gz",)


@parameterNodeWrapper
class CardioSAMParameterNode:
    """The panel's choices, saved with the scene. What is said of a study (ED, ES, weight) is kept with the study."""

    cine: vtkMRMLScalarVolumeNode
    comparison: vtkMRMLSegmentationNode
    modelId: str
    promptModelId: str
    frames: Frames = Frames.ALL
    scope: Scope = Scope.SLICE
    exported: Exported = Exported.ALL


BOUND = {
    "cine": "cineSelector",
    "comparison": "comparisonSelector",
    "frames": "framesComboBox",
    "scope": "scopeComboBox",
    "exported": "exportComboBox",
}
"""Widgets that show a parameter and change it."""

_POLL_MS = 20
_WORKER_SHARE_S = 0.01
"""Of each poll, that the worker has for itself."""

SHORTCUTS = {
    "Ctrl+Return": "segmentButton", "Esc": "cancelButton", "Ctrl+Z": "undoButton", "Ctrl+Y": "redoButton",
    "P": "positiveButton", "N": "negativeButton", "B": "boxButton",
    "[": "previousButton", "]": "nextButton", "E": "edButton", "S": "esButton",
}  # fmt: skip
"""While the panel is open. Each key is in the tool tip of its button, too."""


def library():
    """What the panel calls of CardioSAMLib; imported when it opens, as it takes a while when Slicer starts."""
    from CardioSAMLib.mrml import panel

    return panel


def plainly(slot):
    """A slot that says in the panel what it cannot do, and leaves the panel up to date; bugs are Slicer's errors."""

    @wraps(slot)
    def guarded(self, *arguments):
        lib = library()
        with slicer.util.tryWithErrorDisplay(_("CardioSAM could not do that.")):
            try:
                try:
                    slot(self, *arguments)
                finally:
                    self.update()
            except lib.UnusableInput as error:
                self.desk.message = str(error)
            except lib.Cancelled:
                self.desk.message = _("Canceled; the scene is as it was.")
            finally:
                self._showState(lib.panel_state.progress(self.desk))

    return guarded


class CardioSAMWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel. What its buttons do is CardioSAMLib.mrml.desk; here it is bound to widgets, and shown in them."""

    _parameters = _guiTag = None

    def setup(self):
        super().setup()
        panel = slicer.util.loadUI(self.resourcePath("UI/CardioSAM.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = CardioSAMLogic()
        self.desk = library().Desk(on_cine=self._keepCine, can_encode=library().can_compute)
        self._shortcuts, self._tables = [], {}
        self._placeButtons = {"+": self.ui.positiveButton, "-": self.ui.negativeButton, "box": self.ui.boxButton}
        kind = library().Structure
        self._structureButtons = {kind.LV: self.ui.lvButton, kind.MYO: self.ui.myoButton, kind.RV: self.ui.rvButton}
        self._prepareWidgets()
        self._connectWidgets()
        self._pollTimer = qt.QTimer()
        self._pollTimer.timeout.connect(self.onPoll)
        self._pollTimer.start(_POLL_MS)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndClose)
        self.enter()

    def _prepareWidgets(self):
        ui = self.ui
        for table in (ui.resultsTable, ui.slicesTable, ui.comparisonTable, ui.notesTable):
            stretched = 3 if table is ui.notesTable else 0
            table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
            table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
            table.horizontalHeader().setSectionResizeMode(stretched, qt.QHeaderView.Stretch)
        for structure, button in self._structureButtons.items():
            color = qt.QPixmap(12, 12)
            color.fill(qt.QColor(*structure.color_rgb))
            button.icon = qt.QIcon(color)
        self._fillModels()

    def _connectWidgets(self):
        ui, desk = self.ui, self.desk
        for button, action in {
            ui.importButton: lambda: desk.read_path(ui.importPathLineEdit.currentPath),
            ui.filesButton: lambda: desk.read_files(qt.QFileDialog.getOpenFileNames(self.parent, _("Image files"))),
            ui.databaseButton: lambda: desk.read_database(slicer.dicomDatabase, self._parameters.cine),
            ui.candidateButton: lambda: desk.read_candidate(ui.candidatesComboBox.currentIndex),
            ui.segmentButton: self._segmentOrCancel,
            ui.cancelButton: self._cancel,
            ui.removeModelButton: lambda: self._removeModel(ui.modelComboBox),
            ui.removePromptModelButton: lambda: self._removeModel(ui.promptModelComboBox),
            ui.clearCacheButton: desk.clear_cache,
            ui.previousButton: lambda: desk.go_to_frame("previous"),
            ui.nextButton: lambda: desk.go_to_frame("next"),
            ui.edButton: lambda: desk.go_to_frame("ed"),
            ui.esButton: lambda: desk.go_to_frame("es"),
            ui.undoButton: lambda: desk.step("undo"),
            ui.redoButton: lambda: desk.step("redo"),
            ui.clearButton: desk.clear_prompts,
            ui.acceptButton: lambda: desk.opened.accept(*desk.shown),
            ui.lockButton: lambda: (desk.opened.lock if ui.lockButton.checked else desk.opened.unlock)(*desk.shown),
            ui.freezeButton: lambda: desk.opened.freeze(desk.structure, ui.freezeButton.checked),
            ui.propagateButton: lambda: desk.propagate(library().Scope(self._parameters.scope.value)),
            ui.editsButton: desk.take_edits,
            ui.chartButton: desk.show_chart,
            ui.surfacesButton: lambda: desk.show_surfaces(ui.surfacesButton.checked),
            ui.compareButton: lambda: desk.compare(self._parameters.comparison),
            ui.exportButton: lambda: desk.export(ui.exportFolderLineEdit.currentPath, self._parameters.exported.value),
            ui.reportButton: lambda: qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(desk.report))),
            **{button: partial(self._place, what) for what, button in self._placeButtons.items()},
            **{button: partial(desk.choose_structure, what) for what, button in self._structureButtons.items()},
        }.items():
            button.clicked.connect(partial(self.onAction, action))
        frames, given = (ui.edSpinBox, ui.esSpinBox), (ui.heartRateSpinBox, ui.heightSpinBox, ui.weightSpinBox)
        for signal, action in (
            *((box.valueChanged, lambda: desk.choose_frames(*(each.value for each in frames))) for box in frames),
            *((box.valueChanged, lambda: desk.give(*(each.value for each in given))) for box in given),
            *((box.currentIndexChanged, self._keepModels) for box in (ui.modelComboBox, ui.promptModelComboBox)),
        ):
            signal.connect(partial(self.onAction, action))
        ui.slicesTable.itemChanged.connect(self.onSliceTicked)
        ui.notesTable.cellClicked.connect(self.onNoteClicked)

    # Life of the panel

    def enter(self):
        self.setParameterNode(self.logic.getParameterNode())
        node = library().interaction_node()
        if node is not None and not self.hasObserver(node, node.InteractionModeChangedEvent, self.onInteraction):
            self.addObserver(node, node.InteractionModeChangedEvent, self.onInteraction)
        for key, name in () if self._shortcuts else SHORTCUTS.items():
            shortcut = qt.QShortcut(slicer.util.mainWindow() or self.parent)
            shortcut.setKey(qt.QKeySequence(key))
            shortcut.activated.connect(getattr(self.ui, name).click)
            self._shortcuts.append(shortcut)

    def exit(self):
        """Let another module have the keys and clicks; work goes on."""
        self.desk.stop_placing()
        self.removeObservers(self.onInteraction)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []
        self.setParameterNode(None)

    def cleanup(self):
        self._pollTimer.stop()
        self.exit()
        self.desk.close()
        self.removeObservers()

    def onReload(self):
        """Reload the library too; Slicer alone reloads only this file."""
        self.cleanup()
        for name in [name for name in sys.modules if name.split(".")[0] == "CardioSAMLib"]:
            del sys.modules[name]
        super().onReload()

    def onSceneStartClose(self, _caller, _event):
        self.desk.forget()
        self.setParameterNode(None)

    def onSceneEndClose(self, _caller, _event):
        if self.parent.isEntered:
            self.enter()

    def setParameterNode(self, parameters):
        """Bind the panel to these parameters, or to none."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
        self._parameters = parameters
        if parameters is not None:
            # Named here and not in the UI file: only this call returns a tag in all versions (Slicer#7545).
            bound = {name: getattr(self.ui, widget) for name, widget in BOUND.items()}
            self._guiTag = parameters.connectParametersToGui(bound)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
            self._showModels()
        self.onParameters()

    @plainly
    def onAction(self, action, *_ofTheSignal):
        action()

    @plainly
    def onParameters(self, *_):
        if slicer.mrmlScene.IsImporting():  # its nodes are not whole yet
            return
        volume = self._parameters.cine if self._parameters else None
        if self.desk.session is None or volume is not self.desk.session.study.volume or volume is None:
            self.desk.open(volume)

    def onPoll(self):
        if self.desk.is_busy:
            # Slicer's event loop keeps Python's lock while it waits (discourse.slicer.org/t/32299): the worker, which
            # could else compute only while the panel does, gets it here.
            time.sleep(_WORKER_SHARE_S)
        if self.desk.is_working:
            self._showState(library().panel_state.progress(self.desk))
        if self.desk.has_news:
            self.onAction(self.desk.poll)

    @plainly
    def onInteraction(self, *_):
        self.desk.placing_changed()

    @plainly
    def onSliceTicked(self, item):
        frame = self.desk.key_frames[item.column() - 1]
        self.desk.opened.include(frame, item.row(), item.checkState() == qt.Qt.Checked)
        self.desk.assess()

    @plainly
    def onNoteClicked(self, row, _column):
        self.desk.go_to_note(row)

    # What needs the choices in the widgets

    def _segmentOrCancel(self):
        if self.desk.is_working:
            self._cancel()
        else:
            frames = self._parameters.frames.value
            self._withModel(self.ui.modelComboBox, lambda card: self.desk.segment(card.id, frames))

    def _cancel(self):
        self.desk.cancel()
        self.desk.stop_placing()

    def _place(self, what):
        if self.desk.placing == what:
            self.desk.stop_placing()
        else:
            self._withModel(self.ui.promptModelComboBox, lambda card: self.desk.place(what, card.id))

    def _withModel(self, comboBox, action):
        """Calls `action(card)` for the model that is chosen; first installs and downloads what the user agrees to."""
        card = self._card(comboBox)
        library().ensure_packages(self.resourcePath("requirements.txt"), card)
        if card.is_here or card.url is None:
            action(card)
        elif slicer.util.confirmOkCancelDisplay(library().panel_rows.download_question(card), _("Download a model")):
            self.desk.download(card.id, lambda: action(card))

    # Models

    def _fillModels(self):
        boxes = {library().AUTOMATIC: self.ui.modelComboBox, library().PROMPTABLE: self.ui.promptModelComboBox}
        for comboBox in boxes.values():
            comboBox.blockSignals(True)
            comboBox.clear()
        for card in library().load_catalogue():
            boxes[card.kind].addItem(card.title, card.id)
        for comboBox in boxes.values():
            comboBox.blockSignals(False)

    def _showModels(self):
        for comboBox, modelId in (
            (self.ui.modelComboBox, self._parameters.modelId or library().DEFAULT_MODEL_ID),
            (self.ui.promptModelComboBox, self._parameters.promptModelId or library().DEFAULT_PROMPTABLE_ID),
        ):
            setQuietly(comboBox, "currentIndex", max(comboBox.findData(modelId), 0))

    def _keepModels(self):
        self._parameters.modelId = self._card(self.ui.modelComboBox).id
        self._parameters.promptModelId = self._card(self.ui.promptModelComboBox).id

    def _card(self, comboBox):
        return library().find_model(comboBox.itemData(comboBox.currentIndex))

    def _removeModel(self, comboBox):
        library().remove_model(self._card(comboBox).id)
        self._fillModels()
        self._showModels()

    def _keepCine(self, volume):
        self.logic.getParameterNode().cine = volume  # the panel may have been left meanwhile

    # What the panel shows

    def update(self):
        """Bring the panel up to date; cheap enough to be called after each step."""
        ui, desk, state = self.ui, self.desk, library().panel_state
        self._showState(state.progress(desk))
        self._showState(state.state(desk, self._card(ui.modelComboBox), self._card(ui.promptModelComboBox)))
        ui.segmentButton.text = _("Cancel") if desk.is_working else _("Segment")
        ui.freezeButton.text = _("Freeze {name}").format(name=desk.structure.name)
        self._updateTables()

    def _showState(self, state):
        for (widget, name), value in state.items():
            setQuietly(getattr(self.ui, widget), name, value)

    def _updateTables(self):
        ui, desk, rows = self.ui, self.desk, library().panel_rows
        assessed, compared = desk.assessed, desk.comparison
        self._fill(ui.resultsTable, assessed, lambda: rows.measurement_cells(assessed.function))
        self._fill(ui.notesTable, assessed, lambda: rows.note_cells(assessed.sorted_notes))
        self._fill(ui.comparisonTable, compared, lambda: rows.comparison_cells(compared))
        self._fill(ui.slicesTable, assessed, lambda: rows.slice_cells(desk.opened))
        if self._isNew(ui.candidatesComboBox, desk.candidates):
            ui.candidatesComboBox.clear()
            ui.candidatesComboBox.addItems([description for description, _source in desk.candidates])

    def _isNew(self, widget, content):
        """Whether a widget shows something else; from now on it is said to show this."""
        name = widget.objectName
        before, self._tables[name] = self._tables.get(name), content
        return before is not content

    def _fill(self, table, content, rows):
        """Show the rows of cells made from something; none for None."""
        if not self._isNew(table, content):
            return
        cells = [] if content is None else rows()
        table.blockSignals(True)
        table.rowCount = len(cells)
        for number, row in enumerate(cells):
            for column, cell in enumerate(row):
                table.setItem(number, column, self._item(cell))
        table.blockSignals(False)

    @staticmethod
    def _item(cell):
        item = qt.QTableWidgetItem(cell.text)
        item.setToolTip(cell.explanation)
        if cell.ticked is not None:
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Checked if cell.ticked else qt.Qt.Unchecked)
        return item


def setQuietly(widget, name, value):
    """Set a property without a signal, and only if it differs: what the user is typing must stay."""
    # What is hidden is not visible either while its whole panel is not: no reason to leave it as it is.
    if name == "visible" or getattr(widget, name) != value:
        before = widget.blockSignals(True)
        setattr(widget, name, value)
        widget.blockSignals(before)


class CardioSAMLogic(ScriptedLoadableModuleLogic):
    """For scripts: CardioSAMLib.mrml.workflow under the names of Slicer.

    logic = slicer.util.getModuleLogic("CardioSAM")
    volume = logic.loadStudy("/data/study")
    logic.segment(volume)
    print(logic.measure(volume)["lv"]["ef_percent"])
    """

    def getParameterNode(self):
        return CardioSAMParameterNode(super().getParameterNode())

    def loadStudy(self, path, series=None):
        """The volume node of the cine in a DICOM folder, a 4D image file or an ACDC patient folder."""
        return library().workflow.load_study(path, series)

    def loadPhantom(self):
        """The volume node of the built-in beating heart."""
        return library().workflow.load_phantom()

    def segment(self, volume, **options):
        """The segmentation node of a cine, drawn by a model; options: `model`, `frames`."""
        return library().workflow.segment(volume, **options)

    def measure(self, volume):
        """The measurements of a segmented cine, as in measurements.json."""
        return library().workflow.measure(volume)

    def export(self, volume, folder):
        """Writes the files of a segmented cine; returns their paths."""
        return library().workflow.export(volume, folder)


class CardioSAMTest(ScriptedLoadableModuleTest):
    """The way from a cine to the ejection fraction, in place. Needs no network and no package that Slicer lacks."""

    def runTest(self):
        from CardioSAMLib.mrml.segmentations import segmentation_nodes
        from CardioSAMLib.mrml.studies import SceneStudy
        from CardioSAMLib.phantom import make_phantom

        slicer.mrmlScene.Clear()
        phantom = make_phantom()
        volume = CardioSAMLogic().loadPhantom()
        # Drawing contours by a model needs onnxruntime, which a test must not install.
        SceneStudy.of(volume).segmentation = segmentation_nodes(volume, phantom.segmentation).segmentation
        measured = CardioSAMLogic().measure(volume)["lv"]
        assert abs(measured["ef_percent"] - phantom.truth.lv.ef_percent) < 3.0
        assert abs(measured["edv_ml"] - phantom.truth.lv.edv_ml) < 0.05 * phantom.truth.lv.edv_ml
