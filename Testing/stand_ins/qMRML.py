"""Stand-ins for Slicer's own widgets of our .ui file, on the real scene."""

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QWidget


class qMRMLWidget(QWidget):
    """Hands its scene to the widgets that the .ui file connects with it."""

    mrmlSceneChanged = Signal("QVariant")

    def setMRMLScene(self, scene):
        self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(QComboBox):
    """Lists "None" and the nodes of the scene of the given classes; the node that is chosen stays so by its id."""

    currentNodeChanged = Signal("QVariant")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._nodeTypes, self._scene, self._shown, self._showsChildren = [], None, None, True
        self.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.addItem("None", "")
        self.currentIndexChanged.connect(self._tell)

    def setMRMLScene(self, scene):
        self._scene = scene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent):
            scene.AddObserver(event, self._onScene)
        self._onScene()

    def currentNode(self):
        return self._scene and self._scene.GetNodeByID(self.itemData(self.currentIndex()) or "")

    def setCurrentNode(self, node):
        self._onScene()
        self.setCurrentIndex(max(self.findData(node.GetID() if node else ""), 0))

    def _onScene(self, *_):
        chosen = self.itemData(self.currentIndex())
        self.blockSignals(True)
        while self.count() > 1:
            self.removeItem(1)
        for node in self._nodes():
            self.addItem(node.GetName(), node.GetID())
        self.setCurrentIndex(max(self.findData(chosen), 0))
        self.blockSignals(False)
        self._tell()

    def _nodes(self):
        for kind in self._nodeTypes:
            for number in range(self._scene.GetNumberOfNodesByClass(kind)):
                node = self._scene.GetNthNodeByClass(number, kind)
                if (self._showsChildren or node.GetClassName() == kind) and not node.GetHideFromEditors():
                    yield node

    def _tell(self, *_):
        node = self.currentNode()
        if node is not self._shown:
            self._shown = node
            self.currentNodeChanged.emit(node)

    def _types(self):
        return self._nodeTypes

    def _setTypes(self, types):
        self._nodeTypes = types

    def _children(self):
        return self._showsChildren

    def _setChildren(self, on):
        self._showsChildren = on

    nodeTypes = Property("QStringList", _types, _setTypes)
    showChildNodeTypes = Property(bool, _children, _setChildren)
    noneEnabled = Property(bool, lambda _self: True, lambda _self, _on: None)
    addEnabled = Property(bool, lambda _self: False, lambda _self, _on: None)
    removeEnabled = Property(bool, lambda _self: False, lambda _self, _on: None)
    renameEnabled = Property(bool, lambda _self: False, lambda _self, _on: None)
