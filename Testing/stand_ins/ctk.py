"""Stand-ins for the CTK widgets of our .ui file: real Qt widgets with the properties and signals that we use."""

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QGroupBox, QHBoxLayout, QLineEdit, QToolButton, QWidget


class ctkCollapsibleButton(QGroupBox):
    """Drawn as a group box; cannot be collapsed."""

    text = Property(str, QGroupBox.title, QGroupBox.setTitle)


class ctkPathLineEdit(QWidget):
    """A line edit and a button that does nothing. As in CTK, every change of the text is a change of the path."""

    currentPathChanged = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._edit = QLineEdit()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._edit)
        layout.addWidget(QToolButton(text="..."))
        self._edit.textChanged.connect(self.currentPathChanged)

    def _path(self):
        return self._edit.text()

    def _setPath(self, path):
        self._edit.setText(path)

    currentPath = Property(str, _path, _setPath, notify=currentPathChanged)
