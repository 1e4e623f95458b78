"""Claims about every way to propagate that can be chosen by name, on the phantom, with the model that ships."""

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import CineSegmentation, Provenance
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.resources import DEFAULT_PROMPTABLE_ID, find_model
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, heart_box_of, promptable_of
from CardioSAMLib.segmentation.propagation import (
    DEFAULT_METHOD_ID,
    PROPAGATION_METHODS,
    propagate,
    propagator_of,
    repropagate,
)

ED, MID = 0, 2


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=100, columns=100, slices=5, frames=5))


@pytest.fixture(scope="module")
def first(phantom):
    """One slice is drawn: a middle one at end-diastole."""
    labels = np.zeros_like(phantom.segmentation.labels)
    labels[ED, MID] = phantom.segmentation.labels[ED, MID]
    return CineSegmentation(labels, (ED,), Provenance("expert"))


@pytest.fixture(scope="module")
def prompter(tmp_path_factory):
    model = promptable_of(find_model(DEFAULT_PROMPTABLE_ID), threads=1)
    return Prompter(model, EmbeddingCache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def region(phantom):
    return heart_box_of(phantom.segmentation.labels[ED], phantom.cine.geometry.spacing_mm[:2])


def dice(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


@pytest.mark.parametrize("method", PROPAGATION_METHODS.values(), ids=lambda method: method.id)
def test_the_left_ventricle_of_one_slice_is_found_in_the_whole_cine(method, phantom, first, prompter, region):
    frames, slices = phantom.cine.pixels.shape[:2]
    everything = [(frame, number) for frame in range(frames) for number in range(slices)]
    propagator = propagator_of(prompter, region, method.id)
    result = propagate(phantom.cine, first, [(ED, MID)], everything, propagator)
    truth = phantom.segmentation.labels
    assert dice(result.segmentation.labels == 3, truth == 3) > 0.85
    assert dice(result.segmentation.labels >= 2, truth >= 2) > 0.85
    assert np.array_equal(result.segmentation.labels[ED, MID], truth[ED, MID])


def test_a_correction_is_the_same_as_having_drawn_that_slice_from_the_start(phantom, first, prompter, region):
    """Of the corrected slice; the other slices stay as they are, bit by bit."""
    propagator = propagator_of(prompter, region)
    targets = [(frame, number) for frame in range(phantom.cine.frames) for number in (MID, MID + 1)]
    result = propagate(phantom.cine, first, [(ED, MID)], targets, propagator)
    key, labels = (3, MID), phantom.segmentation.labels[3, MID]
    again = repropagate(phantom.cine, result.with_slice(key, labels), [key], propagator)

    both = first.labels.copy()
    both[key] = labels
    anew = propagate(
        phantom.cine, CineSegmentation(both, (ED, 3), Provenance("expert")), [(ED, MID), key], targets, propagator
    )
    assert np.array_equal(again.segmentation.labels[:, MID], anew.segmentation.labels[:, MID])
    others = [number for number in range(phantom.cine.slices) if number != MID]
    assert np.array_equal(again.segmentation.labels[:, others], result.segmentation.labels[:, others])
    assert {number for _, number in again.changed} == {MID}


def test_the_usual_way_is_one_of_them_and_another_name_is_refused(prompter):
    assert DEFAULT_METHOD_ID in PROPAGATION_METHODS
    with pytest.raises(UnusableInput, match=f"choose one of: {', '.join(PROPAGATION_METHODS)}"):
        propagator_of(prompter, None, "wishing")
