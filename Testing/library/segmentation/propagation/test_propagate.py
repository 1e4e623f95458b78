"""Claims about `propagate` and `repropagate`, with ways of drawing that copy and count. The real ones: test_methods."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry, UnusableInput
from CardioSAMLib.labels import CineSegmentation, Provenance
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.segmentation.propagation import Propagator, propagate, repropagate
from CardioSAMLib.segmentation.propagation.plan import between

FRAMES, SLICES, SHAPE = 10, 6, (8, 9)
EVERYTHING = {(frame, number) for frame in range(FRAMES) for number in range(SLICES)}


@dataclass
class CopiedSlices:
    """Draws what the neighbor shows. ends_at: the slice where the heart has ended."""

    ends_at: int | None = None
    asked: list = field(default_factory=list)
    method = "copied slices"
    drawn_by = Provenance("copier", "3", "c" * 64)

    def next_slice(self, _cine, drawn, target):
        self.asked.append(target)
        return np.zeros_like(drawn) if target[1] == self.ends_at else drawn


@dataclass
class AveragedFrames:
    """Marks each frame with what the two next drawn frames show, so that it can be read from what it was drawn."""

    asked: list = field(default_factory=list)
    method = "averaged frames"
    drawn_by = None

    def through_frames(self, cine, slice_number, drawn, targets, progress):
        labels = {}
        for frame in targets:
            progress(0.5, "drawing")
            self.asked.append((frame, slice_number))
            before, after = between(frame, drawn, cine.frames)
            labels[frame] = np.maximum(drawn[before], drawn[after])
        return labels


@pytest.fixture
def cine():
    return Cine(np.random.default_rng(0).random((FRAMES, SLICES, *SHAPE)), Geometry((1.5, 1.5, 10.0)))


@pytest.fixture
def propagator():
    return Propagator(CopiedSlices(), AveragedFrames())


def plane(value):
    return np.full(SHAPE, value, np.uint8)


def drawn(values, confidence=None):
    labels = np.zeros((FRAMES, SLICES, *SHAPE), np.uint8)
    for key, value in values.items():
        labels[key] = value
    frames = tuple(sorted({frame for frame, _ in values}))
    return CineSegmentation(labels, frames, Provenance("expert", settings={"by": "hand"}), confidence)


def values_of(segmentation):
    """The one value that each slice is filled with, `(frames, slices)`."""
    values = segmentation.labels.max(axis=(2, 3))
    assert (segmentation.labels == values[:, :, None, None]).all()
    return values


def test_one_slice_becomes_the_whole_cine(cine, propagator):
    result = propagate(cine, drawn({(2, 3): 1}), [(2, 3)], EVERYTHING, propagator)
    assert (values_of(result.segmentation) == 1).all()
    assert result.segmentation.segmented_frames == tuple(range(FRAMES))
    assert result.changed == EVERYTHING - {(2, 3)}
    assert result.sources == ((2, 3),)


def test_each_slice_is_drawn_once_and_the_stack_before_the_cycle(cine, propagator):
    propagate(cine, drawn({(2, 3): 1}), [(2, 3)], EVERYTHING, propagator)
    assert sorted(propagator.over_slices.asked) == [(2, 0), (2, 1), (2, 2), (2, 4), (2, 5)]
    assert sorted(propagator.over_frames.asked) == sorted(key for key in EVERYTHING if key[0] != 2)


def test_parents_say_what_was_drawn_from_what(cine, propagator):
    result = propagate(cine, drawn({(2, 3): 1, (7, 3): 1}), [(2, 3), (7, 3)], EVERYTHING, propagator)
    assert result.parents[2, 5] == ((2, 4),)
    assert result.parents[4, 3] == ((2, 3), (7, 3))
    assert result.parents[9, 3] == ((7, 3), (2, 3))
    assert result.parents[4, 5] == ((2, 5), (7, 5))
    assert set(result.parents) == result.changed


def test_exactly_the_targets_change_although_others_are_passed_on_the_way(cine, propagator):
    before = drawn({(2, 3): 1, (5, 0): 2})
    result = propagate(cine, before, [(2, 3)], [(6, 5)], propagator)
    changed = np.argwhere(values_of(result.segmentation) != values_of(before)).tolist()
    assert changed == [[6, 5]]
    assert result.parents == {(6, 5): ((2, 3),)}


def test_what_was_given_is_not_changed(cine, propagator):
    before = drawn({(2, 3): 1})
    kept = before.labels.copy()
    propagate(cine, before, [(2, 3)], EVERYTHING, propagator)
    assert np.array_equal(before.labels, kept)


def test_sources_and_locked_slices_are_never_overwritten(cine, propagator):
    before = drawn({(2, 3): 1, (5, 3): 2, (2, 5): 3})
    result = propagate(cine, before, [(2, 3)], EVERYTHING, propagator, locked={(5, 3), (2, 5), (2, 3)})
    values = values_of(result.segmentation)
    assert (values[2, 3], values[5, 3], values[2, 5]) == (1, 2, 3)
    assert not result.changed & {(2, 3), (5, 3), (2, 5)}


def test_a_locked_slice_with_contours_is_what_the_slices_behind_it_are_drawn_from(cine, propagator):
    before = drawn({(0, 1): 1, (0, 4): 2})
    values = values_of(propagate(cine, before, [(0, 1)], EVERYTHING, propagator, locked={(0, 4)}).segmentation)
    assert values[0].tolist() == [1, 1, 1, 2, 2, 2]


def test_in_the_frame_of_a_source_the_stack_goes_before_what_is_locked_in_another_frame(cine, propagator):
    before = drawn({(0, 3): 1, (5, 4): 2})
    targets = {(0, number) for number in range(SLICES)}
    result = propagate(cine, before, [(0, 3)], targets, propagator, locked={(5, 4)})
    assert (values_of(result.segmentation)[0] == 1).all()
    assert not propagator.over_frames.asked


def test_a_locked_slice_without_contours_says_where_the_heart_ends(cine, propagator):
    values = values_of(
        propagate(cine, drawn({(0, 2): 1}), [(0, 2)], EVERYTHING, propagator, locked={(0, 4)}).segmentation
    )
    assert (values == [1, 1, 1, 1, 0, 0]).all()


def test_where_the_heart_has_ended_nothing_is_asked_for(cine):
    propagator = Propagator(CopiedSlices(ends_at=4), AveragedFrames())
    values = values_of(propagate(cine, drawn({(0, 2): 1}), [(0, 2)], EVERYTHING, propagator).segmentation)
    assert (values == [1, 1, 1, 1, 0, 0]).all()
    assert (0, 5) not in propagator.over_slices.asked
    assert not {number for _, number in propagator.over_frames.asked} & {4, 5}


def test_the_provenance_names_the_ways_the_sources_and_who_drew_them(cine, propagator):
    confidence = np.ones((FRAMES, SLICES, *SHAPE), np.float32)
    result = propagate(cine, drawn({(2, 3): 1}, confidence), [(2, 3)], [(4, 3)], propagator).segmentation
    assert result.provenance.model_id == "expert"
    assert result.provenance.settings == {
        "by": "hand",
        "propagation_over_slices": "copied slices",
        "propagation_over_slices_by": "copier",
        "propagation_over_slices_by_version": "3",
        "propagation_over_slices_by_sha256": "c" * 64,
        "propagation_over_frames": "averaged frames",
        "propagation_sources": "2/3",
    }
    assert result.confidence is None
    assert result.segmented_frames == (2, 4)


@pytest.mark.parametrize(
    ("sources", "targets", "locked", "words"),
    [
        ([], [(0, 0)], (), "No slice was given to start from"),
        ([(1, 1)], [(0, 0)], (), "no contours; draw it first"),
        ([(2, 3)], [(FRAMES, 0)], (), "no target in frame 10"),
        ([(2, 3)], [(0, -1)], (), "no target in frame 0, slice -1"),
        ([(2, 17)], [(0, 0)], (), "no source in frame 2, slice 17"),
        ([(2, 3)], [(0, 0)], [(0, 99)], "no locked slice"),
        ([(2, 3)], [], (), "no slice to draw"),
        ([(2, 3)], [(2, 3), (0, 0)], [(0, 0)], "no slice to draw"),
    ],
)
def test_what_cannot_be_propagated_is_said(cine, propagator, sources, targets, locked, words):
    with pytest.raises(UnusableInput, match=words):
        propagate(cine, drawn({(2, 3): 1}), sources, targets, propagator, locked=locked)


def test_a_segmentation_of_another_cine_is_refused(cine, propagator):
    other = replace(cine, pixels=cine.pixels[:, :, 1:])
    with pytest.raises(UnusableInput, match="was made on this cine"):
        propagate(other, drawn({(2, 3): 1}), [(2, 3)], [(0, 0)], propagator)


def test_it_tells_how_far_it_is_and_can_be_cancelled(cine, propagator):
    said = []
    propagate(cine, drawn({(2, 3): 1}), [(2, 3)], EVERYTHING, propagator, progress=lambda *told: said.append(told[0]))
    assert said == sorted(said)
    assert (said[0], said[-1]) == (0.0, 1.0)

    def stop(fraction, _message):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        propagate(cine, drawn({(2, 3): 1}), [(2, 3)], EVERYTHING, propagator, progress=stop)


@pytest.fixture
def propagated(cine, propagator):
    return propagate(cine, drawn({(2, 3): 1}), [(2, 3)], EVERYTHING, propagator)


def corrected(cine, propagator, propagated, key, value, **arguments):
    """The result of a correction, and the slices whose labels changed (the corrected one left out)."""
    edited = propagated.with_slice(key, plane(value))
    result = repropagate(cine, edited, [key], propagator, **arguments)
    different = values_of(result.segmentation) != values_of(propagated.segmentation)
    return result, {(int(frame), int(number)) for frame, number in np.argwhere(different)} - {key}


def test_a_corrected_slice_of_the_first_stack_changes_only_what_lies_behind_it(cine, propagator, propagated):
    result, changed = corrected(cine, propagator, propagated, (2, 4), 2)
    assert changed == result.changed == {key for key in EVERYTHING if key[1] in (4, 5)} - {(2, 4)}


def test_a_corrected_frame_changes_its_own_slice_only(cine, propagator, propagated):
    result, changed = corrected(cine, propagator, propagated, (6, 4), 2)
    assert result.changed == {(frame, 4) for frame in range(FRAMES)} - {(2, 4), (6, 4)}
    assert changed == result.changed
    assert result.parents[8, 4] == ((6, 4), (2, 4))
    assert (6, 4) not in result.parents


def test_a_corrected_source_changes_everything(cine, propagator, propagated):
    result, _ = corrected(cine, propagator, propagated, (2, 3), 3)
    assert result.changed == EVERYTHING - {(2, 3)}
    assert (values_of(result.segmentation) == 3).all()


def test_only_what_depends_on_the_correction_is_computed(cine, propagated):
    counting = Propagator(CopiedSlices(), AveragedFrames())
    result, _ = corrected(cine, counting, propagated, (6, 4), 2)
    assert counting.over_slices.asked == []
    assert set(counting.over_frames.asked) == result.changed


def test_a_second_correction_spares_the_first(cine, propagator, propagated):
    first, _ = corrected(cine, propagator, propagated, (6, 4), 2)
    second, changed = corrected(cine, propagator, first, (8, 4), 3)
    assert values_of(second.segmentation)[6, 4] == 2
    assert second.changed == {(7, 4), (9, 4), (0, 4), (1, 4)}
    assert changed == second.changed
    third, _ = corrected(cine, propagator, second, (2, 4), 3)
    values = values_of(third.segmentation)
    assert (values[6, 4], values[8, 4], values[2, 4]) == (2, 3, 3)
    assert third.sources == ((2, 3), (6, 4), (8, 4), (2, 4))


def test_locked_slices_stay_and_shield_what_lies_behind_them(cine, propagator, propagated):
    result, changed = corrected(cine, propagator, propagated, (6, 4), 2, locked={(4, 4), (8, 4)})
    assert result.changed == changed == {(5, 4), (7, 4)}
    result, _ = corrected(cine, propagator, propagated, (2, 3), 2, locked={(2, 4)})
    assert {number for _, number in result.changed} == {0, 1, 2, 3}


def test_the_stack_of_a_corrected_frame_is_drawn_again_from_it_where_another_frame_has_a_source_too(cine):
    before = drawn({(0, 3): 1, (5, 3): 1})
    first = propagate(cine, before, [(0, 3), (5, 3)], EVERYTHING, Propagator(CopiedSlices(), AveragedFrames()))
    corrected = first.with_slice((0, 3), plane(3))
    again = repropagate(cine, corrected, [(0, 3)], Propagator(CopiedSlices(), AveragedFrames()))
    anew = propagate(
        cine,
        drawn({(0, 3): 3, (5, 3): 1}),
        [(0, 3), (5, 3)],
        EVERYTHING,
        Propagator(CopiedSlices(), AveragedFrames()),
    )
    assert np.array_equal(values_of(again.segmentation), values_of(anew.segmentation))
    assert dict(again.parents) == dict(anew.parents)
    assert not {key for key in again.changed if key[0] == 5}


def test_the_only_source_corrected_to_be_empty_empties_all_that_was_drawn_from_it(cine, propagator):
    first = propagate(cine, drawn({(2, 3): 1}), [(2, 3)], EVERYTHING, propagator)
    again = repropagate(cine, first.with_slice((2, 3), plane(0)), [(2, 3)], propagator)
    assert not again.segmentation.labels.any()


def test_a_slice_passed_on_the_way_from_an_emptied_source_is_empty(cine, propagator):
    first = propagate(cine, drawn({(2, 3): 1}), [(2, 3)], [(6, 5)], propagator)
    again = repropagate(cine, first.with_slice((2, 3), plane(0)), [(2, 3)], propagator)
    assert not again.segmentation.labels.any()


@pytest.mark.parametrize("labels", [np.zeros((1, 9), np.uint8), np.full(SHAPE, 4), np.full(SHAPE, 258)])
def test_a_slice_of_another_shape_or_with_unknown_labels_is_refused(cine, propagator, labels):
    first = propagate(cine, drawn({(2, 3): 1}), [(2, 3)], EVERYTHING, propagator)
    with pytest.raises(UnusableInput, match="8 x 9 values from 0 to 3"):
        first.with_slice((2, 3), labels)


def test_another_cine_is_refused(cine, propagator):
    first = propagate(cine, drawn({(2, 3): 1}), [(2, 3)], EVERYTHING, propagator)
    other = Cine(np.random.default_rng(0).random((6, SLICES, *SHAPE)), Geometry((1.5, 1.5, 10.0)))
    with pytest.raises(UnusableInput):
        repropagate(other, first, [(2, 3)], propagator)


def test_a_slice_may_be_corrected_to_be_empty(cine, propagator, propagated):
    result, changed = corrected(cine, propagator, propagated, (2, 4), 0)
    assert changed == {key for key in EVERYTHING if key[1] in (4, 5)} - {(2, 4)}
    assert not values_of(result.segmentation)[:, 4:].any()
    emptied, changed = corrected(cine, propagator, propagated, (6, 4), 0)
    assert values_of(emptied.segmentation)[6, 4] == 0
    # This way of drawing keeps what either neighbor shows, so nothing else looks different; but it was drawn anew.
    assert changed == set()
    assert emptied.changed == {(frame, 4) for frame in range(FRAMES)} - {(2, 4), (6, 4)}


def test_a_slice_that_nothing_depends_on_changes_nothing(cine, propagator):
    partly = propagate(cine, drawn({(2, 3): 1}), [(2, 3)], [(2, 4)], propagator)
    result, changed = corrected(cine, propagator, partly, (2, 4), 2)
    assert result.changed == changed == set()
    assert result.sources == ((2, 3), (2, 4))


def test_frames_reached_through_a_slice_that_was_no_target_can_be_drawn_again(cine, propagator):
    partly = propagate(cine, drawn({(2, 3): 1}), [(2, 3)], [(6, 4), (7, 4)], propagator)
    result, changed = corrected(cine, propagator, partly, (2, 3), 2)
    assert result.changed == changed == {(6, 4), (7, 4)}
    result, changed = corrected(cine, propagator, partly, (7, 4), 2)
    assert result.changed == changed == {(6, 4)}


def test_a_corrected_slice_must_be_one_of_the_cine(cine, propagator, propagated):
    with pytest.raises(UnusableInput, match="no corrected slice in frame 99"):
        repropagate(cine, propagated, [(99, 0)], propagator)
