"""Claims about simulated prompts on drawn hearts: counts, places, modes, seeds."""

from collections import Counter

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.prompts import BoxPrompt
from CardioSAMLib.segmentation.simulate import (
    STEIN_CORRECTED,
    STEIN_LITERAL,
    THESIS_GRID,
    PromptCounts,
    depth_px,
    simulate,
    slices_of_passes,
)

MODES = (STEIN_LITERAL, STEIN_CORRECTED)
ROWS, COLUMNS = np.indices((96, 110))


def disk(row, column, radius):
    return (ROWS - row) ** 2 + (COLUMNS - column) ** 2 <= radius**2


def heart(row=48, column=60, cavity=10, wall=8, ventricle=12):
    """A ring of wall around a cavity, and a disk beside it: `(rows, columns)` in storage order."""
    labels = np.zeros(ROWS.shape, np.uint8)
    labels[disk(row, column - cavity - wall - ventricle - 1, ventricle)] = STORAGE.value_of(Structure.RV)
    labels[disk(row, column, cavity + wall)] = STORAGE.value_of(Structure.MYO)
    labels[disk(row, column, cavity)] = STORAGE.value_of(Structure.LV)
    return labels


HEART = heart()


def prompts_of(labels, mode, counts, seed=0):
    return {prompts.structure: prompts for prompts in simulate(labels, mode, counts, seed).structures}


def class_at(labels, point):
    return int(labels[point.pixel])


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("counts", THESIS_GRID, ids=str)
def test_every_positive_lies_in_its_structure_and_every_negative_outside(mode, counts):
    for structure, prompts in prompts_of(HEART, mode, counts).items():
        value = STORAGE.value_of(structure)
        assert len(prompts.positives) == counts.positives
        assert all(class_at(HEART, point) == value for point in prompts.positives)
        assert all(class_at(HEART, point) != value for point in prompts.negatives)
        assert (prompts.box is not None) == counts.box


@pytest.mark.parametrize("negatives", [0, 1, 2])
def test_one_negative_means_three_points_as_published_and_two_when_corrected(negatives):
    counts = PromptCounts(2, negatives, box=False)
    for structure in Structure:
        values = {STORAGE.value_of(other) for other in Structure if other is not structure}
        literal = Counter(class_at(HEART, p) for p in prompts_of(HEART, STEIN_LITERAL, counts)[structure].negatives)
        corrected = Counter(class_at(HEART, p) for p in prompts_of(HEART, STEIN_CORRECTED, counts)[structure].negatives)
        assert literal == +Counter(dict.fromkeys(values | {0}, negatives))
        assert corrected == +Counter(dict.fromkeys(values, negatives))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_negatives_are_positives_of_the_other_structures(mode):
    prompts = prompts_of(HEART, mode, PromptCounts(3, 2, box=False))
    for structure, own in prompts.items():
        others = {p.pixel for other, its in prompts.items() if other is not structure for p in its.positives}
        assert {p.pixel for p in own.negatives if class_at(HEART, p) != 0} <= others


def test_the_background_is_prompted_for_as_published_only():
    counts = PromptCounts(3, 1, box=True)
    literal = simulate(HEART, STEIN_LITERAL, counts, 0).background
    assert [class_at(HEART, p) for p in literal.points if p.positive] == [0, 0, 0]
    assert sum(not p.positive for p in literal.points) == 3
    # The background reaches the border of the image, so its box goes one pixel beyond it, as in the code of Stein 2023.
    assert literal.box == BoxPrompt(0, 0, 96, 110)
    assert simulate(HEART, STEIN_CORRECTED, counts, 0).background is None


def test_a_corrected_box_of_a_structure_at_the_border_stays_inside():
    labels = np.full((20, 30), STORAGE.value_of(Structure.LV), np.uint8)
    (prompts,) = simulate(labels, STEIN_CORRECTED, PromptCounts(2, 0, box=True), 0).structures
    assert prompts.box == BoxPrompt(0, 0, 19, 29)
    prompts.check(labels.shape)


def test_a_box_is_five_pixels_wider_on_each_side():
    prompts = prompts_of(HEART, STEIN_CORRECTED, PromptCounts(2, 0, box=True))
    assert prompts[Structure.LV].box == BoxPrompt(48 - 15, 60 - 15, 48 + 15, 60 + 15)


