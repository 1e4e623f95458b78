"""A picture of a table node, in the table widget of Qt on which Slicer's own is built."""

import os

import numpy as np
import slicer

from CardioSAMLib.cine import Array


def table_picture(table_node: slicer.vtkMRMLTableNode, width_px: int) -> Array:
    """uint8 `(rows, columns, 3)`: all rows of the table, the first column as wide as there is room."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6 import QtCore, QtGui, QtWidgets

    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    assert isinstance(application, QtWidgets.QApplication), "an application without windows runs"
    application.setStyle("Fusion")
    application.styleHints().setColorScheme(QtCore.Qt.ColorScheme.Light)
    columns, rows = table_node.GetNumberOfColumns(), table_node.GetNumberOfRows()
    widget = QtWidgets.QTableWidget(rows, columns)
    widget.setHorizontalHeaderLabels([table_node.GetColumnName(column) for column in range(columns)])
    for column in range(columns):
        values = table_node.GetTable().GetColumn(column)
        for row in range(rows):
            widget.setItem(row, column, QtWidgets.QTableWidgetItem(str(values.GetValue(row))))
    header = widget.horizontalHeader()
    header.setSectionResizeMode(QtWidgets.QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
    widget.verticalHeader().hide()
    widget.resizeRowsToContents()
    frame_px = 2 * widget.frameWidth()
    widget.setFixedSize(width_px, sum(map(widget.rowHeight, range(rows))) + header.sizeHint().height() + frame_px)
    image = widget.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
