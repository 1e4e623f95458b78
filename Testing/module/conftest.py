"""The panel outside Slicer: its real .py and .ui on real Qt widgets, with stand-ins for what only Slicer has."""

import importlib.util
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE_FILE = ROOT / "CardioSAM" / "CardioSAM.py"
STAND_INS = ROOT / "Testing" / "stand_ins"
REPLACED = {"CardioSAM", "ctk", "qt", "slicer", "vtk"}


@pytest.fixture(scope="session")
def application():
    """The one Qt application of this process, without a screen."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    widgets = pytest.importorskip(
        "PySide6.QtWidgets",
        reason="panel tests need PySide6-Essentials and its system libraries (Debian: libegl1 libgl1 libxkbcommon0 "
        "libdbus-1-3 libfontconfig1)",
        exc_type=ImportError,
    )
    return widgets.QApplication.instance() or widgets.QApplication([])


@pytest.fixture
def module(application, monkeypatch):  # noqa: ARG001 widgets need it
    """CardioSAM.py, imported as Slicer does, among fresh stand-ins."""
    for name in _replaced():
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(STAND_INS)
    specification = importlib.util.spec_from_file_location("CardioSAM", MODULE_FILE)
    loaded = importlib.util.module_from_spec(specification)
    sys.modules["CardioSAM"] = loaded
    specification.loader.exec_module(loaded)
    yield loaded
    for name in _replaced():
        del sys.modules[name]


def _replaced():
    return [name for name in sys.modules if name.split(".")[0] in REPLACED]


@pytest.fixture
def panel(module, application):
    """The open panel, and `wait` to let Qt work until something is true."""
    import slicer

    parent = slicer.qMRMLWidget()
    parent.isEntered, parent.path = True, str(MODULE_FILE)
    widget = module.CardioSAMWidget(parent)
    widget.setup()
    widget.enter()
    parent.resize(400, 900)
    parent.show()

    def wait(condition, seconds=10.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"still waiting after {seconds} s: {widget.ui.messageLabel.text}"
            application.processEvents()
            time.sleep(0.005)

    yield SimpleNamespace(widget=widget, ui=widget.ui, parent=parent, wait=wait)
    widget.cleanup()
    parent.deleteLater()
