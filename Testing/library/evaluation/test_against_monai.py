"""Claims about agreement with MONAI on generated pairs, and about where its metrics mean something else.

Its surfaces are ours. It computes in single precision, leaves empty masks undefined, and has other defaults.
"""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import score
from CardioSAMLib.evaluation.scores import Emptiness
from CardioSAMLib.evaluation.surface import surface_distances

torch = pytest.importorskip("torch", reason="MONAI needs torch")
monai = pytest.importorskip("monai.metrics", reason="compares with MONAI")
monai_utils = pytest.importorskip("monai.metrics.utils", reason="compares with MONAI")

pytestmark = pytest.mark.filterwarnings("ignore")
thorough = settings(max_examples=150, deadline=None, derandomize=True, database=None)
pairs = st.from_type(MaskPair)
CONFUSION = {
    "precision": "precision",
    "recall": "sensitivity",
    "specificity": "specificity",
    "pixel_accuracy": "accuracy",
}


def tensor_of(mask):
    """One structure as MONAI wants it: batch, channel, then the axes of the mask in their order."""
    return torch.from_numpy(mask[None, None].astype(np.float32))


def tensors_of(pair):
    return {"y_pred": tensor_of(pair.prediction), "y": tensor_of(pair.reference), "include_background": True}


def confusion(pair, name):
    counts = monai.get_confusion_matrix(**tensors_of(pair))
    return float(monai.compute_confusion_matrix_metric(name, counts))


def directed_mm(source, target, spacing_mm):
    return monai_utils.get_surface_distance(
        surface_edges(source), surface_edges(target), spacing=list(spacing_mm)
    ).numpy()


def surface_edges(mask):
    tensor = torch.from_numpy(mask)
    return monai_utils.get_mask_edges(tensor, tensor, crop=False)[0]


def row(*columns, length=101):
    mask = np.zeros((1, length), bool)
    mask[0, list(columns)] = True
    return mask


@thorough
@given(pair=pairs)
def test_overlap_agrees_where_it_is_defined_there(pair):
    assume(pair.emptiness is not Emptiness.BOTH)
    ours = score(pair)
    assert ours["dice"] == pytest.approx(float(monai.compute_dice(**tensors_of(pair), ignore_empty=False)), abs=1e-6)
    assert ours["iou"] == pytest.approx(float(monai.compute_iou(**tensors_of(pair), ignore_empty=False)), abs=1e-6)
    for key, name in CONFUSION.items():
        expected = confusion(pair, name)
        assert math.isnan(expected) or ours[key] == pytest.approx(expected, abs=1e-6)


@thorough
@given(pair=pairs)
def test_distances_agree(pair):
    assume(pair.emptiness is Emptiness.NEITHER)
    ours, options = score(pair), {**tensors_of(pair), "spacing": list(pair.spacing_mm)}
    assert ours["hausdorff_mm"] == pytest.approx(float(monai.compute_hausdorff_distance(**options)), rel=1e-6)
    assd = monai.compute_average_surface_distance(**options, symmetric=True)
    assert ours["assd_mm"] == pytest.approx(float(assd), rel=1e-6)
    assert ours["nsd_2mm"] == pytest.approx(
        float(monai.compute_surface_dice(**options, class_thresholds=[2.0])), abs=1e-6
    )


@thorough
@given(pair=pairs)
def test_hd95_agrees(pair):
    assume(pair.emptiness is Emptiness.NEITHER)
    options = {**tensors_of(pair), "spacing": list(pair.spacing_mm)}
    theirs = float(monai.compute_hausdorff_distance(**options, percentile=95))
    there = directed_mm(pair.reference, pair.prediction, pair.spacing_mm)
    back = directed_mm(pair.prediction, pair.reference, pair.spacing_mm)
    ours = pair.distances.hd95_mm
    assert ours == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), rel=1e-6)
    # Its quantile takes the rank among n distances in single precision, too: up to n x 6e-8 of the gap between two.
    assert ours == pytest.approx(
        theirs, rel=1e-6, abs=1.2e-7 * max(len(there), len(back)) * pair.distances.hausdorff_mm
    )


