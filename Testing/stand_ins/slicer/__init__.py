"""Stand-in for the package `slicer`: a scene of observable nodes, the application, the top widget of a panel.

Holds what CardioSAM.py calls, nothing else. Where Slicer behaves otherwise, Slicer is right: correct it here first.
"""

from PySide6.QtWidgets import QWidget


class vtkMRMLScriptedModuleNode:
    """Text parameters; observers hear of changes, once per StartModify ... EndModify."""

    def __init__(self):
        self._parameters = {}
        self._observers = {}
        self._modifying = self._pending = False

    def HasParameter(self, name):
        return name in self._parameters

    def GetParameter(self, name):
        return self._parameters.get(name, "")

    def SetParameter(self, name, text):
        if self._parameters.get(name) != text:
            self._parameters[name] = text
            self.Modified()

    def StartModify(self):
        before, self._modifying = self._modifying, True
        return before

    def EndModify(self, before):
        self._modifying = before
        if self._pending and not before:
            self.Modified()

    def Modified(self):
        self._pending = self._modifying
        if not self._modifying:
            self.InvokeEvent("ModifiedEvent")

    def AddObserver(self, event, callback, _priority=0.0):
        tag = object()
        self._observers[tag] = (event, callback)
        return tag

    def RemoveObserver(self, tag):
        del self._observers[tag]

    def InvokeEvent(self, event):
        for observed, callback in list(self._observers.values()):
            if observed == event:
                callback(self, event)


class vtkMRMLScene(vtkMRMLScriptedModuleNode):
    """Holds the one parameter node, until it is closed."""

    StartCloseEvent, EndCloseEvent = "StartCloseEvent", "EndCloseEvent"

    def __init__(self):
        super().__init__()
        self.parameterNode = vtkMRMLScriptedModuleNode()

    def Clear(self, _removeSingletons=0):
        self.InvokeEvent(self.StartCloseEvent)
        self.parameterNode = vtkMRMLScriptedModuleNode()
        self.InvokeEvent(self.EndCloseEvent)


class qMRMLWidget(QWidget):
    def setMRMLScene(self, scene):
        self.scene = scene


class _Application:
    applicationVersion = "5.12.0"


app = _Application()
mrmlScene = vtkMRMLScene()
