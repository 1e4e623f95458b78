"""Claims about `sam_prompts`: native pixels become SAM's coordinates as in its predictor; what lies outside is said."""

import numpy as np
import pytest
from segment_anything.utils.transforms import ResizeLongestSide

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import Structure
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, StructurePrompts
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS, sam_image
from CardioSAMLib.segmentation.sam_prompts import sam_prompts

SHAPE = (150, 180)
GRAY = np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE) % 256
WHOLE = sam_image(GRAY, None, (1.0, 1.0), NORMALIZATIONS["sam"], 512)

LARGE = np.arange(400 * 400).reshape(400, 400) % 256
# 176 mm at 1 mm per pixel: rows 112 to 287, columns 62 to 237.
REGION = sam_image(LARGE, HeartBox((199.5, 149.5), (80.0, 80.0)), (1.0, 1.0), NORMALIZATIONS["sam"], 224)


def positive(row, column):
    return PointPrompt(row, column, True)


def negative(row, column):
    return PointPrompt(row, column, False)


def test_points_are_scaled_as_by_the_official_transform_and_keep_their_signs():
    points = (positive(20, 30), negative(149, 179), positive(0, 0))
    taken = sam_prompts(StructurePrompts(Structure.LV, points), WHOLE)
    native_xy = np.array([[30, 20], [179, 149], [0, 0]])
    np.testing.assert_allclose(taken.points_xy, ResizeLongestSide(512).apply_coords(native_xy, SHAPE), atol=1e-3)
    assert taken.labels.tolist() == [1, 0, 1]
    assert taken.box_xyxy is None
    assert taken.mask is None


def test_a_box_is_scaled_as_by_the_official_transform():
    taken = sam_prompts(StructurePrompts(Structure.RV, box=BoxPrompt(20, 30, 80, 100)), WHOLE)
    expected = ResizeLongestSide(512).apply_boxes(np.array([[30, 20, 100, 80]]), SHAPE)[0]
    np.testing.assert_allclose(taken.box_xyxy, expected, atol=1e-3)
    assert taken.points_xy.shape == (0, 2)


def test_in_a_region_coordinates_count_from_its_first_pixel():
    taken = sam_prompts(StructurePrompts(Structure.LV, (positive(112, 62), positive(200, 150))), REGION)
    scale = 224 / 176
    np.testing.assert_allclose(taken.points_xy, [[0, 0], [88 * scale, 88 * scale]], atol=1e-4)


@pytest.mark.parametrize("row", [110, 289])
def test_a_positive_point_outside_of_the_region_says_what_to_do(row):
    with pytest.raises(UnusableInput, match=r"outside of the region.*give another region"):
        sam_prompts(StructurePrompts(Structure.LV, (positive(row, 150),)), REGION)


def test_a_negative_point_outside_of_the_region_is_left_out():
    taken = sam_prompts(StructurePrompts(Structure.LV, (positive(200, 150), negative(5, 5))), REGION)
    assert taken.labels.tolist() == [1]


def test_the_outermost_halves_of_the_first_and_last_pixel_belong_to_the_region():
    points = (positive(111.5, 150), positive(287.5, 150))
    assert sam_prompts(StructurePrompts(Structure.LV, points), REGION).labels.tolist() == [1, 1]


def test_a_box_is_cut_at_the_border_of_the_region():
    taken = sam_prompts(StructurePrompts(Structure.LV, box=BoxPrompt(50, 100, 200, 390)), REGION)
    scale = 224 / 176
    np.testing.assert_allclose(taken.box_xyxy, [38 * scale, 0, 224, 88 * scale], atol=1e-4)


def test_a_box_beside_the_region_says_what_to_do():
    with pytest.raises(UnusableInput, match="draw it around the heart"):
        sam_prompts(StructurePrompts(Structure.LV, box=BoxPrompt(5, 5, 50, 50)), REGION)


def test_a_mask_becomes_logits_of_both_signs_at_its_place_on_the_coarse_grid():
    mask = np.zeros(SHAPE, bool)
    mask[60:90, 45:135] = True
    taken = sam_prompts(StructurePrompts(Structure.MYO, mask=mask), WHOLE).mask
    assert taken.shape == (128, 128)
    assert taken.dtype == np.float32
    scale = 128 / 180  # coarse pixels per native pixel, the longest side being 180
    inside = np.argwhere(taken > 0)
    np.testing.assert_allclose(inside.min(axis=0), [60 * scale, 45 * scale], atol=1)
    np.testing.assert_allclose(inside.max(axis=0) + 1, [90 * scale, 135 * scale], atol=1)
    assert taken[50, 64] == 10.0
    assert taken[5, 5] == -10.0


def test_nothing_of_a_mask_is_said_in_the_padding():
    taken = sam_prompts(StructurePrompts(Structure.MYO, mask=np.ones(SHAPE, bool)), WHOLE).mask
    shown = -(-WHOLE.shown_px[0] // 4)
    assert np.all(taken[:shown] == 10.0)
    assert np.all(taken[shown:] == -10.0)


def test_a_mask_thinner_than_the_coarse_pixels_is_still_seen():
    mask = np.zeros(SHAPE, bool)
    mask[60, 45:135] = True
    assert sam_prompts(StructurePrompts(Structure.MYO, mask=mask), WHOLE).mask.max() == pytest.approx(10.0)


def test_a_mask_beside_the_region_says_what_to_do():
    mask = np.zeros(SHAPE, bool)
    mask[2:6, 2:6] = True
    with pytest.raises(UnusableInput, match=r"outside of the region.*give one on the heart"):
        sam_prompts(StructurePrompts(Structure.MYO, mask=mask), REGION)


def test_logits_of_an_earlier_answer_go_in_unchanged():
    logits = np.random.default_rng(1).normal(size=(128, 128)).astype(np.float32)
    taken = sam_prompts(StructurePrompts(Structure.MYO, mask=logits), WHOLE).mask
    np.testing.assert_array_equal(taken, logits)


def test_logits_of_another_size_say_what_to_do():
    logits = np.full((64, 64), 2.0, np.float32)
    with pytest.raises(UnusableInput, match=r"\(64, 64\).*\(128, 128\).*earlier answer"):
        sam_prompts(StructurePrompts(Structure.MYO, mask=logits), WHOLE)