def test_two_empty_masks_are_nan_there_and_perfect_here():
    empty = np.zeros((1, 5), bool)
    pair = MaskPair(empty, empty, (1.0, 1.0))
    ours, options = score(pair), tensors_of(pair)
    assert math.isnan(monai.compute_dice(**options))
    assert math.isnan(monai.compute_hausdorff_distance(**options, percentile=95))
    assert math.isnan(monai.compute_average_surface_distance(**options, symmetric=True))
    assert math.isnan(monai.compute_surface_dice(**options, class_thresholds=[2.0]))
    assert (ours["dice"], ours["hd95_mm"], ours["assd_mm"], ours["nsd_2mm"]) == (1.0, 0.0, 0.0, 1.0)


def test_a_missed_mask_is_infinitely_far_or_nan_there_and_a_diagonal_here():
    # Its reductions leave NaN out of the mean: who misses more looks better. Here the mean gets worse.
    pair = MaskPair(row(0, 1, 2), row(), (3.0, 4.0 / 101))
    assert monai.compute_hausdorff_distance(**tensors_of(pair)) == math.inf
    assert math.isnan(monai.compute_hausdorff_distance(**tensors_of(pair), percentile=95))
    assert math.isnan(confusion(pair, "precision"))
    ours = score(pair)
    assert ours["hd95_mm"] == pytest.approx(5.0)  # sides of 3 and 4 mm
    assert ours["precision"] == 0.0


def test_a_spurious_mask_has_dice_nan_there_unless_told_and_0_here():
    pair = MaskPair(row(), row(0, 1, 2), (1.0, 1.0))
    assert math.isnan(monai.compute_dice(**tensors_of(pair)))
    assert monai.compute_dice(**tensors_of(pair), ignore_empty=False) == 0.0
    assert score(pair)["dice"] == 0.0


def test_its_percentile_counts_to_100_and_a_share_of_one_gives_nearly_the_smallest_distance():
    # Distances 0, 1, ... 100: their 95th percentile is 95, their 0.95th is 0.95.
    pair = MaskPair(row(0), row(*range(101)), (1.0, 1.0))
    assert monai.compute_hausdorff_distance(**tensors_of(pair), percentile=0.95) == pytest.approx(0.95)
    assert pair.distances.hd95_mm == pytest.approx(95.0)


def test_its_average_goes_one_way_unless_told():
    # From the prediction: 0, 0. From the reference: 0, 0, 1, 2.
    pair = MaskPair(row(0, 1, 2, 3), row(0, 1), (1.0, 1.0))
    assert monai.compute_average_surface_distance(**tensors_of(pair)) == 0.0
    assert pair.distances.assd_mm == pytest.approx(3 / 6)


def test_its_subvoxel_surface_dice_weighs_by_length():
    # A pixel and a row of 20 pixels: 1 + 3 of 21 surface pixels lie within 2 mm. As contours at the corners of pixels:
    # 4 corners of √2/2 mm, and two lines of √2/2 + 19 + √2/2 mm, of which √2/2 + 1 + 2 lie within 2 mm.
    pair = MaskPair(row(0, length=20), row(*range(20), length=20), (1.0, 1.0))
    corner = math.sqrt(0.5)
    options = {**tensors_of(pair), "class_thresholds": [2.0], "spacing": [1.0, 1.0]}
    by_length = (4 * corner + 2 * (corner + 3)) / (4 * corner + 2 * (2 * corner + 19))
    assert monai.compute_surface_dice(**options, use_subvoxels=True) == pytest.approx(by_length)
    assert surface_distances(pair.reference, pair.prediction, (1.0, 1.0)).share_within(2.0) == pytest.approx(4 / 21)
