"""Stand-in for slicer.parameterNodeWrapper: typed attributes, kept in a real parameter node and bound to widgets.

Knows str, Enum and MRML nodes (kept as references), and the widgets that our panel binds to them. As in Slicer, an
unknown name or pair is an error.
"""

import enum
import typing

import slicer
import vtk
from qMRML import qMRMLNodeComboBox
from qt import QComboBox


class _ComboBoxToEnum:
    def __init__(self, widget, kind):
        self._widget, self._members = widget, list(kind)
        self.signal = widget.currentIndexChanged
        widget.clear()
        for member in kind:
            widget.addItem(kind.label(member))

    def read(self):
        return self._members[self._widget.currentIndex]

    def write(self, value):
        self._widget.currentIndex = self._members.index(value)


class _NodeComboBoxToNode:
    def __init__(self, widget, _kind):
        self.signal = widget.currentNodeChanged
        self.read, self.write = widget.currentNode, widget.setCurrentNode


def _connector(widget, kind):
    if type(widget) is QComboBox and issubclass(kind, enum.Enum):
        return _ComboBoxToEnum(widget, kind)
    if type(widget) is qMRMLNodeComboBox and issubclass(kind, slicer.vtkMRMLNode):
        return _NodeComboBoxToNode(widget, kind)
    raise RuntimeError(f"Unable to create GUI connector from datatype {kind} to widget type {type(widget)}")


class _Parameters:
    """What parameterNodeWrapper adds to a class of annotated attributes."""

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._bindings = {}
        self._updatingGui = False
        for name, default in self._defaults.items():
            if not parameterNode.GetParameter(name):
                self._write(name, default)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)

    def connectParametersToGui(self, mapping):
        connectors = {name: _connector(widget, self._types[name]) for name, widget in mapping.items()}
        slots = []
        for name, connector in connectors.items():
            connector.write(self._read(name))
            slot = self._slot(name, connector)
            connector.signal.connect(slot)
            slots.append((connector.signal, slot))
        tag = self.AddObserver(vtk.vtkCommand.ModifiedEvent, self._updateGui)
        self._bindings[tag] = (connectors, slots)
        return tag

    def disconnectGui(self, tag):
        self.RemoveObserver(tag)
        for signal, slot in self._bindings.pop(tag)[1]:
            signal.disconnect(slot)

    def _slot(self, name, connector):
        def onWidgetChanged(*_):
            if not self._updatingGui:
                self._write(name, connector.read())

        return onWidgetChanged

    def _updateGui(self, _caller, _event):
        self._updatingGui = True
        for connectors, _slots in self._bindings.values():
            for name, connector in connectors.items():
                connector.write(self._read(name))
        self._updatingGui = False

    def _read(self, name):
        kind = self._types[name]
        if issubclass(kind, slicer.vtkMRMLNode):
            return self.parameterNode.GetNodeReference(name)
        text = self.parameterNode.GetParameter(name)
        return kind[text] if issubclass(kind, enum.Enum) else kind(text)

    def _write(self, name, value):
        kind = self._types[name]
        if issubclass(kind, slicer.vtkMRMLNode):
            self.parameterNode.SetNodeReferenceID(name, value.GetID() if value else None)
            return
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {value!r}, not a {kind.__name__}")
        self.parameterNode.SetParameter(name, value.name if isinstance(value, enum.Enum) else str(value))


def parameterNodeWrapper(described):
    types = typing.get_type_hints(described)
    defaults = {
        name: getattr(described, name) if hasattr(described, name) else kind()
        for name, kind in types.items()
        if not issubclass(kind, slicer.vtkMRMLNode)
    }
    accessors = {
        name: property(
            lambda self, name=name: self._read(name), lambda self, value, name=name: self._write(name, value)
        )
        for name in types
    }
    return type(described.__name__, (_Parameters,), {"_types": types, "_defaults": defaults, **accessors})
