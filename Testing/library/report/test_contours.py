"""Pictures are looked at here by their pixels: colors of `Structure` against gray."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from CardioSAMLib.cine import Geometry
from CardioSAMLib.labels import CineSegmentation, Provenance, Structure
from CardioSAMLib.report import contours_png


def pixels_of(study) -> np.ndarray:
    """0..255, (rows, columns, 3)."""
    return imread(io.BytesIO(contours_png(study)))[..., :3] * 255.0


def is_color(picture: np.ndarray, structure: Structure) -> np.ndarray:
    return np.abs(picture - structure.color_rgb).max(axis=-1) < 30.0


def box_of(mask: np.ndarray) -> np.ndarray:
    """First and last row, first and last column."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([rows[0], rows[-1], columns[0], columns[-1]], dtype=float)


@pytest.fixture
def bare_lv(bare_study):
    """The left ventricle alone: bright blood, and a label exactly there; pixels twice as high as wide."""
    cine = replace(bare_study.cine, geometry=Geometry((2.0, 1.0, 8.0)))
    labels = np.where(bare_study.segmentation.mask(Structure.LV), 3, 0).astype(np.uint8)
    return replace(bare_study, cine=cine, segmentation=CineSegmentation(labels, (0,), Provenance("expert")))


def test_the_line_lies_where_bright_blood_ends(bare_lv):
    picture = pixels_of(bare_lv)[60:]  # below the legend
    line = box_of(is_color(picture, Structure.LV))
    inside = picture[int(line[0]) : int(line[1]), int(line[2]) : int(line[3])]
    row, column = np.array(inside.shape[:2]) // 2
    gray = inside[..., 1]
    # Blood fills the line: halfway to each of its four sides it is bright, and just outside it is dark.
    assert gray[row, column] > 200
    for side in (gray[row, 8], gray[row, -8], gray[8, column], gray[-8, column]):
        assert side > 120
    top, bottom, left, right = line.astype(int)
    middle_row, middle_column = top + row, left + column
    for at in ((top - 8, middle_column), (bottom + 8, middle_column), (middle_row, left - 8), (middle_row, right + 8)):
        assert picture[at][1] < 60


def test_a_pixel_twice_as_high_as_wide_is_drawn_so(bare_lv):
    top, bottom, left, right = box_of(is_color(pixels_of(bare_lv)[60:], Structure.LV))
    assert (bottom - top) / (right - left) == pytest.approx(2.0, rel=0.05)


def test_the_three_lines_are_there_and_the_endocardium_is_inside_the_epicardium(study):
    picture = pixels_of(study)[60:]
    first_tile = picture[:250, :320]
    lv, wall = (box_of(is_color(first_tile, structure)) for structure in (Structure.LV, Structure.MYO))
    assert wall[0] < lv[0] < lv[1] < wall[1]
    assert wall[2] < lv[2] < lv[3] < wall[3]
    assert is_color(first_tile, Structure.RV).sum() > 50


def test_end_systole_is_drawn_below_end_diastole(study):
    labels = study.segmentation.labels.copy()
    labels[2] = 0
    picture = pixels_of(replace(study, segmentation=replace(study.segmentation, labels=labels)))[60:]
    half = len(picture) // 2
    assert is_color(picture[:half], Structure.LV).any()
    assert not is_color(picture[half:], Structure.LV).any()


@pytest.mark.parametrize(("slices", "columns", "rows"), [(1, 1, 2), (8, 8, 2), (10, 5, 4), (20, 7, 6)])
def test_slices_stand_side_by_side_and_go_on_in_further_pairs_of_rows(make_study, slices, columns, rows):
    height, width = pixels_of(make_study(slices=slices, geometry=Geometry((1.0, 1.0, 8.0)))).shape[:2]
    tile_px = 1.7 * 150
    assert width == pytest.approx(max(columns * tile_px * 1.04 + 60, 4.2 * 150), rel=0.06)
    assert height == pytest.approx(rows * tile_px, rel=0.25)


def test_a_study_without_any_contour_shows_the_whole_image(bare_study):
    labels = np.zeros_like(bare_study.segmentation.labels)
    picture = pixels_of(replace(bare_study, segmentation=CineSegmentation(labels, (0,), Provenance("expert"))))
    assert not is_color(picture[60:], Structure.LV).any()
    assert (picture[60:].min(axis=-1) > 200).any()
