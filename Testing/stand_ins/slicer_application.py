"""Stand-in for what of `slicer` only the application has. Scene, logics and `slicer.util` are those of slicer-core.

Holds what CardioSAM calls, nothing else. Where Slicer behaves otherwise, Slicer is right: correct it here first.
"""

from types import SimpleNamespace

import ctk
import qMRML
import qt
from PySide6.QtUiTools import QUiLoader
from PySide6.QtWidgets import QWidget


class Application:
    """`slicer.app`. errors: what was shown in a message box. started: slots that wait for the end of the start.

    asked: questions that were shown; agrees: what the user answers.
    """

    applicationVersion = "5.12.0"

    def __init__(self, application_logic):
        self.errors, self.started, self.reloaded, self.asked = [], [], [], []
        self.agrees = True
        self._logic = application_logic

    def ask(self, text, _title):
        """slicer.util.confirmOkCancelDisplay."""
        self.asked.append(text)
        return self.agrees

    def applicationLogic(self):
        return self._logic

    def connect(self, signal, slot):
        assert signal == "startupCompleted()"
        self.started.append(slot)

    def testingEnabled(self):
        return False  # in testing mode errors are not shown

    def processEvents(self):
        pass

    def pauseRender(self):
        pass

    def resumeRender(self):
        pass


class _Loader(QUiLoader):
    """Makes widgets from the stand-ins, where there is one of that class."""

    def createWidget(self, className, parent=None, name=""):
        for module in (ctk, qt, qMRML):
            if hasattr(module, className):
                widget = getattr(module, className)(parent)
                widget.setObjectName(name)
                return widget
        return super().createWidget(className, parent, name)


def loadUI(path):
    """slicer.util.loadUI. Qt cannot connect signals that carry a vtkMRMLScene here: that is done by hand."""
    panel = _Loader().load(str(path))
    for selector in panel.findChildren(qMRML.qMRMLNodeComboBox):
        panel.mrmlSceneChanged.connect(selector.setMRMLScene)
    return panel


def childWidgetVariables(widget):
    """slicer.util.childWidgetVariables."""
    named = ((child.property("objectName"), child) for child in widget.findChildren(QWidget))
    return SimpleNamespace(**{name: child for name, child in named if name})
