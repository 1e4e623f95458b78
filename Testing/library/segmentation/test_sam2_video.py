"""Claims about `sam2_video`, on a SAM 2.1 tiny with random weights: what it draws means nothing, how does."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from CardioSAMLib.io import write_nifti
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.progress import Cancelled, silent
from CardioSAMLib.segmentation import EmbeddingCache, Prompter
from CardioSAMLib.segmentation.propagation import PromptedSlices, Propagator, propagate
from CardioSAMLib.segmentation.sam2_models import load_sam2
from CardioSAMLib.segmentation.sam2_video import MemoryPropagator

LV = STORAGE.value_of(Structure.LV)
SLICE = 1
PAGE = Path(__file__).resolve().parents[3] / "docs" / "promptable.md"


@pytest.fixture(scope="module")
def model(sam2_checkpoint):
    return load_sam2(sam2_checkpoint, 224, device="cpu")


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=64, columns=64, slices=3, frames=5, spacing_mm=(2.8, 2.8, 25.0)))


def drawn_in(phantom, *frames):
    return {frame: phantom.segmentation.labels[frame, SLICE] for frame in frames}


def counted(model):
    """How many images are encoded and how many steps the memory makes from here on."""
    counts = {"encoded": 0, "steps": 0}
    handles = [
        module.register_forward_hook(lambda *_, name=name: counts.update({name: counts[name] + 1}))
        for name, module in (("encoded", model.network.image_encoder), ("steps", model.network.memory_encoder))
    ]
    return counts, handles


def test_every_target_gets_labels_of_the_structures_that_were_drawn(model, phantom):
    found = MemoryPropagator(model).through_frames(phantom.cine, SLICE, drawn_in(phantom, 0), [1, 3, 4], silent)
    assert sorted(found) == [1, 3, 4]
    for labels in found.values():
        assert labels.dtype == np.uint8
        assert labels.shape == (64, 64)
        assert set(np.unique(labels)) <= set(np.unique(phantom.segmentation.labels[0, SLICE]))
    assert any(labels.any() for labels in found.values())


def test_what_was_drawn_stays_as_it_was(model, phantom):
    drawn = drawn_in(phantom, 0)
    before = drawn[0].copy()
    found = MemoryPropagator(model).through_frames(phantom.cine, SLICE, drawn, [1], silent)
    assert list(found) == [1]
    np.testing.assert_array_equal(drawn[0], before)


def test_frames_are_encoded_once_and_each_walk_ends_at_its_last_target(model, phantom):
    counts, handles = counted(model)
    MemoryPropagator(model).through_frames(phantom.cine, SLICE, drawn_in(phantom, 0), [1], silent)
    for handle in handles:
        handle.remove()
    # Forward 0, 1; backward 0, 4, 3, 2, 1.
    assert counts == {"encoded": 5, "steps": 7}


def test_a_frame_depends_only_on_the_drawn_frames_next_to_it(model, phantom):
    """What lets one correction change one part of the cycle and leave the rest bit by bit."""
    propagator = MemoryPropagator(model)
    drawn = drawn_in(phantom, 0, 2, 4)
    corrected = {**drawn, 4: np.roll(drawn[4], 3, axis=0)}
    one, other = (propagator.through_frames(phantom.cine, SLICE, given, [1, 3], silent) for given in (drawn, corrected))
    np.testing.assert_array_equal(one[1], other[1])
    assert (one[3] != other[3]).any()
    alone = propagator.through_frames(phantom.cine, SLICE, drawn, [1], silent)
    np.testing.assert_array_equal(one[1], alone[1])


def test_the_cycle_has_no_beginning(model, phantom):
    """The same frames, numbered from another one on, get the same labels."""
    cine = phantom.cine
    turned = replace(cine, pixels=np.roll(cine.pixels, 2, axis=0), frame_times_ms=None)
    propagator = MemoryPropagator(model)
    here = propagator.through_frames(cine, SLICE, drawn_in(phantom, 0), [1, 3], silent)
    there = propagator.through_frames(turned, SLICE, {2: phantom.segmentation.labels[0, SLICE]}, [0, 3], silent)
    np.testing.assert_array_equal(here[1], there[3])
    np.testing.assert_array_equal(here[3], there[0])


def test_slices_that_the_heart_has_left_stay_empty(model, phantom):
    empty = {0: np.zeros((64, 64), np.uint8)}
    found = MemoryPropagator(model).through_frames(phantom.cine, SLICE, empty, [1, 2], silent)
    assert not found[1].any()
    assert not found[2].any()


def test_a_frame_in_the_middle_between_a_drawn_and_an_empty_one_stays_empty(model, phantom):
    """Each end counts half there, and half is not above 0.5."""
    drawn = {**drawn_in(phantom, 0), 2: np.zeros((64, 64), np.uint8)}
    found = MemoryPropagator(model).through_frames(phantom.cine, SLICE, drawn, [1], silent)
    assert not found[1].any()


def test_progress_rises_to_its_end_and_can_stop_the_work(model, phantom):
    heard = []
    drawn = drawn_in(phantom, 0)
    MemoryPropagator(model).through_frames(phantom.cine, SLICE, drawn, [1], lambda done, _: heard.append(done))
    assert heard == sorted(heard)
    assert 0.0 <= heard[0] < 0.2
    assert 0.8 < heard[-1] <= 1.0

    def stop(done, _message):
        if done > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        MemoryPropagator(model).through_frames(phantom.cine, SLICE, drawn, [1], stop)


def test_the_method_names_the_model(model):
    assert MemoryPropagator(model).method == "memory of sam2.1-tiny-224"


def test_it_serves_propagation_which_keeps_all_but_the_targets(model, phantom, tmp_path):
    stays = phantom.segmentation
    over_slices = PromptedSlices(Prompter(model, EmbeddingCache(tmp_path)))
    propagator = Propagator(over_slices, MemoryPropagator(model))
    propagated = propagate(phantom.cine, stays, [(0, SLICE)], [(1, SLICE), (2, SLICE)], propagator)
    assert "memory of sam2.1-tiny-224" in propagated.segmentation.provenance.settings.values()
    done = propagated.segmentation.labels
    expected = MemoryPropagator(model).through_frames(phantom.cine, SLICE, drawn_in(phantom, 0), [1, 2], silent)
    np.testing.assert_array_equal(done[1, SLICE], expected[1])
    np.testing.assert_array_equal(done[2, SLICE], expected[2])
    kept = np.ones(done.shape[:2], bool)
    kept[[1, 2], SLICE] = False
    np.testing.assert_array_equal(done[kept], stays.labels[kept])


def test_the_examples_of_the_documentation_run_as_they_are_printed(sam2_checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARDIOSAM_CACHE", str(tmp_path / "cache"))
    phantom = make_phantom(PhantomOptions(rows=96, columns=96, slices=4, frames=2, spacing_mm=(2.0, 2.0, 20.0)))
    (tmp_path / "study").mkdir()
    write_nifti(phantom.cine, tmp_path / "study" / "cine.nii.gz")
    (tmp_path / sam2_checkpoint.name).hardlink_to(sam2_checkpoint)
    section = PAGE.read_text(encoding="utf-8").split("\n## SAM 2\n")[1]
    blocks = re.findall(r"```python\n(.*?)```", section, re.S)
    assert len(blocks) == 2
    names = {}
    for block in blocks:
        exec(block, names)
    assert names["prediction"].labels.shape == (96, 96)
    whole = names["propagated"].segmentation
    assert whole.segmented_frames == (0, 1)
    np.testing.assert_array_equal(whole.labels[0, 2], names["prediction"].labels)
