import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from CardioSAMLib.function import VolumeCurves
from CardioSAMLib.labels import Structure
from CardioSAMLib.report import curves_csv, curves_png


def has_color(study, structure: Structure) -> bool:
    picture = imread(io.BytesIO(curves_png(study)))[..., :3] * 255.0
    return bool((np.abs(picture - structure.color_rgb).max(axis=-1) < 12.0).any())


def rows_of(study) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(curves_csv(study).decode("utf-8"))))


def test_the_csv_has_a_row_per_segmented_frame(study):
    rows = rows_of(study)
    assert [row["frame"] for row in rows] == ["0", "1", "2", "3"]
    assert rows[2] == {
        "frame": "2",
        "time_ms": "80.0",
        "lv_ml": "61.04",
        "rv_ml": "77.31",
        "myocardium_ml": "113.1",
        "lv_smooth_ml": "62.0",
        "rv_smooth_ml": "78.0",
    }


def test_columns_that_are_not_known_are_empty(bare_study):
    (row,) = rows_of(bare_study)
    assert (row["lv_ml"], row["time_ms"], row["lv_smooth_ml"]) == ("3.4", "", "")


def test_both_ventricles_are_drawn(study):
    assert has_color(study, Structure.LV)
    assert has_color(study, Structure.RV)


def test_a_ventricle_that_was_not_found_is_not_drawn(bare_study):
    assert has_color(bare_study, Structure.LV)
    assert not has_color(bare_study, Structure.RV)


def lv_line_px(study) -> np.ndarray:
    """Height above the lower edge of the left ventricle's drawing, for each column that has some."""
    picture = imread(io.BytesIO(curves_png(study)))[..., :3] * 255.0
    drawn = np.abs(picture - Structure.LV.color_rgb).max(axis=-1) < 12.0
    drawn[: len(picture) // 10] = False  # the legend
    columns = np.flatnonzero(drawn.any(axis=0))
    return np.array([len(picture) - np.flatnonzero(drawn[:, column]).mean() for column in columns])


def test_a_larger_volume_is_drawn_higher(study):
    height = lv_line_px(study)
    # End-diastole is the first frame, end-systole the third of four.
    assert height[:10].mean() > height[-10:].mean() > height[int(len(height) * 0.6) : int(len(height) * 0.7)].mean()


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_without_times_are_drawn_as_points(study, frames):
    curves = VolumeCurves(tuple(range(frames)), None, (100.0,) * frames, (110.0,) * frames, (90.0,) * frames)
    few = replace(study, function=replace(study.function, es_frame=None, curves=curves))
    assert has_color(few, Structure.LV)