def test_the_first_point_is_in_the_wall_of_a_thousand_random_rings_when_corrected_and_never_their_center():
    random = np.random.default_rng(7)
    for _ in range(1000):
        cavity, wall = random.integers(4, 16), random.integers(1, 12)
        row, column = random.integers(30, 60), random.integers(50, 70)
        ring = disk(row, column, cavity + wall) & ~disk(row, column, cavity)
        labels = np.where(ring, STORAGE.value_of(Structure.MYO), 0)
        (prompts,) = simulate(labels, STEIN_CORRECTED, PromptCounts(1, 0, box=False), 0).structures
        first = prompts.positives[0]
        assert ring[first.pixel]
        # Half the wall is as deep as a point of it can be; a pixel's corner is 0.7 away.
        assert depth_px(ring)[first.pixel] >= wall / 2 - 0.71


def test_the_literal_first_point_is_the_center_of_mass_and_dropped_where_that_misses():
    counts = PromptCounts(2, 0, box=False)
    firsts = [prompts_of(HEART, STEIN_LITERAL, counts, seed) for seed in range(50)]
    assert {prompts[Structure.LV].positives[0].pixel for prompts in firsts} == {(48, 60)}
    assert {prompts[Structure.RV].positives[0].pixel for prompts in firsts} == {(48, 29)}
    assert len({prompts[Structure.MYO].positives[0].pixel for prompts in firsts}) > 25


def test_further_points_are_uniform_over_the_structure():
    """Of 2000 points some 1870 are beside the middle line, half of them on each side: SD of the share 0.0117."""
    cavity = np.where(STORAGE.value_of(Structure.LV) == HEART, HEART, 0)
    counts = PromptCounts(2, 0, box=False)
    drawn = [simulate(cavity, STEIN_CORRECTED, counts, seed).structures[0].points[1] for seed in range(2000)]
    for axis, center in (("row_px", 48), ("column_px", 60)):
        places = [getattr(point, axis) - center for point in drawn if getattr(point, axis) != center]
        assert np.mean(np.array(places) > 0) == pytest.approx(0.5, abs=4 * 0.0117)


def test_only_the_literal_mode_may_draw_the_first_point_again():
    labels = np.zeros((9, 9), np.uint8)
    labels[3:6, 3:6] = STORAGE.value_of(Structure.LV)
    labels[0, 0], labels[8, 8] = STORAGE.value_of(Structure.RV), STORAGE.value_of(Structure.MYO)
    counts = PromptCounts(3, 0, box=False)

    def repeats(mode):
        drawn = [[p.pixel for p in prompts_of(labels, mode, counts, seed)[Structure.LV].points] for seed in range(60)]
        assert all(len(set(pixels[1:])) == 2 for pixels in drawn)
        return sum(len(set(pixels)) < 3 for pixels in drawn)

    # The first of 9 pixels is among 2 of them with a chance of 2/9: 13.3 of 60, SD 3.2.
    assert repeats(STEIN_LITERAL) == pytest.approx(13.3, abs=4 * 3.2)
    assert repeats(STEIN_LITERAL) > 0
    assert repeats(STEIN_CORRECTED) == 0


def test_only_the_literal_mode_may_draw_a_negative_twice():
    counts = PromptCounts(2, 2, box=False)

    def repeats(mode):
        drawn = [prompts_of(HEART, mode, counts, seed)[Structure.LV].negatives for seed in range(60)]
        wall = [[p.pixel for p in points if class_at(HEART, p) == STORAGE.value_of(Structure.MYO)] for points in drawn]
        return sum(len(set(pixels)) < 2 for pixels in wall)

    # Two of two points with replacement are the same one in half of the draws: 30 of 60, SD 3.9.
    assert repeats(STEIN_LITERAL) == pytest.approx(30, abs=4 * 3.9)
    assert repeats(STEIN_CORRECTED) == 0


def test_structures_of_the_same_shape_get_points_of_their_own():
    labels = np.zeros((20, 40), np.uint8)
    labels[5:15, 5:15], labels[5:15, 25:35] = STORAGE.value_of(Structure.RV), STORAGE.value_of(Structure.LV)
    rv, lv = simulate(labels, STEIN_CORRECTED, PromptCounts(5, 0, box=False), 0).structures
    assert [(p.row_px, p.column_px + 20) for p in rv.points[1:]] != [(p.row_px, p.column_px) for p in lv.points[1:]]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_more_points_keep_the_fewer_and_other_wishes_change_none(mode):
    few = prompts_of(HEART, mode, PromptCounts(2, 0, box=False), seed=4)
    many = prompts_of(HEART, mode, PromptCounts(5, 2, box=True, ring_points=0), seed=4)
    assert all(many[structure].positives[:2] == few[structure].positives for structure in Structure)


