"""Claims about `plan`: a cycle of 10 frames; keys are (frame, slice)."""

import pytest

from CardioSAMLib.segmentation.propagation.plan import Course, SliceStep, between, descendants, plan_of

FRAMES = 10


def everything(slices=5):
    return {(frame, number) for frame in range(FRAMES) for number in range(slices)}


def test_a_slice_without_contours_is_reached_from_neighbor_to_neighbor_and_then_goes_around_the_cycle():
    plan = plan_of([(2, 1)], (), {(2, 3), (6, 3)})
    assert plan.steps == (SliceStep((2, 1), (2, 2)), SliceStep((2, 2), (2, 3)))
    assert plan.courses == (Course(3, (2,), (6,)),)


def test_one_slice_reaches_every_other_one():
    wanted = everything() - {(2, 2)}
    plan = plan_of([(2, 2)], (), wanted)
    assert {step.target for step in plan.steps} == {(2, number) for number in (0, 1, 3, 4)}
    reached = {(frame, course.slice_number) for course in plan.courses for frame in course.targets}
    assert reached | {step.target for step in plan.steps} == wanted
    assert set(plan.parents(FRAMES, wanted)) == wanted


def test_every_step_starts_from_a_slice_that_is_there_by_then():
    stands = [(2, 2), (7, 4)]
    there = set(stands)
    for step in plan_of(stands, (), everything(7) - there).steps:
        assert step.source in there
        there.add(step.target)


def test_of_two_equally_near_slices_the_first_named_is_the_start():
    assert plan_of([(0, 1), (4, 3)], (), {(0, 2)}).steps == (SliceStep((0, 1), (0, 2)),)
    assert plan_of([(4, 3), (0, 1)], (), {(4, 2)}).steps == (SliceStep((4, 3), (4, 2)),)


def test_a_slice_that_was_drawn_in_two_frames_gives_its_neighbor_two_beginnings():
    plan = plan_of([(0, 1), (4, 1)], (), {(2, 2)})
    assert {step.target for step in plan.steps} == {(0, 2), (4, 2)}
    assert plan.courses == (Course(2, (0, 4), (2,)),)


def test_only_the_frames_that_are_wanted_are_begun_in_where_they_suffice():
    plan = plan_of([(0, 1), (4, 1)], (), {(4, 2)})
    assert [step.target for step in plan.steps] == [(4, 2)]
    assert plan.courses == ()


def test_a_slice_passed_on_the_way_is_followed_back_to_what_can_be_seen():
    wanted = {(0, 3), (5, 3)}
    plan = plan_of([(0, 1)], (), wanted)
    assert plan.parents(FRAMES, wanted) == {(0, 3): ((0, 1),), (5, 3): ((0, 3),)}
    hidden = {(5, 3)}
    assert plan_of([(0, 1)], (), hidden).parents(FRAMES, hidden) == {(5, 3): ((0, 1),)}


def test_a_slice_that_stands_empty_is_not_drawn_and_is_the_start_of_what_lies_behind_it():
    plan = plan_of([(0, 1)], [(0, 2)], {(0, 3), (5, 2)})
    assert plan.steps == (SliceStep((0, 2), (0, 3)),)
    assert plan.courses == (Course(2, (0,), (5,)),)


@pytest.mark.parametrize(("frame", "ends"), [(5, (2, 8)), (9, (8, 2)), (0, (8, 2)), (1, (8, 2)), (3, (2, 8))])
def test_the_frames_before_and_after_are_found_around_the_cycle(frame, ends):
    assert between(frame, (2, 8), FRAMES) == ends


def test_one_drawn_frame_is_before_and_after_all_others():
    assert {between(frame, (4,), FRAMES) for frame in range(FRAMES) if frame != 4} == {(4, 4)}


def test_descendants_are_followed_through_other_slices_and_none_is_its_own():
    parents = {(0, 1): ((0, 0),), (0, 2): ((0, 1),), (5, 2): ((0, 2), (8, 2)), (5, 0): ((0, 0),)}
    assert descendants(parents, [(0, 1)]) == {(0, 2), (5, 2)}
    assert descendants(parents, [(8, 2)]) == {(5, 2)}
    assert descendants(parents, [(5, 2)]) == frozenset()
