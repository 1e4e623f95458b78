"""Claims about agreement with SimpleITK on generated pairs, and about where its filters mean something else.

Its contour, distance map and erosion filters compute our definitions by another way; its two ready-made filters differ
in what they take for a surface and in what they do with empty masks.
"""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from CardioSAMLib.evaluation.boundary import BAND_PX, boundary_iou
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import score
from CardioSAMLib.evaluation.overlap import overlap_of
from CardioSAMLib.evaluation.scores import Emptiness
from CardioSAMLib.evaluation.surface import surface_distances, surface_of

thorough = settings(max_examples=150, deadline=None, derandomize=True, database=None)
pairs = st.from_type(MaskPair)
UNDEFINED = np.finfo(float).max
"""What SimpleITK gives for a share of nothing."""


@pytest.fixture(scope="module", autouse=True)
def _no_itk_warnings():
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    yield
    sitk.ProcessObject.SetGlobalWarningDisplay(before)


def image_of(mask, spacing_mm=None, border=0):
    """border: voxels of background around the mask, which SimpleITK's filters do not imagine by themselves."""
    image = sitk.GetImageFromArray(np.pad(mask, border).astype(np.uint8))
    image.SetSpacing((spacing_mm or (1.0,) * mask.ndim)[::-1])
    return image


def contour_of(mask, spacing_mm=None):
    return sitk.BinaryContour(image_of(mask, spacing_mm, border=1), fullyConnected=False)


def distances_mm(source, target, spacing_mm):
    field = sitk.SignedMaurerDistanceMap(contour_of(target, spacing_mm), squaredDistance=False, useImageSpacing=True)
    on_contour = sitk.GetArrayFromImage(contour_of(source)) > 0
    return np.maximum(sitk.GetArrayFromImage(field)[on_contour].astype(float), 0.0)


def overlap_measures(reference, prediction):
    measures = sitk.LabelOverlapMeasuresImageFilter()
    measures.Execute(image_of(prediction), image_of(reference))
    return measures


def hausdorff(a, b):
    """The filter after its work on two images or masks (of 1 mm)."""
    distance = sitk.HausdorffDistanceImageFilter()
    distance.Execute(*(item if isinstance(item, sitk.Image) else image_of(item) for item in (a, b)))
    return distance


@thorough
@given(pair=pairs)
def test_overlap_agrees_where_both_masks_have_something_in_them(pair):
    assume(pair.emptiness is Emptiness.NEITHER)
    measures, overlap = overlap_measures(pair.reference, pair.prediction), pair.overlap
    assert overlap.dice == pytest.approx(measures.GetDiceCoefficient(1), abs=1e-6)
    assert overlap.iou == pytest.approx(measures.GetJaccardCoefficient(1), abs=1e-6)
    assert overlap.precision == pytest.approx(1 - measures.GetFalseDiscoveryRate(1), abs=1e-6)
    assert overlap.recall == pytest.approx(1 - measures.GetFalseNegativeError(1), abs=1e-6)
    if overlap.reference < overlap.grid:
        assert overlap.specificity == pytest.approx(1 - measures.GetFalsePositiveError(1), abs=1e-6)


@thorough
@given(pair=pairs)
def test_surfaces_agree_with_its_contours(pair):
    contour = sitk.GetArrayFromImage(contour_of(pair.reference)) > 0
    np.testing.assert_array_equal(np.pad(surface_of(pair.reference), 1), contour)


@thorough
@given(pair=pairs)
def test_distances_agree_with_its_distance_map_between_contours(pair):
    assume(pair.emptiness is Emptiness.NEITHER)
    there = distances_mm(pair.reference, pair.prediction, pair.spacing_mm)
    back = distances_mm(pair.prediction, pair.reference, pair.spacing_mm)
    both, ours = np.concatenate([there, back]), score(pair)
    assert ours["hd95_mm"] == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), rel=1e-6, abs=1e-6)
    assert ours["assd_mm"] == pytest.approx(both.mean(), rel=1e-6, abs=1e-6)
    assert ours["nsd_2mm"] == pytest.approx((both <= 2.0).mean(), abs=1e-6)


