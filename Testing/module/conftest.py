"""The panel outside Slicer: its real .py and .ui on real Qt widgets and real MRML, with stand-ins for the rest."""

import importlib.util
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from CardioSAMLib.labels import CineSegmentation, Provenance
from CardioSAMLib.phantom import PhantomOptions, make_phantom

ROOT = Path(__file__).resolve().parents[2]
MODULE_FILE = ROOT / "CardioSAM" / "CardioSAM.py"
STAND_INS = ROOT / "Testing" / "stand_ins"
REPLACED = {
    "CardioSAM", "ctk", "qMRML", "qt", "slicer_application", "slicer.ScriptedLoadableModule", "slicer.i18n",
    "slicer.packaging", "slicer.parameterNodeWrapper",
}  # fmt: skip


@pytest.fixture(scope="session")
def qt_application():
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
def app(qt_application, scene, monkeypatch):  # noqa: ARG001 widgets need the one, nodes the other
    """See `whole_application`."""
    with whole_application(monkeypatch) as app:
        yield app


@contextmanager
def whole_application(monkeypatch):
    """`slicer.app` with the rest of what only the application has, beside a scene and a Qt application."""
    import slicer

    monkeypatch.syspath_prepend(STAND_INS)
    monkeypatch.setattr(slicer, "__path__", [*slicer.__path__, str(STAND_INS / "slicer")])
    import slicer_application

    app = slicer_application.Application(slicer.app.applicationLogic())
    monkeypatch.setattr(slicer, "app", app)
    monkeypatch.setattr(slicer, "dicomDatabase", None, raising=False)
    for name, value in {
        "loadUI": slicer_application.loadUI,
        "childWidgetVariables": slicer_application.childWidgetVariables,
        "errorDisplay": lambda text, **_: app.errors.append(text),
        "confirmOkCancelDisplay": app.ask,
        "mainWindow": lambda: None,
        "reloadScriptedModule": app.reloaded.append,
    }.items():
        monkeypatch.setattr(slicer.util, name, value)
    yield app
    for name in REPLACED & set(sys.modules):
        del sys.modules[name]
        if name.startswith("slicer."):
            delattr(slicer, name.removeprefix("slicer."))


@pytest.fixture
def module(app):  # noqa: ARG001 what it imports is there
    """CardioSAM.py, imported as Slicer does."""
    return imported_module()


def imported_module():
    specification = importlib.util.spec_from_file_location("CardioSAM", MODULE_FILE)
    loaded = importlib.util.module_from_spec(specification)
    sys.modules["CardioSAM"] = loaded
    specification.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def panel(module, app, tmp_path, monkeypatch):
    """The open panel, and `wait` to let Qt work until something is true; by itself, until the panel has settled."""
    monkeypatch.setenv("CARDIOSAM_CACHE", str(tmp_path / "embeddings"))
    panel = open_panel(module)
    panel.app = app
    yield panel
    panel.widget.cleanup()
    panel.parent.deleteLater()


def open_panel(module):
    """The panel, as Slicer opens it, 400 pixels wide."""
    import qMRML
    from PySide6.QtCore import QEventLoop

    parent = qMRML.qMRMLWidget()
    parent.isEntered, parent.path = True, str(MODULE_FILE)
    widget = module.CardioSAMWidget(parent)
    widget.setup()
    widget.enter()
    parent.resize(400, 900)
    parent.show()
    # Not the application's processEvents: in PySide6 6.12 each call takes a reference to None away, until Python ends.
    events = QEventLoop()

    def wait(condition=lambda: widget.desk.is_settled, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"still waiting after {seconds} s: {widget.ui.messageLabel.text}"
            events.processEvents()
            time.sleep(0.002)
        events.processEvents()

    return SimpleNamespace(widget=widget, ui=widget.ui, parent=parent, wait=wait, events=events)


@pytest.fixture(scope="session")
def phantom():
    return make_phantom(PhantomOptions(rows=96, columns=96, slices=8, frames=6, spacing_mm=(2.0, 2.0, 12.0)))


@pytest.fixture
def draw_with(monkeypatch):
    """Lets another segmenter than the catalogue's draw; the rest is the real one."""
    from CardioSAMLib import analysis
    from CardioSAMLib.mrml import session_jobs

    def draw_with(segmenter):
        for module in (analysis, session_jobs):
            monkeypatch.setattr(module, "segmenter_of", lambda _card: segmenter)
        return segmenter

    return draw_with


@pytest.fixture(scope="session")
def make_painter():
    return Painter


@pytest.fixture
def opened(panel, phantom):
    """The panel with the phantom open; `volume` is its node."""
    from CardioSAMLib.mrml.cines import cine_nodes

    panel.volume = cine_nodes(phantom.cine, "Phantom").volume
    panel.ui.cineSelector.setCurrentNode(panel.volume)
    panel.wait()
    return panel


@pytest.fixture
def drawn(opened, phantom, draw_with):
    """The panel with the phantom's true contours, drawn as if by a model."""
    draw_with(Painter(phantom))
    opened.ui.segmentButton.click()
    opened.wait()
    return opened


class Painter:
    """Segments by the phantom's truth, whatever part of it is asked for, and notes what that was."""

    def __init__(self, phantom):
        self._phantom = phantom
        self.asked = []

    def segment(self, cine, frames, progress):
        self.asked.append((cine, tuple(frames)))
        progress(0.5, "painting")
        labels = np.zeros(cine.pixels.shape, np.uint8)
        labels[list(frames)] = self._truth(cine.pixels)[list(frames)]
        return CineSegmentation(labels, tuple(frames), Provenance("painter"))

    def _truth(self, pixels):
        frames, slices = pixels.shape[:2]
        for first in range(self._phantom.cine.slices - slices + 1):
            part = np.s_[:frames, first : first + slices]
            if np.array_equal(self._phantom.cine.pixels[part], pixels):
                return self._phantom.segmentation.labels[part]
        raise AssertionError("these are no pixels of the phantom")
