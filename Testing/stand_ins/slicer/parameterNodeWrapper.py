"""Stand-in for slicer.parameterNodeWrapper: typed attributes, kept as text in a parameter node and bound to widgets.

Knows str, float and Enum, and the widgets that our panel binds to them. As in Slicer, a widget is bound by its dynamic
property SlicerParameterName, widget classes are compared exactly, and an unknown name or pair is an error.
"""

import enum
import typing
from dataclasses import dataclass

from qt import QComboBox, QDoubleSpinBox

_connectorClasses = []


@dataclass(frozen=True)
class WithinRange:
    minimum: float
    maximum: float

    def validate(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within [{self.minimum}, {self.maximum}]. Value: {value}")


class GuiConnector:
    _callback = None

    def onChanged(self, callback):
        self._callback = callback
        if callback is None:
            self._disconnect()
        else:
            self._connect()

    def changed(self, *_):
        if self._callback:
            self._callback()


def parameterNodeGuiConnector(connectorClass):
    _connectorClasses.append(connectorClass)
    return connectorClass


@parameterNodeGuiConnector
class _SpinBoxToFloat(GuiConnector):
    @staticmethod
    def canRepresent(widget, datatype):
        return type(widget) is QDoubleSpinBox and _split(datatype)[0] is float

    @staticmethod
    def create(widget, datatype):
        connector = _SpinBoxToFloat()
        connector._widget = widget
        (withinRange,) = _split(datatype)[1]
        widget.setRange(withinRange.minimum, withinRange.maximum)
        return connector

    def _connect(self):
        self._widget.valueChanged.connect(self.changed)

    def _disconnect(self):
        self._widget.valueChanged.disconnect(self.changed)

    def read(self):
        return self._widget.value

    def write(self, value):
        self._widget.value = value


@parameterNodeGuiConnector
class _ComboBoxToEnum(GuiConnector):
    @staticmethod
    def canRepresent(widget, datatype):
        return type(widget) is QComboBox and isinstance(datatype, type) and issubclass(datatype, enum.Enum)

    @staticmethod
    def create(widget, datatype):
        connector = _ComboBoxToEnum()
        connector._widget, connector._members = widget, list(datatype)
        widget.clear()
        for member in datatype:
            widget.addItem(datatype.label(member))
        return connector

    def _connect(self):
        self._widget.currentIndexChanged.connect(self.changed)

    def _disconnect(self):
        self._widget.currentIndexChanged.disconnect(self.changed)

    def read(self):
        return self._members[self._widget.currentIndex]

    def write(self, value):
        self._widget.currentIndex = self._members.index(value)


def _split(datatype):
    """The type and its annotations."""
    return (datatype.__origin__, datatype.__metadata__) if hasattr(datatype, "__metadata__") else (datatype, ())


class _Parameters:
    """What parameterNodeWrapper adds to a class of annotated attributes."""

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._bindings = {}
        self._updatingGui = False
        for name, default in self._defaults.items():
            if not parameterNode.HasParameter(name):
                self._write(name, default)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)

    def connectGui(self, ui):
        connectors = {}
        for widget in vars(ui).values():
            name = widget.property("SlicerParameterName")
            if name:
                connectors[name] = _connector(widget, self._types[name])
        for name, connector in connectors.items():
            connector.write(self._read(name))
            connector.onChanged(lambda name=name, connector=connector: self._onWidgetChanged(name, connector))
        tag = self.AddObserver("ModifiedEvent", self._updateGui)
        self._bindings[tag] = connectors
        return tag

    def disconnectGui(self, tag):
        for connector in self._bindings.pop(tag).values():
            connector.onChanged(None)

    def _onWidgetChanged(self, name, connector):
        if not self._updatingGui:
            before = self.parameterNode.StartModify()
            self._write(name, connector.read())
            self.parameterNode.EndModify(before)

    def _updateGui(self, _caller, _event):
        self._updatingGui = True
        for connectors in self._bindings.values():
            for name, connector in connectors.items():
                connector.write(self._read(name))
        self._updatingGui = False

    def _read(self, name):
        kind, text = _split(self._types[name])[0], self.parameterNode.GetParameter(name)
        return kind[text] if issubclass(kind, enum.Enum) else kind(text)

    def _write(self, name, value):
        kind, annotations = _split(self._types[name])
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {value!r}, not a {kind.__name__}")
        for annotation in annotations:
            annotation.validate(value)
        self.parameterNode.SetParameter(name, value.name if isinstance(value, enum.Enum) else str(value))


def _connector(widget, datatype):
    for connectorClass in _connectorClasses:
        if connectorClass.canRepresent(widget, datatype):
            return connectorClass.create(widget, datatype)
    raise RuntimeError(f"Unable to create GUI connector from datatype {datatype} to widget type {type(widget)}")


def parameterNodeWrapper(described):
    types = typing.get_type_hints(described, include_extras=True)
    defaults = {name: getattr(described, name) if hasattr(described, name) else kind() for name, kind in types.items()}
    accessors = {
        name: property(
            lambda self, name=name: self._read(name), lambda self, value, name=name: self._write(name, value)
        )
        for name in types
    }
    return type(described.__name__, (_Parameters,), {"_types": types, "_defaults": defaults, **accessors})