def test_a_seed_gives_the_same_prompts_and_another_one_others():
    counts = PromptCounts(5, 2, box=True, ring_points=3)
    assert simulate(HEART, STEIN_CORRECTED, counts, (3, 1)) == simulate(HEART, STEIN_CORRECTED, counts, (3, 1))
    assert simulate(HEART, STEIN_CORRECTED, counts, (3, 1)) != simulate(HEART, STEIN_CORRECTED, counts, (3, 2))


def test_ring_points_are_background_just_outside_the_box():
    for structure, prompts in prompts_of(HEART, STEIN_CORRECTED, PromptCounts(1, 0, True, ring_points=20)).items():
        box = prompts.box
        assert len(prompts.negatives) == 20, structure
        for point in prompts.negatives:
            assert class_at(HEART, point) == 0
            beyond = max(
                box.first_row_px - point.row_px,
                point.row_px - box.last_row_px,
                box.first_column_px - point.column_px,
                point.column_px - box.last_column_px,
            )
            assert 0 < beyond <= 10


def test_a_structure_of_one_pixel_gets_the_one_point_there_is():
    labels = np.zeros((9, 9), np.uint8)
    labels[4, 5] = STORAGE.value_of(Structure.LV)
    (prompts,) = simulate(labels, STEIN_CORRECTED, PromptCounts(5, 2, box=True), 0).structures
    assert [point.pixel for point in prompts.points] == [(4, 5)]
    prompts.check(labels.shape)


def test_absent_structures_are_prompted_for_nothing_and_lend_no_negatives():
    labels = np.where(STORAGE.value_of(Structure.RV) == HEART, 0, HEART)
    prompts = prompts_of(labels, STEIN_CORRECTED, PromptCounts(2, 1, box=True))
    assert set(prompts) == {Structure.MYO, Structure.LV}
    assert all(len(own.negatives) == 1 for own in prompts.values())


def test_the_literal_mode_refuses_a_slice_that_lacks_a_structure():
    labels = np.where(STORAGE.value_of(Structure.RV) == HEART, 0, HEART)
    with pytest.raises(UnusableInput, match=r"no RV.*choose slices"):
        simulate(labels, STEIN_LITERAL, PromptCounts(2, 1, box=True), 0)


@pytest.mark.parametrize("wish", [(0, 1), (2, -1)])
def test_counts_that_cannot_be_drawn_are_refused(wish):
    with pytest.raises(UnusableInput, match="at least one positive"):
        PromptCounts(*wish, box=True)


def volume():
    """Empty, apex without RV, three whole slices, base without LV."""
    no_rv = np.where(STORAGE.value_of(Structure.RV) == HEART, 0, HEART)
    no_lv = np.where(STORAGE.value_of(Structure.LV) == HEART, 0, HEART)
    return np.stack([np.zeros_like(HEART), no_rv, HEART, HEART, HEART, no_lv])


def test_the_corrected_mode_takes_every_slice_with_contours_once():
    assert slices_of_passes(volume(), STEIN_CORRECTED, 0) == ((1, 2, 3, 4, 5),)


def test_the_literal_mode_takes_a_random_whole_slice_in_each_of_five_passes():
    passes = [slices_of_passes(volume(), STEIN_LITERAL, seed) for seed in range(40)]
    assert {len(of_seed) for of_seed in passes} == {5}
    assert {slices for of_seed in passes for slices in of_seed} == {(2,), (3,), (4,)}
    assert slices_of_passes(volume(), STEIN_LITERAL, 3) == passes[3]


def test_a_volume_without_a_whole_slice_is_left_out_in_every_pass():
    assert slices_of_passes(volume()[[0, 1, 5]], STEIN_LITERAL, 0) == ((),) * 5


def test_the_grid_of_the_thesis_has_eighteen_combinations():
    assert len({(c.positives, c.negatives, c.box) for c in THESIS_GRID}) == len(THESIS_GRID) == 18
