"""Stand-in for PythonQt's module `qt`: real Qt classes by one name; the widgets show their properties as attributes.

PySide6's own `true_property` feature would do that too, but it leaks: once a slot of the panel was called by Qt, other
modules see the switched classes as well.
"""

from PySide6 import QtWidgets
from PySide6.QtCore import QObject, Qt, QTimer, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QIcon, QKeySequence, QPixmap, QShortcut
from PySide6.QtWidgets import QHeaderView, QTableWidgetItem

__all__ = [
    "PropertiesAsAttributes",
    "QColor",
    "QDesktopServices",
    "QFileDialog",
    "QHeaderView",
    "QIcon",
    "QKeySequence",
    "QPixmap",
    "QShortcut",
    "QTableWidgetItem",
    "QTimer",
    "QUrl",
    "Qt",
]

# Qt itself asks the Python object for these, and wants the methods.
_VIRTUAL_METHODS = {"sizeHint", "minimumSizeHint"}


class PropertiesAsAttributes:
    """Reading and setting an attribute reads and sets the Qt property of that name, as in PythonQt.

    For classes of Qt; a property that is defined in Python is an attribute anyway.
    """

    def __getattribute__(self, name):
        if _isProperty(self, name):
            return QObject.property(self, name)
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        if _isProperty(self, name):
            QObject.setProperty(self, name, value)
        elif name.startswith("_"):
            super().__setattr__(name, value)
        else:
            raise AttributeError(f"{type(self).__name__} has no property {name}")


def _isProperty(widget, name):
    if name.startswith("_") or name in _VIRTUAL_METHODS:
        return False
    return type(widget).staticMetaObject.indexOfProperty(name) >= 0


class QFileDialog:
    """chosen: what the user chooses. PythonQt returns the files alone, without the filter."""

    chosen = ()

    @classmethod
    def getOpenFileNames(cls, parent, caption):
        assert isinstance(parent, QtWidgets.QWidget)
        assert caption
        return cls.chosen


class QComboBox(PropertiesAsAttributes, QtWidgets.QComboBox):
    pass


class QDoubleSpinBox(PropertiesAsAttributes, QtWidgets.QDoubleSpinBox):
    pass


class QLabel(PropertiesAsAttributes, QtWidgets.QLabel):
    pass


class QProgressBar(PropertiesAsAttributes, QtWidgets.QProgressBar):
    pass


class QPushButton(PropertiesAsAttributes, QtWidgets.QPushButton):
    pass


class QSpinBox(PropertiesAsAttributes, QtWidgets.QSpinBox):
    pass


class QTableWidget(PropertiesAsAttributes, QtWidgets.QTableWidget):
    pass