@thorough
@given(pair=pairs)
def test_hausdorff_agrees_with_its_filter_on_contours(pair):
    assume(pair.emptiness is Emptiness.NEITHER)
    contours = (contour_of(mask, pair.spacing_mm) for mask in (pair.reference, pair.prediction))
    expected = hausdorff(*contours).GetHausdorffDistance()
    assert pair.distances.hausdorff_mm == pytest.approx(expected, rel=1e-6, abs=1e-6)


@thorough
@given(pair=pairs)
def test_boundary_iou_agrees_with_its_erosion(pair):
    assume(pair.emptiness is Emptiness.NEITHER)
    radius = (BAND_PX, BAND_PX, 0)[: pair.dimensions]
    bands = []
    for mask in (pair.reference, pair.prediction):
        core = sitk.BinaryErode(image_of(mask), radius, sitk.sitkBox, 0.0, 1.0, False)
        bands.append(mask & (sitk.GetArrayFromImage(core) == 0))
    expected = overlap_measures(*bands).GetJaccardCoefficient(1)
    assert boundary_iou(pair.reference, pair.prediction) == pytest.approx(expected, abs=1e-6)


def test_its_hausdorff_of_masks_counts_all_voxels_and_sees_a_filled_cavity(box):
    # A frame of one pixel around 5 x 5, and the same filled: the center lies 3 pixels from the frame, but the surfaces
    # are the same pixels.
    filled = box((2, 2), (9, 9), (11, 11))
    frame = filled & ~box((3, 3), (8, 8), (11, 11))
    assert hausdorff(frame, filled).GetHausdorffDistance() == pytest.approx(3.0)
    assert surface_distances(frame, filled, (1.0, 1.0)).hausdorff_mm == 0.0
    assert overlap_of(frame, filled).precision == pytest.approx(24 / 49)


def test_its_hausdorff_of_masks_takes_the_inside_as_distance_0_and_misses_how_deep_a_hole_lies(box):
    # The hole's pixel lies 1 pixel from the rest; its 4 neighbors, now surface, lie 2 from the outer rim.
    filled = box((2, 2), (9, 9), (11, 11))
    holed = filled.copy()
    holed[5, 5] = False
    assert hausdorff(filled, holed).GetHausdorffDistance() == pytest.approx(1.0)
    assert surface_distances(filled, holed, (1.0, 1.0)).hausdorff_mm == 2.0


def test_its_average_is_the_mean_of_two_means_and_ours_the_mean_over_both(box):
    # Distances 0, 0 and 0, 0, 1, 2: means 0 and 3/4.
    short, long = box((0, 0), (1, 2), (1, 4)), box((0, 0), (1, 4), (1, 4))
    assert hausdorff(short, long).GetAverageHausdorffDistance() == pytest.approx(3 / 8)
    assert surface_distances(short, long, (1.0, 1.0)).assd_mm == pytest.approx(3 / 6)


def test_its_erosion_and_contour_take_the_border_of_the_grid_for_foreground_unless_told():
    full = np.ones((3, 5), bool)
    assert sitk.GetArrayFromImage(sitk.BinaryContour(image_of(full), fullyConnected=False)).sum() == 0
    assert surface_of(full).sum() == 15 - 3


def test_two_empty_masks_have_dice_0_there_and_1_here():
    empty = np.zeros((4, 4), bool)
    measures = overlap_measures(empty, empty)
    assert (measures.GetDiceCoefficient(1), measures.GetJaccardCoefficient(1)) == (0.0, 0.0)
    assert (overlap_of(empty, empty).dice, overlap_of(empty, empty).iou) == (1.0, 1.0)


def test_shares_of_nothing_are_the_largest_float_or_nan_there_and_defined_here(box):
    something, empty, full = box((1, 1), (3, 3), (4, 4)), np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert overlap_measures(something, empty).GetFalseDiscoveryRate(1) == UNDEFINED
    assert overlap_measures(empty, something).GetFalseNegativeError(1) == UNDEFINED
    assert math.isnan(overlap_measures(full, full).GetFalsePositiveError(1))
    assert (overlap_of(something, empty).precision, overlap_of(empty, something).recall) == (0.0, 0.0)
    assert overlap_of(full, full).specificity == 1.0


def test_it_raises_on_distances_to_an_empty_mask(box):
    with pytest.raises(RuntimeError, match="pixelcount"):
        hausdorff(box((1, 1), (3, 3), (4, 4)), np.zeros((4, 4), bool))
