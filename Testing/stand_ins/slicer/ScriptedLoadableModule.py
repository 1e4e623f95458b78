"""Stand-in for slicer.ScriptedLoadableModule: the four base classes, as far as our module uses them."""

import unittest
from pathlib import Path

import slicer
import slicer.util
from PySide6.QtWidgets import QVBoxLayout


class ScriptedLoadableModule:
    def __init__(self, parent):
        super().__init__()
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
    def __init__(self):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self):
        """The module's one parameter node: a singleton of the scene, which closing the scene empties."""
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag(self.moduleName)
            node.SetName(self.moduleName)
            node = slicer.mrmlScene.AddNode(node)
        node.SetAttribute("ModuleName", self.moduleName)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    pass
