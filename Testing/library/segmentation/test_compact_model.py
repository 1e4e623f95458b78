"""Claims about the promptable model that ships."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, SlicePrompts, StructurePrompts, box_around
from CardioSAMLib.resources import DEFAULT_MODEL_ID, DEFAULT_PROMPTABLE_ID, find_model, sha256_of
from CardioSAMLib.segmentation import (
    EmbeddingCache,
    Prompter,
    heart_box_of,
    promptable_of,
    provenance_of,
    segmenter_of,
)
from CardioSAMLib.segmentation.compact_model import CompactModel, _mask_logits, prompt_tokens
from CardioSAMLib.segmentation.exported_decoder import read_decoder

FRAME, SLICE = 0, 4


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=160, columns=150, slices=8, frames=2))


@pytest.fixture(scope="module")
def model():
    return promptable_of(find_model(DEFAULT_PROMPTABLE_ID), threads=1)


@pytest.fixture
def prompter(model, tmp_path):
    return Prompter(model, EmbeddingCache(tmp_path))


def mask_of(phantom, structure):
    return phantom.segmentation.labels[FRAME, SLICE] == STORAGE.value_of(structure)


def region_of(phantom):
    return heart_box_of(phantom.segmentation.labels, phantom.cine.geometry.spacing_mm[:2])


def overlap(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_both_files_are_those_of_the_catalogue():
    card = find_model(DEFAULT_PROMPTABLE_ID)
    decoder = card.path.with_name(card.decoder["file"])
    assert (sha256_of(decoder), decoder.stat().st_size) == (card.decoder["sha256"], card.decoder["bytes"])
    assert card.bytes + card.decoder["bytes"] < 12e6
    with pytest.raises(UnusableInput, match="not the one of the catalogue"):
        CompactModel(replace(card, decoder={**card.decoder, "sha256": "0" * 64}))


def test_its_provenance_names_the_version_and_tells_models_apart_that_differ_in_the_decoder_only(model):
    card = find_model(DEFAULT_PROMPTABLE_ID)
    tuned = replace(card, decoder={**card.decoder, "sha256": "0" * 64})
    told = provenance_of(model)
    assert (told.model_id, told.model_version) == (card.id, card.version)
    assert told.model_sha256 == card.files_sha256 != tuned.files_sha256
    # Embeddings are those of the encoder, which both share.
    assert model.sha256 == card.sha256 == tuned.sha256


def test_logits_that_follow_points_are_those_of_the_file_with_no_structure_named_and_have_a_gradient(model, phantom):
    card = find_model(DEFAULT_PROMPTABLE_ID)
    image = model.image_of(phantom.cine.pixels[FRAME, SLICE - 1 : SLICE + 2], region_of(phantom), (1.5, 1.5))
    embedding = model.encode(image)
    shares, positive = np.array([[0.5, 0.5], [0.3, 0.6]], np.float32), np.array([True, False])
    size = image.crop.size_px
    inputs = {
        **{name: embedding[name][None] for name in ("coarse", "fine")},
        "points": np.concatenate([shares, np.zeros((1, 2), np.float32)])[None],
        "kinds": np.array([[2, 1, 0]]),
        "structure": np.array([0]),
        "mask": np.zeros((1, 1, size, size), np.float32),
        "has_mask": np.zeros(1, np.float32),
    }
    expected, _ = onnxruntime.InferenceSession(str(card.path.with_name(card.decoder["file"]))).run(None, inputs)
    points = torch.from_numpy(shares).requires_grad_(True)
    logits = model.point_logits(embedding, image)(points, torch.from_numpy(positive))
    np.testing.assert_allclose(logits.detach().numpy(), expected[0, 0], atol=1e-3)
    (gradient,) = torch.autograd.grad(logits.mean(), [points])
    assert gradient.abs().min() > 0


def test_each_kind_of_model_is_refused_where_the_other_is_needed():
    with pytest.raises(UnusableInput, match="draws only what it is prompted for"):
        segmenter_of(find_model(DEFAULT_PROMPTABLE_ID))
    with pytest.raises(UnusableInput, match="takes no prompts"):
        promptable_of(find_model(DEFAULT_MODEL_ID))


@pytest.mark.parametrize("structure", list(Structure), ids=lambda one: one.name)
def test_a_box_and_a_point_draw_the_structure(structure, phantom, prompter):
    mask = mask_of(phantom, structure)
    row, column = np.argwhere(mask)[len(np.argwhere(mask)) // 2]
    prompts = StructurePrompts(structure, (PointPrompt(row, column, True),), box_around(mask, 2.0, 0.0))
    labels = prompter.predict(phantom.cine, SlicePrompts(FRAME, SLICE, (prompts,)), region_of(phantom)).labels
    assert overlap(labels == STORAGE.value_of(structure), mask) > 0.8


@pytest.mark.parametrize("structure", list(Structure), ids=lambda one: one.name)
def test_the_box_decides_how_much_is_drawn_although_the_image_is_the_same(structure, phantom, prompter):
    tight = box_around(mask_of(phantom, structure), 0.0, 0.0)

    def area(outward_px):
        box = BoxPrompt(
            tight.first_row_px - outward_px,
            tight.first_column_px - outward_px,
            tight.last_row_px + outward_px,
            tight.last_column_px + outward_px,
        )
        prompts = SlicePrompts(FRAME, SLICE, (StructurePrompts(structure, box=box),))
        drawn = prompter.predict(phantom.cine, prompts, region_of(phantom)).labels
        return (drawn == STORAGE.value_of(structure)).sum()

    assert area(-3.0) < 0.95 * area(1.0) < 0.95 * area(8.0)


@pytest.mark.parametrize("more", [1, 4, 8])
def test_prompts_end_in_padding_and_more_of_it_changes_nothing_that_is_drawn(more, model, phantom):
    """Without any padding the decoder, which was trained with it, answers nonsense."""
    mask = mask_of(phantom, Structure.LV)
    row, column = np.argwhere(mask)[len(np.argwhere(mask)) // 2]
    planes, spacing_mm = phantom.cine.pixels[FRAME, SLICE - 1 : SLICE + 2], phantom.cine.geometry.spacing_mm
    image = model.image_of(planes, region_of(phantom), spacing_mm[:2])
    prompts = StructurePrompts(Structure.LV, (PointPrompt(row, column, True),), box_around(mask, 2.0, 0.0))
    places, kinds = prompt_tokens(prompts, image)
    assert kinds.tolist() == [3, 4, 2, 0]
    drawn = model.decode(embedding := model.encode(image), image, prompts).logits > 0
    decoder = read_decoder(find_model(DEFAULT_PROMPTABLE_ID).path.with_name("cardiosam-prompt-decoder.onnx"))
    size = image.crop.size_px
    with torch.no_grad():
        padded, _quality = decoder(
            *(torch.from_numpy(embedding[name])[None] for name in ("coarse", "fine")),
            torch.from_numpy(np.pad(places, ((0, more), (0, 0))))[None],
            torch.from_numpy(np.pad(kinds, (0, more)))[None],
            torch.tensor([STORAGE.value_of(Structure.LV)]),
            torch.zeros(1, 1, size, size),
            torch.zeros(1),
        )
    assert overlap(padded[0, 0].numpy() > 0, drawn) > 0.99


def test_an_earlier_answer_and_a_drawn_mask_are_taken_as_masks(phantom, prompter):
    mask = mask_of(phantom, Structure.LV)
    drawn = SlicePrompts(FRAME, SLICE, (StructurePrompts(Structure.LV, mask=mask),))
    first = prompter.predict(phantom.cine, drawn, region_of(phantom))
    assert overlap(first.labels == STORAGE.value_of(Structure.LV), mask) > 0.8
    again = StructurePrompts(Structure.LV, mask=first.low_resolution_logits[Structure.LV])
    second = prompter.predict(phantom.cine, SlicePrompts(FRAME, SLICE, (again,)), region_of(phantom))
    assert overlap(second.labels == 3, first.labels == 3) > 0.9


def test_a_mask_thinner_than_the_models_pixels_is_still_seen(model, phantom):
    geometry = phantom.cine.geometry
    planes = phantom.cine.pixels[FRAME, SLICE - 1 : SLICE + 2]
    image = model.image_of(planes, region_of(phantom), tuple(mm / 4.0 for mm in geometry.spacing_mm[:2]))
    row, column = (int(px) for px in region_of(phantom).center_px)
    mask = np.zeros(planes.shape[1:], bool)
    mask[row, column] = True
    logits = _mask_logits(StructurePrompts(Structure.LV, mask=mask), image)
    assert np.unravel_index(logits.argmax(), logits.shape) == pytest.approx((image.crop.size_px / 2,) * 2, abs=2)
    assert 0 < (logits > 0).sum() < 6


def test_without_a_region_the_whole_slice_is_looked_at(phantom, prompter):
    mask = mask_of(phantom, Structure.LV)
    prompts = SlicePrompts(FRAME, SLICE, (StructurePrompts(Structure.LV, box=box_around(mask, 2.0, 0.0)),))
    labels = prompter.predict(phantom.cine, prompts).labels
    assert overlap(labels == STORAGE.value_of(Structure.LV), mask) > 0.7


@pytest.mark.parametrize(
    "prompts",
    [
        StructurePrompts(Structure.LV, (PointPrompt(1, 1, True),)),
        StructurePrompts(Structure.LV, box=BoxPrompt(0, 0, 3, 3)),
        StructurePrompts(Structure.LV, mask=np.indices((160, 150)).sum(axis=0) < 3),
    ],
    ids=["point", "box", "mask"],
)
def test_prompts_outside_of_the_region_say_what_to_do(prompts, model, phantom):
    geometry = phantom.cine.geometry
    small = replace(region_of(phantom), center_px=(200.0, 200.0))
    image = model.image_of(phantom.cine.pixels[FRAME, SLICE - 1 : SLICE + 2], small, geometry.spacing_mm[:2])
    with pytest.raises(UnusableInput, match=r"outside of the region[\s\S]*another region"):
        model.decode(model.encode(image), image, prompts)


def test_logits_of_another_size_are_refused(model, phantom):
    geometry = phantom.cine.geometry
    planes = phantom.cine.pixels[FRAME, SLICE - 1 : SLICE + 2]
    image = model.image_of(planes, region_of(phantom), geometry.spacing_mm[:2])
    prompts = StructurePrompts(Structure.LV, mask=np.full((64, 64), 2.0, np.float32))
    with pytest.raises(UnusableInput, match="this model takes"):
        model.decode(model.encode(image), image, prompts)
