"""Claims about `registered`, on the phantom, whose contours are known in every frame."""

from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.progress import Cancelled, silent
from CardioSAMLib.segmentation.propagation.registered import RegisteredFrames

FRAMES, SLICE = 10, 3


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=110, columns=110, slices=6, frames=FRAMES, noise_sigma=0.02))


@pytest.fixture(scope="module")
def truth(phantom):
    """Labels of one slice, `(frames, rows, columns)`."""
    return phantom.segmentation.labels[:, SLICE]


def agreement(found, truth):
    """Dice of each structure."""
    both = [(found == value, truth == value) for value in (1, 2, 3)]
    return np.array([2 * (one & other).sum() / (one.sum() + other.sum()) for one, other in both])


@pytest.fixture(scope="module")
def from_ed(phantom, truth):
    ed = phantom.truth.ed_frame
    targets = [frame for frame in range(FRAMES) if frame != ed]
    return RegisteredFrames().through_frames(phantom.cine, SLICE, {ed: truth[ed]}, targets, silent)


def test_contours_of_end_diastole_become_those_of_end_systole(phantom, truth, from_ed):
    ed, es = phantom.truth.ed_frame, phantom.truth.es_frame
    found, kept = agreement(from_ed[es], truth[es]), agreement(truth[ed], truth[es])
    assert kept.max() < 0.85, "the heart must move for this to show anything"
    assert found.min() > 0.9


def test_every_frame_of_the_cycle_is_drawn_well(truth, from_ed):
    assert len(from_ed) == FRAMES - 1
    for frame, labels in from_ed.items():
        assert labels.dtype == np.uint8
        assert agreement(labels, truth[frame]).min() > 0.88


def test_a_second_drawn_frame_makes_the_frames_next_to_it_better(phantom, truth, from_ed):
    ed, es = phantom.truth.ed_frame, phantom.truth.es_frame
    near = [frame for frame in (es - 1, es + 1) if frame != ed]
    both = RegisteredFrames().through_frames(phantom.cine, SLICE, {ed: truth[ed], es: truth[es]}, near, silent)
    before, after = (np.mean([agreement(one[frame], truth[frame]) for frame in near]) for one in (from_ed, both))
    assert after > before


def test_where_the_cycle_begins_makes_no_difference(phantom, truth, from_ed):
    ed, es, turned = phantom.truth.ed_frame, phantom.truth.es_frame, 4
    cine = replace(phantom.cine, pixels=np.roll(phantom.cine.pixels, turned, axis=0))
    at = (es + turned) % FRAMES
    found = RegisteredFrames().through_frames(cine, SLICE, {(ed + turned) % FRAMES: truth[ed]}, [at], silent)
    assert np.array_equal(found[at], from_ed[es])


def test_a_frame_in_which_the_heart_has_left_the_slice_takes_the_nearer_half_of_the_way_with_it(phantom, truth):
    drawn = {0: truth[0], 8: np.zeros_like(truth[0])}
    found = RegisteredFrames().through_frames(phantom.cine, SLICE, drawn, [1, 7], silent)
    assert (found[1] == 3).any()
    assert not found[7].any()


def test_nothing_drawn_anywhere_gives_nothing(phantom, truth):
    found = RegisteredFrames().through_frames(phantom.cine, SLICE, {0: np.zeros_like(truth[0])}, [3, 4], silent)
    assert sorted(found) == [3, 4]
    assert not any(labels.any() for labels in found.values())


def test_it_can_be_cancelled_between_two_frames(phantom, truth):
    said = []

    def after_three(fraction, _message):
        said.append(fraction)
        if len(said) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        RegisteredFrames().through_frames(phantom.cine, SLICE, {0: truth[0]}, [5], after_three)
    assert said == sorted(said)
    assert 0 < said[-1] < 1
