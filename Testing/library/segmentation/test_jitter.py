"""Claims about boxes that are off."""

import numpy as np
import pytest

from CardioSAMLib.labels import Structure
from CardioSAMLib.prompts import BoxPrompt, StructurePrompts
from CardioSAMLib.segmentation.jitter import JITTERS, jittered_box

SHAPE = (256, 512)
PIXEL_MM = (1.0, 2.0)
BOX = BoxPrompt(100, 200, 150, 260)
OUTWARD = np.array([-1, -1, 1, 1])


def outward_steps(name, count=2000):
    """How far each side moved outward in native pixels, `(count, 4)`."""
    boxes = [jittered_box(BOX, JITTERS[name], SHAPE, PIXEL_MM, seed) for seed in range(count)]
    return OUTWARD * np.array([np.subtract(sides(box), sides(BOX)) for box in boxes])


def sides(box):
    return box.first_row_px, box.first_column_px, box.last_row_px, box.last_column_px


@pytest.mark.parametrize(("name", "largest"), [("out_U(0,20)px@1024", 10.0), ("U(0,5)px@256", 10.0)])
def test_published_jitters_go_outward_evenly_in_the_pixels_of_their_own_frame(name, largest):
    """The image is 512 pixels long: half of 1024, and twice 256."""
    steps = outward_steps(name)
    assert steps.min() >= 0.0
    assert steps.max() == pytest.approx(largest, rel=0.01)
    assert steps.max() <= largest
    # A uniform draw's SD is its range / sqrt(12); the mean of 2000 is known to 4 SE.
    np.testing.assert_allclose(steps.mean(axis=0), largest / 2, atol=4 * largest / 12**0.5 / 2000**0.5)


def test_a_fixed_jitter_is_a_margin_of_five_native_pixels():
    assert jittered_box(BOX, JITTERS["fixed5px"], SHAPE, PIXEL_MM, 0) == BoxPrompt(95, 195, 155, 265)


@pytest.mark.parametrize("sigma_mm", [2, 4, 6])
def test_our_jitter_goes_both_ways_in_millimeters(sigma_mm):
    steps = outward_steps(f"sym_N(0,{sigma_mm} mm)")
    expected = sigma_mm / np.array([1.0, 2.0, 1.0, 2.0])
    np.testing.assert_allclose(steps.std(axis=0), expected, rtol=0.1)
    np.testing.assert_array_less(np.abs(steps.mean(axis=0)), 4 * expected / 2000**0.5)
    np.testing.assert_array_less(steps.min(axis=0), -expected)


def test_no_jitter_moves_nothing():
    assert jittered_box(BOX, JITTERS["sym_N(0,0 mm)"], SHAPE, PIXEL_MM, 3) == BOX


def test_the_sides_move_independently():
    correlation = np.corrcoef(outward_steps("sym_N(0,4 mm)").T)
    assert np.abs(correlation - np.eye(4)).max() < 4 / 2000**0.5


def test_a_seed_gives_the_same_box_and_a_larger_jitter_moves_it_further_the_same_way():
    two, six = (jittered_box(BOX, JITTERS[f"sym_N(0,{sigma} mm)"], SHAPE, PIXEL_MM, (5, 1)) for sigma in (2, 6))
    again = jittered_box(BOX, JITTERS["sym_N(0,2 mm)"], SHAPE, PIXEL_MM, (5, 1))
    assert two == again
    np.testing.assert_allclose(np.subtract(sides(six), sides(BOX)), 3 * np.subtract(sides(two), sides(BOX)))


@pytest.mark.parametrize("name", JITTERS)
def test_a_box_in_a_corner_stays_on_the_image_with_an_area(name):
    for seed in range(50):
        box = jittered_box(BoxPrompt(254, 0, 255, 1), JITTERS[name], SHAPE, PIXEL_MM, seed)
        assert min(sides(box)) >= 0.0
        assert box.last_row_px <= 255
        assert box.last_column_px <= 511
        StructurePrompts(Structure.LV, box=box).check(SHAPE)
