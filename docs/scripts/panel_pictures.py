"""Pictures of the panel after a study was read, drawn and measured: docs/images/panel*.png.

QT_QPA_PLATFORM=offscreen python docs/scripts/panel_pictures.py STUDY

STUDY: a DICOM folder or a 4D image. The widgets are those of the real .ui file on PySide6, with the stand-ins of the
panel's tests; the application itself draws them in its own style. Needs slicer-core and PySide6-Essentials.
"""

import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
SECTIONS = ("cine", "segment", "correct", "measure", "review")
WIDTH_PX = 400


def main(study: Path) -> None:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    application = QApplication([])
    nodes, widgets = (loaded(ROOT / "Testing" / name) for name in ("conftest.py", "module/conftest.py"))
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
        nodes.application_scene(patch),
        widgets.whole_application(patch),
    ):
        patch.setenv("CARDIOSAM_CACHE", folder)
        panel = widgets.open_panel(widgets.imported_module(), application)
        analyze(panel, study, application)
        take_pictures(panel, application)
        panel.widget.cleanup()


def loaded(path: Path):
    specification = importlib.util.spec_from_file_location(f"pictures_{path.parent.name}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def analyze(panel, study: Path, application) -> None:
    """Reads and segments a study; prints how long each took, and for how long the window stood still at most."""
    panel.ui.importPathLineEdit.currentPath = str(study)
    for button in (panel.ui.importButton, panel.ui.segmentButton):
        started = time.perf_counter()
        button.click()
        longest_s = 0.0
        while not panel.widget.desk.is_settled:
            before = time.perf_counter()
            application.processEvents()
            longest_s = max(longest_s, time.perf_counter() - before)
            time.sleep(0.002)
        print(f"{button.objectName}: {time.perf_counter() - started:.1f} s, stood still for {longest_s * 1e3:.0f} ms")
    panel.ui.importPathLineEdit.currentPath = "/data/study"  # no place of this computer in the pictures
    panel.ui.acceptButton.click()


def take_pictures(panel, application) -> None:
    panel.parent.resize(WIDTH_PX, panel.parent.sizeHint().height())
    for _ in range(3):  # heights of lines that are wrapped settle step by step
        application.processEvents()
    panel.parent.resize(WIDTH_PX, panel.parent.layout().heightForWidth(WIDTH_PX))
    application.processEvents()
    panel.parent.grab().save(str(IMAGES / "panel.png"))
    for name in SECTIONS:
        getattr(panel.ui, f"{name}CollapsibleButton").grab().save(str(IMAGES / f"panel-{name}.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
