"""Stand-in for slicer.ScriptedLoadableModule: the four base classes, as far as our module uses them."""

import unittest
from pathlib import Path

from PySide6.QtWidgets import QVBoxLayout

import slicer
import slicer.util


class ScriptedLoadableModule:
    def __init__(self, parent):
        self.parent = parent


class ScriptedLoadableModuleWidget:
    """parent: a qMRMLWidget, with the attributes `isEntered` and `path` (of the module file)."""

    def __init__(self, parent):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.parent = parent
        self.layout = QVBoxLayout(parent)

    def resourcePath(self, name):
        return str(Path(self.parent.path).parent / "Resources" / name)

    def setup(self):
        """The developer's section, which is not shown to users."""

    def onReload(self):
        slicer.util.reloadScriptedModule(self.moduleName)


class ScriptedLoadableModuleLogic:
    def getParameterNode(self):
        return slicer.mrmlScene.parameterNode


class ScriptedLoadableModuleTest(unittest.TestCase):
    pass
