"""Claims about prompts: what they may be, what bad ones say, boxes of masks, sharing, storing; and the page on them."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from CardioSAMLib.cine import Cine, Geometry, UnusableInput
from CardioSAMLib.labels import Structure
from CardioSAMLib.prompts import (
    BoxPrompt,
    PointPrompt,
    SlicePrompts,
    StructurePrompts,
    box_around,
    shared_negatives,
)
from CardioSAMLib.segmentation.jitter import JITTERS
from CardioSAMLib.segmentation.simulate import STEIN_CORRECTED, STEIN_LITERAL

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "prompts.md").read_text(encoding="utf-8")
SHAPE = (40, 60)
LV, MYO, RV = Structure.LV, Structure.MYO, Structure.RV
ON, OFF = PointPrompt(10, 20, True), PointPrompt(30, 50, False)
BOX = BoxPrompt(5, 15, 15, 25)


def lv(**prompts):
    return StructurePrompts(LV, **prompts)


def mask_of(shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[3, 4] = True
    return mask


BAD = {
    "outside the image": (lambda: lv(points=(PointPrompt(40, 20, True),)).check(SHAPE), "row 40.*put it on the image"),
    "left of the image": (lambda: lv(points=(PointPrompt(3, -0.6, True),)).check(SHAPE), "put it on the image"),
    "a box outside": (lambda: lv(box=BoxPrompt(5, 15, 15, 61)).check(SHAPE), "draw it inside the image"),
    "a box left of it": (lambda: lv(box=BoxPrompt(5, -2, 15, 30)).check(SHAPE), "draw it inside the image"),
    "zero-area box": (lambda: BoxPrompt(5, 15, 5, 25), "no area; drag it"),
    "a box from right to left": (lambda: BoxPrompt(5, 25, 15, 15), "no area; drag it"),
    "only negatives": (lambda: lv(points=(OFF,)), "LV has only negative points; add a positive point"),
    "nothing": (lambda: lv(), "LV has no prompt; add"),
    "contradiction": (lambda: lv(points=(ON, PointPrompt(10.4, 19.6, False))), "row 10, column 20; remove one"),
    "contradicting structures": (
        lambda: SlicePrompts(0, 0, (lv(points=(ON,)), StructurePrompts(RV, (ON,)))),
        "LV and RV both have a positive point .*remove one",
    ),
    "empty mask": (lambda: lv(mask=np.zeros(SHAPE, bool)), "LV is empty; give"),
    "wrong shape": (lambda: lv(mask=mask_of((60, 40))).check(SHAPE), r"\(60, 40\).*drawn on this image"),
    "a mask of a volume": (lambda: lv(mask=np.ones((2, 4, 4), bool)), "give a bool array of rows and columns"),
    "a mask of labels": (lambda: lv(mask=np.ones(SHAPE, np.uint8)), "give a bool array of rows and columns"),
    "logits that are not square": (lambda: lv(mask=np.ones(SHAPE)), "square grid; give the low-resolution logits"),
    "NaN point": (lambda: PointPrompt(np.nan, 3, True), "give its row and column in pixels"),
    "infinite box": (lambda: BoxPrompt(0, 0, np.inf, 4), "give the rows and columns of two opposite corners"),
    "NaN logits": (lambda: lv(mask=np.full((8, 8), np.nan)), "not finite"),
    "a structure twice": (lambda: SlicePrompts(0, 0, (lv(points=(ON,)), lv(box=BOX))), "twice; put all"),
    "no structure": (lambda: SlicePrompts(0, 0, ()), "give a point or a box"),
    "all frozen": (lambda: SlicePrompts(0, 0, (lv(box=BOX),), frozenset({LV})), "may change.*give a point or a box"),
    "frozen by name": (lambda: SlicePrompts(0, 0, (lv(box=BOX),), {"RV"}), "frozen of prompts.*tuple of Structure"),
    "frozen by number": (lambda: SlicePrompts(0, 0, (lv(box=BOX),), {1}), "frozen of prompts.*tuple of Structure"),
    "no tuple": (lambda: SlicePrompts(0, 0, lv(box=BOX)), "structures of prompts.*tuple of StructurePrompts"),
    "half a frame": (lambda: SlicePrompts(1.5, 0, (lv(box=BOX),)), "frame of prompts is 1.5; give its number"),
    "a point of numbers": (lambda: lv(points=((10, 20),)), "is no PointPrompt; give"),
    "a box of numbers": (lambda: lv(box=(5, 15, 15, 25)), "is no BoxPrompt; give"),
    "a bool mask as numbers": (lambda: lv(mask=np.eye(64, dtype=np.float32)), "which are no logits; give it as bool"),
    "broken text": (lambda: SlicePrompts.from_json('{"frame": 1'), "stored, unchanged"),
    "text of something else": (lambda: SlicePrompts.from_json("[1, 2]"), "stored, unchanged"),
}


@pytest.mark.parametrize(("make", "says"), BAD.values(), ids=BAD.keys())
def test_bad_prompts_say_in_a_sentence_what_to_do(make, says):
    with pytest.raises(UnusableInput, match=says) as caught:
        make()
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("frame", "number", "says"), [(2, 0, "frame 2; .*0 to 1"), (0, -1, "slice -1; .*0 to 2")])
def test_a_frame_or_slice_that_the_cine_does_not_have_is_named(frame, number, says):
    cine = Cine(np.arange(2 * 3 * 40 * 60).reshape(2, 3, 40, 60), Geometry((1.0, 1.0, 8.0)))
    SlicePrompts(1, 2, (lv(box=BOX),)).check(cine)
    with pytest.raises(UnusableInput, match=says):
        SlicePrompts(frame, number, (lv(box=BOX),)).check(cine)


def test_the_image_ends_half_a_pixel_beyond_the_centers_of_its_border():
    for row, column in ((-0.5, -0.5), (39.49, 59.49)):
        lv(points=(PointPrompt(row, column, True),)).check(SHAPE)


def test_a_box_that_was_cut_off_at_height_and_width_is_let_through():
    lv(box=BoxPrompt(0, 0, 40, 60)).check(SHAPE)


def test_logits_have_the_grid_of_their_model_not_of_the_image():
    lv(mask=np.full((64, 64), 3.0, np.float32)).check(SHAPE)


def test_an_answer_that_found_nothing_may_be_shown_with_the_next_click():
    lv(points=(ON,), mask=np.full((64, 64), -7.0, np.float32)).check(SHAPE)


def test_a_box_is_tight_around_its_mask():
    mask = np.zeros((20, 30), bool)
    mask[3:8, 10] = True
    mask[5, 10:20] = True
    assert box_around(mask) == BoxPrompt(3, 10, 7, 19)
    assert box_around(mask, margin_px=2) == BoxPrompt(1, 8, 9, 21)


def test_an_empty_mask_has_no_box():
    assert box_around(np.zeros((4, 4), bool)) is None


def test_the_box_of_a_full_frame_mask_stays_inside():
    assert box_around(np.ones((4, 6), bool), margin_px=5) == BoxPrompt(0, 0, 3, 5)


def test_the_published_cut_off_is_one_pixel_further_at_the_far_sides_only():
    assert box_around(np.ones((4, 6), bool), margin_px=5, past_edge_px=1) == BoxPrompt(0, 0, 4, 6)


def test_the_box_of_a_single_pixel_has_an_area():
    assert box_around(mask_of()) == BoxPrompt(2.5, 3.5, 3.5, 4.5)
    assert box_around(mask_of(), margin_px=5) == BoxPrompt(0, 0, 8, 9)


def test_moved_sides_that_pass_each_other_change_places():
    assert BoxPrompt(10, 10, 20, 20).moved((15, 0, 0, 2), SHAPE) == BoxPrompt(20, 10, 25, 22)


def test_a_box_that_is_moved_onto_the_border_stays_a_pixel_wide():
    assert BoxPrompt(10, 50, 20, 55).moved((-30, 30, -30, 30), SHAPE) == BoxPrompt(0, 58, 1, 59)


def test_positives_of_one_structure_become_negatives_of_the_others():
    points = {RV: PointPrompt(1, 2, True), MYO: PointPrompt(3, 4, True), LV: PointPrompt(5, 6, True)}
    prompts = SlicePrompts(0, 0, tuple(StructurePrompts(one, (point,)) for one, point in points.items()))
    for own in shared_negatives(prompts).structures:
        others = {point.pixel for one, point in points.items() if one is not own.structure}
        assert own.positives == (points[own.structure],)
        assert {point.pixel for point in own.negatives} == others
        assert len(own.negatives) == 2


def test_negatives_stay_with_their_structure():
    shared = shared_negatives(SlicePrompts(0, 0, (lv(points=(ON, OFF)), StructurePrompts(RV, box=BOX))))
    assert [len(own.negatives) for own in shared.structures] == [1, 1]


def test_sharing_twice_adds_nothing():
    once = shared_negatives(SlicePrompts(0, 0, (lv(points=(ON,)), StructurePrompts(RV, box=BOX))))
    assert shared_negatives(once) == once


def test_a_frozen_structure_still_tells_the_others_where_they_are_not():
    prompts = SlicePrompts(0, 0, (lv(box=BOX), StructurePrompts(RV, (ON,))), frozenset({RV}))
    assert [point.pixel for point in shared_negatives(prompts).structures[0].negatives] == [(10, 20)]


coordinates = st.floats(-0.5, 300.0)
points = st.builds(PointPrompt, coordinates, coordinates, st.just(True))
boxes = st.builds(
    lambda row, column, height, width: BoxPrompt(row, column, row + height, column + width),
    *([coordinates] * 2 + [st.floats(0.5, 100.0)] * 2),
)


@given(point=points, box=st.none() | boxes, frame=st.integers(0, 40), data=st.data())
def test_prompts_survive_being_stored(point, box, frame, data):
    size = data.draw(st.integers(1, 9))
    random = np.random.default_rng(size)
    mask = data.draw(st.sampled_from([None, random.random((size, 11)) < 0.99, random.random((size, size)) + 0.1]))
    frozen = data.draw(st.frozensets(st.sampled_from([MYO, RV])))
    prompts = SlicePrompts(frame, 3, (StructurePrompts(LV, (point,), box, mask),), frozen)
    assert SlicePrompts.from_json(prompts.to_json()) == prompts


def test_numbers_of_numpy_can_be_stored():
    point, box = PointPrompt(np.int64(3), np.float32(4), np.True_), BoxPrompt(*np.arange(4, dtype=np.float32))
    prompts = SlicePrompts(np.int64(1), np.uint8(2), (StructurePrompts(LV, (point,), box),))
    assert SlicePrompts.from_json(prompts.to_json()) == prompts


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PointPrompt("a", 2, True), "give a number of pixels"),
        (lambda: PointPrompt(1, None, True), "give a number of pixels"),
        (lambda: StructurePrompts("LV", (PointPrompt(1, 1, True),)), "give Structure.LV"),
        (lambda: SlicePrompts(float("nan"), 0, (lv(box=BOX),)), "frame of prompts"),
        (lambda: SlicePrompts(0, float("inf"), (lv(box=BOX),)), "slice number of prompts"),
        (
            lambda: SlicePrompts.from_json(
                SlicePrompts(0, 0, (lv(box=BOX),)).to_json().replace('"frame": 0', '"frame": Infinity')
            ),
            "frame of prompts",
        ),
    ],
)
def test_what_is_no_prompt_is_one_sentence(make, words):
    with pytest.raises(UnusableInput, match=words):
        make()


def test_a_mask_may_be_given_as_lists():
    assert lv(mask=mask_of().tolist()) == lv(mask=mask_of())


def test_a_stored_mask_keeps_its_type_and_every_pixel():
    for mask in (mask_of(), np.linspace(-3, 3, 16, dtype=np.float32).reshape(4, 4)):
        (read,) = SlicePrompts.from_json(SlicePrompts(0, 0, (lv(mask=mask),)).to_json()).structures
        assert read.mask.dtype == mask.dtype
        np.testing.assert_array_equal(read.mask, mask)


@pytest.mark.parametrize("shape", ["[40, 90]", "[40, 30]"])
def test_a_stored_mask_with_too_few_or_too_many_pixels_is_refused(shape):
    text = SlicePrompts(0, 0, (lv(mask=mask_of()),)).to_json()
    with pytest.raises(UnusableInput, match="unchanged"):
        SlicePrompts.from_json(text.replace("[40, 60]", shape))


def test_prompts_with_other_masks_are_other_prompts():
    other = mask_of()
    other[0, 0] = True
    assert lv(mask=mask_of()) == lv(mask=mask_of())
    assert hash(lv(mask=mask_of())) == hash(lv(mask=mask_of()))
    assert lv(mask=mask_of()) != lv(mask=other)
    assert lv(mask=mask_of()) != lv(box=BOX)
    assert lv(mask=mask_of(), box=BOX) != lv(box=BOX)


def test_the_examples_of_the_page_run_and_print_what_it_says(capsys):
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(code, names)
        said = re.findall(r"^print\(.*\)  # (.*)$", code, re.M)
        assert capsys.readouterr().out.splitlines() == said
        assert said


def test_the_page_lists_every_mode_and_jitter():
    named = set(re.findall(r"^\| `([^`]+)` \|", PAGE, re.M))
    assert {STEIN_LITERAL.name, STEIN_CORRECTED.name, *JITTERS} <= named
