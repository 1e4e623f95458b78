"""Draws what 3D Slicer's views show of the built-in phantom at each step of docs/tutorial.md, and its numbers.

python docs/scripts/viewer_pictures.py

Writes docs/images/viewer*.png and docs/tutorial.json. Needs slicer-core and PySide6-Essentials (the extra `test`), and
a display or EGL (Debian: libegl1). A minute on two cores.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import offscreen_scene
import offscreen_views
from offscreen_table import table_picture
from PIL import Image

from CardioSAMLib.cine import Array
from CardioSAMLib.function import CardiacFunction
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.mrml import workflow
from CardioSAMLib.mrml.geometry import ras_position, world_matrix
from CardioSAMLib.mrml.navigation import go_to
from CardioSAMLib.mrml.prompts import point_list, show_prompts
from CardioSAMLib.mrml.session import Scope, StudySession
from CardioSAMLib.mrml.slice_views import show_stack
from CardioSAMLib.mrml.studies import SceneStudy
from CardioSAMLib.mrml.surface_models import SurfaceModels
from CardioSAMLib.phantom import make_phantom
from CardioSAMLib.progress import silent
from CardioSAMLib.segmentation import EmbeddingCache
from CardioSAMLib.segmentation.simulate import deepest_pixel, depth_px

DOCS = Path(__file__).resolve().parents[1]
VIEW_PX, SMALL_VIEW_PX = 400, 240
HEART_ZOOM, APEX_ZOOM = 2.2, 3.5
MIDDLE_SLICE, APICAL_SLICE, BASAL_SLICE = 5, 2, 8
CORRECTED_SLICE = 1
GAP_PX = 4


@dataclass(frozen=True)
class Reading:
    """A study of the scene that is open, with the view of its slices."""

    session: StudySession
    view: offscreen_views.SliceView

    def slice_picture(self, frame: int, slice_number: int, caption: str) -> Array:
        go_to(self.session.study, frame, slice_number)
        show_prompts(self.session.study, frame)
        return self.view.picture(f"{caption}, frame {frame}, slice {slice_number}")

    @property
    def key_frames(self) -> tuple[tuple[int, str], ...]:
        function = self.session.refresh().function
        assert function.es_frame is not None, "all frames were segmented"
        return (function.ed_frame, "End-diastole"), (function.es_frame, "End-systole")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DOCS, help="folder for images/viewer*.png and tutorial.json")
    out = parser.parse_args().out
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    with offscreen_scene.open_scene() as scene, tempfile.TemporaryDirectory() as cache:
        volume = workflow.load_phantom()
        view = offscreen_views.SliceView(scene, VIEW_PX, VIEW_PX)
        show_stack(volume)
        workflow.segment(volume)
        reading = Reading(StudySession(SceneStudy.of(volume), EmbeddingCache(Path(cache))), view)
        numbers: dict[str, object] = {"drawn": _numbers(reading.session.refresh().function)}
        _draw_result(reading, scene, images)
        numbers |= _correct(reading, images)
    (out / "tutorial.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


def _draw_result(reading: Reading, scene: offscreen_scene.OffscreenScene, images: Path) -> None:
    """Slices, surfaces, chart, table, and the four views together."""
    study = reading.session.study
    reading.view.magnify(HEART_ZOOM, go_to(study, None, MIDDLE_SLICE))
    middle = [reading.slice_picture(frame, MIDDLE_SLICE, title) for frame, title in reading.key_frames]
    reading.view.resize(SMALL_VIEW_PX, SMALL_VIEW_PX)
    grid = [
        _row([reading.slice_picture(frame, number, title) for number in (APICAL_SLICE, MIDDLE_SLICE, BASAL_SLICE)])
        for frame, title in reading.key_frames
    ]
    reading.view.resize(VIEW_PX, VIEW_PX)
    _save(_rows(grid), images / "viewer-slices.png")
    surfaces = _surface_pictures(reading, scene)
    _save(_row(surfaces), images / "viewer-surfaces.png")
    chart = study.part("chart")
    _save(offscreen_views.chart_picture(chart, 640, 420), images / "viewer-chart.png")
    _save(table_picture(study.part("measurements"), 560), images / "viewer-table.png")
    below = _row([surfaces[0], offscreen_views.chart_picture(chart, VIEW_PX, VIEW_PX)])
    _save(_rows([_row(middle), below]), images / "viewer.png")


def _surface_pictures(reading: Reading, scene: offscreen_scene.OffscreenScene) -> list[Array]:
    """The surfaces at end-diastole and end-systole from one place: from the front, the base above."""
    study = reading.session.study
    models = SurfaceModels(study)
    models.start()
    view = offscreen_views.SurfaceView(scene, VIEW_PX, VIEW_PX)
    axes = world_matrix(study.volume)[:3, :3]
    _, down_column, to_base = (axes / np.linalg.norm(axes, axis=0)).T
    pictures: list[Array] = []
    for frame, title in reading.key_frames:
        go_to(study, frame, MIDDLE_SLICE)
        if not pictures:
            view.look_along(down_column - 0.7 * to_base, to_base)
        pictures.append(view.picture(f"{title}, frame {frame}"))
    models.stop()
    return pictures


def _correct(reading: Reading, images: Path) -> dict[str, object]:
    """One negative click where the cavity near the apex was drawn too large, then that slice in all other frames."""
    session = reading.session
    study, frames = session.study, [frame for frame, _ in reading.key_frames]
    # Named, so that the correction of one frame does not make another the largest.
    session.choose_frames(*frames)
    key = (frames[0], CORRECTED_SLICE)
    reading.view.magnify(APEX_ZOOM / HEART_ZOOM, go_to(study, *key))
    truth = make_phantom().segmentation.labels == STORAGE.value_of(Structure.LV)
    before = session.segmentation.labels == STORAGE.value_of(Structure.LV)
    row, column = deepest_pixel(depth_px(before[key] & ~truth[key]))
    pictures = [reading.slice_picture(*key, "As the model drew it")]
    points = point_list(study, Structure.LV, positive=False)
    points.AddControlPointWorld(*ras_position(study.volume, (CORRECTED_SLICE, row, column)))
    session.take_new_prompts()
    correction = session.correct_job(*key)
    assert correction is not None, "the slice has the point as a prompt"
    session.take_correction(correction(silent))
    pictures.append(reading.slice_picture(*key, "After one negative point"))
    _save(_row(pictures), images / "viewer-correction.png")
    after = session.segmentation.labels == STORAGE.value_of(Structure.LV)
    clicked = session.refresh().function
    session.take_propagation(session.propagate_job(Scope.SLICE, *key)(silent))
    return {
        "click": {"frame": key[0], "slice": key[1], "row_px": row, "column_px": column},
        "clicked": {**_numbers(clicked), "lv_dice_of_the_slice": [_dice(m[key], truth[key]) for m in (before, after)]},
        "propagated": _numbers(session.refresh().function),
    }


def _numbers(function: CardiacFunction) -> dict[str, float | int | None]:
    """What the tutorial tells of the left ventricle."""
    lv = function.lv
    return {
        "ed_frame": function.ed_frame,
        "es_frame": function.es_frame,
        "edv_ml": _rounded(lv.edv_ml),
        "esv_ml": _rounded(lv.esv_ml),
        "ef_percent": _rounded(lv.ef_percent),
        "mass_ed_g": _rounded(lv.mass_ed_g),
    }


def _rounded(value: float | None) -> float:
    assert value is not None, "the phantom has all structures in both frames"
    return round(value, 1)


def _dice(mask: Array, truth: Array) -> float:
    return round(2.0 * float((mask & truth).sum()) / float(mask.sum() + truth.sum()), 2)


def _row(pictures: list[Array]) -> Array:
    gap = np.full((pictures[0].shape[0], GAP_PX, 3), 255, np.uint8)
    return np.concatenate([part for picture in pictures for part in (gap, picture)][1:], axis=1)


def _rows(rows: list[Array]) -> Array:
    return _row([row.transpose(1, 0, 2) for row in rows]).transpose(1, 0, 2)


def _save(picture: Array, path: Path) -> None:
    image = Image.fromarray(np.ascontiguousarray(picture))
    # 256 colors of its own: a fraction of the file, and no difference that one could see.
    image.quantize(256, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
