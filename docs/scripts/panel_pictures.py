"""Pictures of the panel after a study was read, drawn and measured: docs/images/panel*.png.

QT_QPA_PLATFORM=offscreen python docs/scripts/panel_pictures.py STUDY

STUDY: a DICOM folder or a 4D image. The widgets are those of the real .ui file on PySide6, with the stand-ins of the
panel's tests; the application itself draws them in its own style. Needs slicer-core and PySide6-Essentials.
"""

import sys
from pathlib import Path

from offscreen_panel import ROOT, OffscreenPanel, open_panel

IMAGES = ROOT / "docs" / "images"
SECTIONS = ("cine", "segment", "correct", "measure", "review")
WIDTH_PX = 400


def main(study: Path) -> None:
    with open_panel() as panel:
        panel.ui.importPathLineEdit.currentPath = str(study)
        for button in (panel.ui.importButton, panel.ui.segmentButton):
            panel.wait_after(button.click)
        panel.ui.importPathLineEdit.currentPath = "/data/study"  # no place of this computer in the pictures
        panel.wait_after(panel.ui.acceptButton.click)
        take_pictures(panel)


def take_pictures(panel: OffscreenPanel) -> None:
    panel.parent.resize(WIDTH_PX, panel.parent.sizeHint().height())
    for _ in range(3):  # heights of lines that are wrapped settle step by step
        panel.settle()
    panel.parent.resize(WIDTH_PX, panel.parent.layout().heightForWidth(WIDTH_PX))
    panel.settle()
    panel.parent.grab().save(str(IMAGES / "panel.png"))
    for name in SECTIONS:
        getattr(panel.ui, f"{name}CollapsibleButton").grab().save(str(IMAGES / f"panel-{name}.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
