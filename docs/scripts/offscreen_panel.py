"""The panel without the application and without a screen: that of its tests, opened on an empty scene."""

import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_LONGEST_S = 600.0


@dataclass(frozen=True)
class Waiting:
    """How long something took, and the longest time for which the panel could not have answered meanwhile.

    cpu_s, block_cpu_s: what was computed by all threads of this program, and by the main thread without a pause,
    whatever else the computer was busy with.
    """

    wall_s: float
    cpu_s: float
    block_s: float
    block_cpu_s: float


@dataclass(frozen=True)
class OffscreenPanel:
    """widget, ui, parent: as in the panel's tests."""

    panel: Any

    @property
    def ui(self) -> Any:
        return self.panel.ui

    @property
    def widget(self) -> Any:
        return self.panel.widget

    @property
    def parent(self) -> Any:
        return self.panel.parent

    def settle(self) -> None:
        """Lets Qt lay out what has changed."""
        self.panel.events.processEvents()

    def wait_after(self, action: Callable[[], object], until: Callable[[], bool] | None = None) -> Waiting:
        """Does something, as clicking a button, and lets Qt work until the panel has nothing left to do.

        until: what is waited for instead. Raises RuntimeError with the panel's message where an error was shown, or
        that does not come within ten minutes.
        """
        is_done = until or (lambda: bool(self.widget.desk.is_settled))
        started, cpu = time.perf_counter(), time.process_time()
        blocks = [_timed(action)]
        while not is_done():
            if time.perf_counter() - started > _LONGEST_S:
                raise RuntimeError(f"Still waiting: {self.ui.messageLabel.text}")
            blocks.append(_timed(self.panel.events.processEvents))
            time.sleep(0.001)
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
        if self.panel.app.errors:
            raise RuntimeError("\n".join(self.panel.app.errors))
        return Waiting(wall_s, cpu_s, max(wall for wall, _ in blocks), max(cpu for _, cpu in blocks))


def _timed(action: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.thread_time()
    action()
    return time.perf_counter() - wall, time.thread_time() - cpu


@contextmanager
def open_panel() -> Iterator[OffscreenPanel]:
    """The panel as Slicer opens it, with a cache of embeddings of its own that is empty."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    application = QApplication.instance() or QApplication([])  # widgets need one, and that it is kept
    nodes, widgets = (_loaded(ROOT / "Testing" / name) for name in ("conftest.py", "module/conftest.py"))
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
        nodes.application_scene(patch),
        widgets.whole_application(patch) as app,
    ):
        patch.setenv("CARDIOSAM_CACHE", folder)
        _add_view()
        panel = widgets.open_panel(widgets.imported_module())
        panel.app = app
        yield OffscreenPanel(panel)
        panel.widget.cleanup()
        del application


def _add_view() -> None:
    """The red slice view, by which the panel knows which slice is looked at."""
    import slicer
    import vtk

    application_logic = slicer.app.applicationLogic()
    application_logic.SetSliceLogics(vtk.vtkCollection())
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(application_logic)
    logic.SetMRMLScene(slicer.mrmlScene)
    application_logic.GetSliceLogics().AddItem(logic)
    logic.AddSliceNode("Red")


def _loaded(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"offscreen_{path.parent.name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
