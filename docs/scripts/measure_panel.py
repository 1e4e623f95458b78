"""Times what a reader waits for in the panel, and for how long the window stands still meanwhile.

python docs/scripts/measure_panel.py STUDY [--json docs/panel-times.json]
python docs/scripts/panel_table.py

STUDY: a DICOM folder; the documented figures are of the study SCD0000101 of the Sunnybrook Cardiac Data. The nodes are
real MRML (slicer-core), the widgets real Qt without a screen, with the stand-ins of the panel's tests; what the views
would draw is not counted. A minute or two on two cores that have nothing else to do.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from offscreen_panel import OffscreenPanel, Waiting, open_panel

from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.progress import silent

DOCS = Path(__file__).resolve().parents[1]
ALL_FRAMES, ED_ES = 0, 1
SLICE_IN_ALL_FRAMES, EVERYTHING = 0, 2
CLICKS_PER_SLICE = 4
BESIDE_PX = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--json", type=Path, default=DOCS / "panel-times.json")
    options = parser.parse_args()
    with open_panel() as panel:
        actions = {name: asdict(waiting) for name, waiting in reading(panel, options.study)}
        clicks = [asdict(waiting) for waiting in clicking(panel)]
        actions |= {name: asdict(waiting) for name, waiting in going_on(panel)}
        shape = panel.widget.desk.opened.cine.pixels.shape
    times = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 1),
        "shape": list(shape),
        "actions": actions,
        "clicks": clicks,
    }
    options.json.write_text(json.dumps(rounded(times), indent=1) + "\n", encoding="utf-8")


def reading(panel: OffscreenPanel, study: Path) -> Iterator[tuple[str, Waiting]]:
    """From a folder to contours of all frames."""
    ui = panel.ui
    ui.importPathLineEdit.currentPath = str(study)
    yield "import", panel.wait_after(ui.importButton.click)
    ui.framesComboBox.currentIndex = ED_ES
    yield "segment_ed_es", panel.wait_after(ui.segmentButton.click)
    ui.framesComboBox.currentIndex = ALL_FRAMES
    yield "segment_all", panel.wait_after(ui.segmentButton.click)
    yield "undo_all", panel.wait_after(ui.undoButton.click)
    yield "redo_all", panel.wait_after(ui.redoButton.click)


def clicking(panel: OffscreenPanel) -> Iterator[Waiting]:
    """Positive points beside the wall of each slice that has one, at end-diastole, until the contour has changed."""
    from CardioSAMLib.mrml.geometry import ras_position

    session = panel.widget.desk.opened
    take = session.take_correction
    answered: list[object] = []

    def take_and_tell(result: object) -> None:
        take(result)
        answered.append(result)

    session.take_correction = take_and_tell
    frame = panel.widget.desk.key_frames[0]
    walls = session.segmentation.labels[frame] == STORAGE.value_of(Structure.MYO)
    panel.ui.myoButton.click()
    panel.ui.positiveButton.click()
    for number in np.flatnonzero(walls.any(axis=(1, 2))).tolist():
        session.go_to(frame, number)
        panel.wait_after(partial(session.prepare_job(frame, number, neighbors=0), silent))
        for place in places_beside(walls[number]):
            ras = ras_position(session.study.volume, (number, *place))
            answered.clear()
            yield panel.wait_after(partial(click, ras), lambda: bool(answered))
            panel.wait_after(lambda: None)
    panel.ui.positiveButton.click()


def click(ras: Sequence[float]) -> None:
    """A point where the buttons of the panel say."""
    from CardioSAMLib.mrml.placing import placed_node

    node = placed_node()
    assert node is not None, "no button for points is pressed"
    node.AddControlPointWorld(*ras)


def places_beside(wall: np.ndarray) -> list[tuple[int, int]]:
    """Pixels (row, column) just outside of a mask `(rows, columns)`, to four sides of it."""
    rows, columns = np.nonzero(wall)
    row, column = round(float(rows.mean())), round(float(columns.mean()))
    places = [
        (row, int(columns.max()) + BESIDE_PX),
        (int(rows.max()) + BESIDE_PX, column),
        (row, int(columns.min()) - BESIDE_PX),
        (int(rows.min()) - BESIDE_PX, column),
    ]
    return places[:CLICKS_PER_SLICE]


def going_on(panel: OffscreenPanel) -> Iterator[tuple[str, Waiting]]:
    """Propagating, saving and loading."""
    ui = panel.ui
    for name, scope in (("propagate_slice", SLICE_IN_ALL_FRAMES), ("propagate_everything", EVERYTHING)):
        ui.scopeComboBox.currentIndex = scope
        yield name, panel.wait_after(ui.propagateButton.click)
        if not ui.messageLabel.text.startswith("Done"):
            raise RuntimeError(ui.messageLabel.text)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "scene.mrb")
        yield "save", panel.wait_after(lambda: save(file, folder))
        yield "load", panel.wait_after(lambda: load(file))


def save(file: str, folder: str) -> None:
    import slicer

    cache, manager = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(Path(folder) / "cache"))
    manager.SetCacheManager(cache)
    slicer.mrmlScene.SetCacheManager(cache)
    slicer.mrmlScene.SetDataIOManager(manager)
    if not slicer.mrmlScene.WriteToMRB(file):
        raise RuntimeError("The scene was not saved.")


def load(file: str) -> None:
    import slicer

    slicer.mrmlScene.Clear(1)
    if not slicer.mrmlScene.ReadFromMRB(file):
        raise RuntimeError("The scene was not loaded.")


def rounded(value: Any) -> Any:
    """The same with seconds to four digits after the point."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
