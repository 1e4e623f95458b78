"""Stand-in for slicer.util: panels from the real .ui files, observers, and error messages that are recorded."""

from contextlib import contextmanager
from types import SimpleNamespace

import ctk
import qt
from PySide6.QtUiTools import QUiLoader
from PySide6.QtWidgets import QWidget

import slicer

displayedErrors = []
reloadedModules = []


class _Loader(QUiLoader):
    """Makes widgets from the stand-ins, where there is one of that class."""

    def createWidget(self, className, parent=None, name=""):
        for module in (ctk, qt, slicer):
            if hasattr(module, className):
                widget = getattr(module, className)(parent)
                widget.setObjectName(name)
                return widget
        return super().createWidget(className, parent, name)


def loadUI(path):
    return _Loader().load(str(path))


def childWidgetVariables(widget):
    named = ((child.property("objectName"), child) for child in widget.findChildren(QWidget))
    return SimpleNamespace(**{name: child for name, child in named if name})


def reloadScriptedModule(name):
    reloadedModules.append(name)


@contextmanager
def tryWithErrorDisplay(message, waitCursor=False):  # noqa: ARG001
    """Shows (here: records) what went wrong, then lets the error pass, as Slicer does."""
    try:
        yield
    except Exception as error:
        displayedErrors.append(f"{message} {error}")
        raise


class VTKObservationMixin:
    def __init__(self):
        super().__init__()
        self._observations = []

    def addObserver(self, observed, event, method):
        self._observations.append((observed, event, method, observed.AddObserver(event, method)))

    def removeObserver(self, observed, event, method):
        for observation in [each for each in self._observations if each[:3] == (observed, event, method)]:
            self._remove(observation)

    def removeObservers(self):
        for observation in list(self._observations):
            self._remove(observation)

    def _remove(self, observation):
        observation[0].RemoveObserver(observation[3])
        self._observations.remove(observation)
