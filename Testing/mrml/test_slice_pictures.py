"""What a slice view shows, drawn by Slicer's own code without a screen: contours where they must be, nowhere else."""

import ctypes.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
VIEW_PX = 200
# A view of 200 pixels onto a slice of 40 x 40 voxels of 2 mm: 5 screen pixels each.
ROWS, COLUMNS = slice(10, 20), slice(24, 30)

DRAWING = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "docs" / "scripts")!r}]
import numpy as np
import offscreen_scene, offscreen_views
from scipy.spatial.transform import Rotation
from CardioSAMLib.cine import Cine, Geometry
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.mrml.cines import cine_nodes
from CardioSAMLib.mrml.navigation import go_to
from CardioSAMLib.mrml.segmentations import segmentation_nodes
from CardioSAMLib.mrml.slice_views import show_stack
from CardioSAMLib.mrml.studies import SceneStudy


turned = Rotation.from_euler("xyz", [25.0, -40.0, 70.0], degrees=True).as_matrix()
geometry = Geometry((2.0, 2.0, 9.0), (-31.0, 47.0, 12.5), tuple(map(tuple, turned.tolist())))
pixels = np.zeros((2, 3, 40, 40), np.int16)
pixels[:, 0, 0, 0] = 1  # an image of one value alone is refused
cine = Cine(pixels, geometry, frame_times_ms=(0.0, 50.0))
labels = np.zeros((2, 3, 40, 40), np.uint8)
labels[1, 2, {ROWS.start}:{ROWS.stop}, {COLUMNS.start}:{COLUMNS.stop}] = STORAGE.value_of(Structure.LV)
with offscreen_scene.open_scene() as scene:
    volume = cine_nodes(cine).volume
    segmentation_nodes(volume, CineSegmentation(labels, (0, 1), Provenance("expert")))
    view = offscreen_views.SliceView(scene, {VIEW_PX}, {VIEW_PX})
    view.node.SetRulerType(view.node.RulerTypeNone)
    show_stack(volume)
    pictures = {{}}
    for frame, number in ((1, 2), (1, 1), (0, 2)):
        go_to(SceneStudy.of(volume), frame, number)
        pictures[f"{{frame}}-{{number}}"] = view.picture("")
    np.savez(sys.argv[1], **pictures)
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Of (frame, slice) as "1-2": uint8 `(rows, columns, 3)`. In a process of its own, as a driver may end it."""
    pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
    if ctypes.util.find_library("EGL") is None:
        pytest.skip("drawing without a screen needs the system library EGL (Debian: libegl1)")
    path = tmp_path_factory.mktemp("pictures") / "pictures.npz"
    done = subprocess.run([sys.executable, "-c", DRAWING, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(path)


def redness(picture):
    return picture[..., 0].astype(int) - picture[..., 1]


def box_of(mask):
    rows, columns = np.nonzero(mask)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def test_the_contour_lies_on_its_voxels(pictures):
    seen = box_of(redness(pictures["1-2"]) > 20)
    expected = 5 * np.array([ROWS.start, ROWS.stop, COLUMNS.start, COLUMNS.stop])
    assert seen == pytest.approx(expected, abs=3)


def test_the_outline_is_on_and_the_fill_is_a_quarter(pictures):
    picture = pictures["1-2"]
    middle = redness(picture)[5 * ROWS.start + 25, 5 * COLUMNS.start + 15]
    outline = redness(picture).max()
    # The image below is black: a fill of a quarter is a quarter of the color.
    assert middle == pytest.approx(0.25 * (214 - 69), abs=6)
    assert outline > 2 * middle


@pytest.mark.parametrize("place", ["1-1", "0-2"])
def test_other_slices_and_frames_show_none_of_it(pictures, place):
    assert np.abs(redness(pictures[place])).max() == 0
