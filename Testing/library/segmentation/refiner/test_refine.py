"""Claims about refining contours, on a phantom with the model that ships."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import write_nifti
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.resources import DEFAULT_PROMPTABLE_ID, find_model
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, promptable_of
from CardioSAMLib.segmentation.refiner import REFINER_MODES, Negatives, RefinerOptions, refine

PAGE_WRITER = Path(__file__).resolve().parents[4] / "docs" / "scripts" / "refiner_page.py"
CORRECTED = REFINER_MODES["corrected"]
RANDOM = RefinerOptions(CORRECTED, Negatives.random)
LV = STORAGE.value_of(Structure.LV)


def test_negatives_may_be_named_and_others_are_refused():
    assert RefinerOptions(negatives="none").negatives is Negatives.none
    with pytest.raises(UnusableInput, match="choose one of: none, random, nppr"):
        RefinerOptions(negatives="many")
    with pytest.raises(UnusableInput, match="'literal' is no mode; give one of REFINER_MODES"):
        RefinerOptions(mode="literal")
    with pytest.raises(UnusableInput, match="seed is -1; give 0 or more"):
        RefinerOptions(seed=-1)


@pytest.fixture(scope="module")
def prompter(model, tmp_path_factory):
    return Prompter(model, EmbeddingCache(tmp_path_factory.mktemp("cache")))


class WithoutGradients:
    """The model, but for what torch is needed for."""

    def __init__(self, model):
        for name in ("id", "sha256", "preprocessing", "precision", "device_title", "image_of", "encode", "decode"):
            setattr(self, name, getattr(model, name))


def dice(labels, other, structure):
    a, b = (one == STORAGE.value_of(structure) for one in (labels, other))
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("negatives", list(Negatives))
@pytest.mark.parametrize("mode", list(REFINER_MODES.values()), ids=list(REFINER_MODES))
def test_contours_that_are_too_small_get_better(phantom, coarse, prompter, mode, negatives):
    refined = refine(phantom.cine, coarse, prompter, RefinerOptions(mode, negatives))
    true = phantom.segmentation.labels[0, 2:4]
    before, after = (
        [dice(drawn.labels[0, 2:4], true, structure) for structure in Structure] for drawn in (coarse, refined)
    )
    assert np.mean(after) > np.mean(before)
    assert after[2] > before[2]


def test_only_slices_and_frames_with_contours_are_drawn_on(phantom, coarse, prompter):
    refined = refine(phantom.cine, coarse, prompter, RANDOM)
    drawn = refined.labels.any(axis=(2, 3))
    assert np.argwhere(drawn).tolist() == [[0, 2], [0, 3]]
    assert refined.segmented_frames == (0,)


def test_a_structure_that_is_absent_stays_absent(phantom, coarse, prompter):
    without = replace(coarse, labels=np.where(coarse.labels == LV, 0, coarse.labels).astype(np.uint8))
    refined = refine(phantom.cine, without, prompter, RANDOM)
    assert not refined.mask(Structure.LV).any()
    assert refined.mask(Structure.RV)[0, 2].any()


def test_what_is_not_likely_is_no_object(phantom, coarse, prompter):
    unlikely = np.where(coarse.labels == LV, 0.1, 0.9).astype(np.float32)
    refined = refine(phantom.cine, replace(coarse, confidence=unlikely), prompter, RANDOM)
    assert not refined.mask(Structure.LV).any()
    assert refined.mask(Structure.MYO).any()
    nowhere = np.full(coarse.labels.shape, 0.1, np.float32)
    assert not refine(phantom.cine, replace(coarse, confidence=nowhere), prompter, RANDOM).labels.any()


def test_points_come_only_from_where_the_structure_is_likely(phantom, coarse, prompter):
    """Half of the contours is doubtful: the other half alone gives the same answer."""
    left = np.arange(coarse.labels.shape[3]) < coarse.labels.shape[3] // 2
    confidence = np.where(left, 0.9, 0.2) + np.zeros(coarse.labels.shape)
    options = RefinerOptions(CORRECTED, Negatives.none)
    doubtful = refine(phantom.cine, replace(coarse, confidence=confidence.astype(np.float32)), prompter, options)
    all_sure = refine(phantom.cine, coarse, prompter, options)
    assert not np.array_equal(doubtful.labels, all_sure.labels)


def test_the_same_seed_gives_the_same_contours_and_another_one_others(phantom, coarse, prompter):
    first, again, other = (
        refine(phantom.cine, coarse, prompter, replace(RANDOM, seed=seed)).confidence for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_slice_is_refined_alike_whatever_else_is_drawn(phantom, coarse, prompter):
    labels = coarse.labels.copy()
    # The extremes of the heart stay: the model looks at the same region.
    labels[0, 3] = np.where(labels[0, 3] == LV, 0, labels[0, 3])
    one, both = (
        refine(phantom.cine, drawn, prompter, RANDOM).labels[0, 2] for drawn in (replace(coarse, labels=labels), coarse)
    )
    assert np.array_equal(one, both)


def test_another_context_gives_other_negatives(phantom, coarse, prompter):
    oracle = refine(phantom.cine, coarse, prompter, RANDOM, context=phantom.segmentation)
    assert not np.array_equal(oracle.confidence, refine(phantom.cine, coarse, prompter, RANDOM).confidence)


def test_provenance_says_what_was_refined_and_how(phantom, coarse, prompter):
    provenance = refine(phantom.cine, coarse, prompter, replace(RANDOM, seed=3)).provenance
    card = find_model(DEFAULT_PROMPTABLE_ID)
    assert (provenance.model_id, provenance.model_version) == ("coarse", "1")
    assert dict(provenance.settings) == {
        "kept": "yes",
        "refined_by": "cardiosam-prompt",
        "refined_by_version": card.version,
        "refined_by_sha256": card.files_sha256,
        "refiner_mode": "corrected",
        "refiner_negatives": "random",
        "refiner_seed": "3",
    }


def test_optimized_negatives_need_a_model_with_gradients(phantom, coarse, model, tmp_path):
    prompter = Prompter(WithoutGradients(model), EmbeddingCache(tmp_path))
    with pytest.raises(UnusableInput, match="choose random negatives, or none"):
        refine(phantom.cine, coarse, prompter, RefinerOptions(CORRECTED, Negatives.nppr))
    assert refine(phantom.cine, coarse, prompter, RANDOM).labels.any()


@pytest.mark.parametrize("missing", ["torch", "onnx", "segment_anything"])
def test_without_a_package_only_optimized_negatives_fail_and_say_what_to_install(
    phantom, coarse, tmp_path, monkeypatch, missing
):
    prompter = Prompter(promptable_of(find_model(DEFAULT_PROMPTABLE_ID), 1), EmbeddingCache(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == missing or name.endswith("networks.prompted")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UnusableInput, match=r"install it with: pip install '\.\[train\]'"):
        refine(phantom.cine, coarse, prompter, RefinerOptions(CORRECTED, Negatives.nppr))
    assert refine(phantom.cine, coarse, prompter).labels.any()  # as is usual, without it


def test_contours_of_another_cine_and_empty_ones_are_refused(phantom, coarse, prompter):
    with pytest.raises(UnusableInput, match="made on this cine"):
        refine(phantom.cine, replace(coarse, labels=coarse.labels[:, :3]), prompter, RANDOM)
    other = replace(phantom.segmentation, labels=phantom.segmentation.labels[:, :3])
    with pytest.raises(UnusableInput, match="made on this cine"):
        refine(phantom.cine, coarse, prompter, RANDOM, context=other)
    with pytest.raises(UnusableInput, match="no contours"):
        refine(phantom.cine, replace(coarse, labels=np.zeros_like(coarse.labels)), prompter, RANDOM)


def test_progress_grows_and_may_cancel(phantom, coarse, prompter):
    heard = []
    refine(phantom.cine, coarse, prompter, RANDOM, progress=lambda fraction, _: heard.append(fraction))
    assert heard == sorted(heard) == [0.0, 0.5]

    def cancel(_fraction, _message):
        raise Cancelled

    with pytest.raises(Cancelled):
        refine(phantom.cine, coarse, prompter, RANDOM, progress=cancel)


def test_the_example_of_the_documentation_runs_as_it_is_printed(phantom, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARDIOSAM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "study").mkdir()
    write_nifti(phantom.cine, tmp_path / "study" / "cine.nii.gz")
    (block,) = re.findall(r"```python\n(.*?)```", PAGE_WRITER.read_text(encoding="utf-8"), re.S)
    names = {}
    exec(block, names)
    for drawn in (names["refined"], names["literal"]):
        assert dice(drawn.labels[0], phantom.segmentation.labels[0], Structure.LV) > 0.8
    assert names["literal"].provenance.settings["refiner_mode"] == "literal"
