"""Claims about agreement with google-deepmind's surface-distance, and about where it means something else.

Its surface runs through the corners between voxels, and its elements are weighted by their length or area. So only
what the two kinds of surface have in common can agree exactly; the rest is bounded, or shown on small masks.
"""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation.scores import Emptiness
from CardioSAMLib.evaluation.surface import surface_distances

deepmind = pytest.importorskip("surface_distance", reason="compares with surface-distance")

pytestmark = pytest.mark.filterwarnings("ignore")
thorough = settings(max_examples=150, deadline=None, derandomize=True, database=None)
pairs = st.from_type(MaskPair)
CORNER = math.sqrt(0.5)
"""Length of the contour that cuts the corner of a pixel of 1 mm."""


def theirs_of(reference, prediction, spacing_mm):
    return deepmind.compute_surface_distances(reference, prediction, spacing_mm)


@st.composite
def shifted_boxes(draw):
    """A box, the same box elsewhere, and the length of the way between them in mm."""
    dimensions = draw(st.sampled_from((2, 3)))
    size = [draw(st.integers(1, 6)) for _ in range(dimensions)]
    first = [draw(st.integers(0, 4)) for _ in size]
    steps = [draw(st.integers(0, 7)) for _ in size]
    spacing_mm = tuple(draw(st.sampled_from((0.5, 1.0, 1.37, 1.5625, 10.0))) for _ in size)
    shape = [a + b + c for a, b, c in zip(first, size, steps, strict=True)]  # some touch the border
    mask, moved = np.zeros(shape, bool), np.zeros(shape, bool)
    mask[tuple(slice(a, a + b) for a, b in zip(first, size, strict=True))] = True
    moved[tuple(slice(a + c, a + b + c) for a, b, c in zip(first, size, steps, strict=True))] = True
    return mask, moved, spacing_mm, float(np.linalg.norm(np.multiply(steps, spacing_mm)))


@thorough
@given(pair=pairs)
def test_dice_agrees(pair):
    assume(pair.emptiness is not Emptiness.BOTH)
    expected = deepmind.compute_dice_coefficient(pair.reference, pair.prediction)
    assert pair.overlap.dice == pytest.approx(expected, abs=1e-6)


@thorough
@given(boxes=shifted_boxes())
def test_hausdorff_of_a_shifted_box_agrees_and_is_the_way_it_went(boxes):
    # Every surface point of one has its image at that distance in the other, and the foremost corner nothing nearer:
    # that holds for centers as for corners of voxels.
    mask, moved, spacing_mm, way_mm = boxes
    theirs = deepmind.compute_robust_hausdorff(theirs_of(mask, moved, spacing_mm), 100)
    ours = surface_distances(mask, moved, spacing_mm).hausdorff_mm
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert ours == pytest.approx(way_mm, abs=1e-6)


@thorough
@given(pair=pairs)
def test_hausdorff_differs_by_a_voxel_diagonal_at_most(pair):
    # A border corner has a surface voxel around it and the reverse, half a diagonal away: on either side of the way.
    assume(pair.emptiness is Emptiness.NEITHER)
    theirs = deepmind.compute_robust_hausdorff(theirs_of(pair.reference, pair.prediction, pair.spacing_mm), 100)
    assert abs(pair.distances.hausdorff_mm - theirs) <= np.linalg.norm(pair.spacing_mm) + 1e-6


def test_a_hole_lies_a_pixel_deeper_between_corners_than_between_centers(box):
    # A square of 5 x 5 pixels: from the hole's neighbors to the outer pixels 1 mm, from the hole's corners to the
    # outer corners 2 mm.
    filled = box((1, 1), (6, 6), (7, 7))
    holed = filled.copy()
    holed[3, 3] = False
    assert deepmind.compute_robust_hausdorff(theirs_of(filled, holed, (1.0, 1.0)), 100) == pytest.approx(2.0)
    assert surface_distances(filled, holed, (1.0, 1.0)).hausdorff_mm == pytest.approx(1.0)


@pytest.fixture
def pixel_and_row():
    """One pixel, and a row of 20 pixels that begins with it.

    Between centers the distances from the row are 0, 1, ... 19. Between corners they are, along each of its two long
    sides: 0 (an end of √2/2 mm and a piece of 1 mm), 1, ... 18 (1 mm each) and 19 (an end of √2/2 mm).
    """
    pixel, row = np.zeros((3, 22), bool), np.zeros((3, 22), bool)
    pixel[1, 1] = True
    row[1, 1:21] = True
    return pixel, row, (1.0, 1.0)


def test_its_percentile_is_of_length_and_takes_the_next_distance_instead_of_a_part(pixel_and_row):
    # 95 % of √2/2 + 19 + √2/2 mm are 19.39 mm; up to the distance 17 there are 18.71 mm, up to 18 19.71 mm.
    assert deepmind.compute_robust_hausdorff(theirs_of(*pixel_and_row), 95) == pytest.approx(18.0)
    assert surface_distances(*pixel_and_row).hd95_mm == pytest.approx(0.95 * 19)


def test_its_average_is_of_length_and_given_for_each_direction(pixel_and_row):
    there, back = deepmind.compute_average_surface_distance(theirs_of(*pixel_and_row))
    assert there == pytest.approx(0.0)
    assert back == pytest.approx((171 + 19 * CORNER) / (19 + 2 * CORNER))
    assert surface_distances(*pixel_and_row).assd_mm == pytest.approx((0 + 190) / 21)


def test_its_surface_dice_is_of_length(pixel_and_row):
    theirs = deepmind.compute_surface_dice_at_tolerance(theirs_of(*pixel_and_row), 2.0)
    assert theirs == pytest.approx((4 * CORNER + 2 * (CORNER + 3)) / (4 * CORNER + 2 * (19 + 2 * CORNER)))
    assert surface_distances(*pixel_and_row).share_within(2.0) == pytest.approx((1 + 3) / 21)


def test_two_empty_masks_have_no_average_there_and_0_here():
    empty = np.zeros((4, 4), bool)
    assert np.isnan(deepmind.compute_average_surface_distance(theirs_of(empty, empty, (1.0, 1.0)))).all()
    assert surface_distances(empty, empty, (1.0, 1.0)).assd_mm == 0.0


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="numpy 1 still has the names it uses")
def test_with_numpy_2_an_empty_mask_is_an_error_there_and_a_value_here(box):
    empty, something = np.zeros((4, 4), bool), box((1, 1), (3, 3), (4, 4))
    with pytest.raises(AttributeError, match=r"np\.Inf"):
        theirs_of(something, empty, (1.0, 1.0))
    with pytest.raises(AttributeError, match=r"np\.NaN"):
        deepmind.compute_dice_coefficient(empty, empty)
    assert surface_distances(something, empty, (1.0, 1.0)).hausdorff_mm == pytest.approx(4 * math.sqrt(2))
    assert dice(empty, empty) == 1.0
