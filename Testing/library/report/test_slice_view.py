from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Geometry
from CardioSAMLib.labels import Structure
from CardioSAMLib.report.slice_view import heart_crop, outlines_px, slice_views


def disk(radius_px: float, size: int = 61) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] - size // 2
    return np.hypot(rows, columns) < radius_px


def area_px(line: np.ndarray) -> float:
    """Shoelace formula."""
    rows, columns = line[:-1].T
    next_rows, next_columns = line[1:].T
    return abs(float(np.sum(rows * next_columns - columns * next_rows))) / 2.0


@pytest.mark.parametrize("radius_px", [4.5, 8.5, 20.5])
def test_the_outline_of_a_disk_is_within_half_a_pixel_of_its_edge(radius_px):
    (line,) = outlines_px(disk(radius_px))
    distance = np.hypot(*(line - 30.0).T)
    assert np.abs(distance - radius_px).max() < 0.5


@pytest.mark.parametrize("radius_px", [3.5, 4.5, 8.5, 20.5])
def test_the_outline_encloses_the_area_of_the_disk(radius_px):
    (line,) = outlines_px(disk(radius_px))
    radii_px = [np.sqrt(area / np.pi) for area in (area_px(line), np.count_nonzero(disk(radius_px)))]
    assert radii_px[0] == pytest.approx(radii_px[1], abs=0.25)


def test_the_outline_is_smoother_than_the_stairs_of_the_pixels():
    def sharpest_turn(line):
        steps = np.diff(np.concatenate([line, line[1:2]]), axis=0)
        angles = np.unwrap(np.arctan2(steps[:, 0], steps[:, 1]))
        return np.degrees(np.abs(np.diff(angles)).max())

    (line,) = outlines_px(disk(20.0))
    assert sharpest_turn(line) < 25.0  # the stairs turn by 45 degrees


def test_one_pixel_keeps_an_outline_around_its_center():
    mask = np.zeros((9, 9), bool)
    mask[4, 6] = True
    (line,) = outlines_px(mask)
    assert line[:-1].mean(axis=0) == pytest.approx([4.0, 6.0])
    assert np.hypot(*(line - (4.0, 6.0)).T).min() > 0.2


def test_a_mask_that_touches_the_edge_of_the_image_has_a_closed_outline():
    mask = np.zeros((10, 10), bool)
    mask[:4, :4] = True
    (line,) = outlines_px(mask)
    np.testing.assert_array_equal(line[0], line[-1])


def test_an_empty_mask_has_no_outline():
    assert outlines_px(np.zeros((5, 5), bool)) == []


def test_the_crop_is_a_square_in_mm_around_the_labels_with_a_margin_of_15_mm():
    labels = np.zeros((2, 1, 200, 200), np.uint8)
    labels[0, 0, 90:110, 100] = 3  # 20 rows of 2 mm: 40 mm
    rows, columns = heart_crop(labels, (2.0, 1.0))
    assert ((rows.stop - rows.start) * 2.0, columns.stop - columns.start) == pytest.approx((70.0, 70.0), abs=2.0)
    assert (rows.start + rows.stop) / 2 == pytest.approx(100.0, abs=1.0)
    assert (columns.start + columns.stop) / 2 == pytest.approx(100.5, abs=1.0)


def test_the_crop_stays_inside_the_image_and_is_all_of_it_without_labels():
    labels = np.zeros((1, 1, 30, 40), np.uint8)
    assert heart_crop(labels, (1.0, 1.0)) == (slice(0, 30), slice(0, 40))
    labels[0, 0, 0, 39] = 1
    assert heart_crop(labels, (1.0, 1.0)) == (slice(0, 16), slice(24, 40))


def test_outlines_are_in_mm_from_the_corner_of_the_crop(make_study):
    study = make_study(geometry=Geometry((2.0, 1.0, 9.0)))
    view = slice_views(study, 0)[1]
    rows, columns = heart_crop(study.segmentation.labels, (2.0, 1.0))
    (lv,) = [line for structure, line in view.outlines if structure is Structure.LV]
    # The center of pixel (30, 40) lies half a pixel from its corner; 7 pixels on each side of it lie within 8.
    center_xy = ((40.5 - columns.start) * 1.0, (30.5 - rows.start) * 2.0)
    assert (lv.min(axis=0) + lv.max(axis=0)) / 2 == pytest.approx(center_xy, abs=0.05)
    assert np.ptp(lv, axis=0) == pytest.approx((15.0, 30.0), rel=0.01)
    assert view.size_mm == ((rows.stop - rows.start) * 2.0, (columns.stop - columns.start) * 1.0)


def test_the_wall_has_its_outer_outline_and_lies_below_that_of_the_blood_pool(study):
    structures = [structure for structure, _ in slice_views(study, 0)[0].outlines]
    assert structures == [Structure.RV, Structure.MYO, Structure.LV]
    wall = slice_views(study, 0)[0].outlines[1][1]
    assert np.ptp(wall[:, 0]) == pytest.approx(23.0 * 1.25, rel=0.01)


def test_blood_is_white_and_the_rest_black_under_the_window(study):
    gray = slice_views(study, 0)[0].gray
    assert (gray.min(), gray.max()) == (0.0, 1.0)


def test_a_slice_keeps_its_window_from_end_diastole_to_end_systole_and_owes_nothing_to_other_slices(make_study):
    study = make_study()
    pixels = study.cine.pixels.astype(np.float32)
    pixels[:, 0] *= 50.0  # near the coil
    pixels[2, 1] = np.where(pixels[2, 1] > 500.0, 550.0, 100.0)  # darker blood at end-systole
    study = replace(study, cine=replace(study.cine, pixels=pixels))
    ed, es = slice_views(study, 0)[1].gray.max(), slice_views(study, 2)[1].gray.max()
    assert (ed, es) == pytest.approx((1.0, 0.5))
