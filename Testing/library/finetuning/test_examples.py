"""Claims about what is asked for in a view, and about embeddings that are kept by content."""

from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import Crop
from CardioSAMLib.finetuning.asking import asked_in, check_ask
from CardioSAMLib.finetuning.examples import SliceExamples
from CardioSAMLib.finetuning.run import FineTuningOptions, kept_embeddings, open_tunable
from CardioSAMLib.labels import STORAGE
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.training.recipe import AskOptions, FineTuningRecipe, ViewOptions

POINTS_AND_BOX = AskOptions(positives=2, negatives=1, box=True, box_margin_px=2.0)
RECIPE = FineTuningRecipe("r", "", "decoder", "adam", 1e-3, 4, 1, ask=POINTS_AND_BOX, views=ViewOptions(2, 30.0))


def native_image(one):
    """An image whose pixels are those of the slice."""
    size = one.labels.shape[0]
    crop = Crop(((size - 1) / 2, (size - 1) / 2), (1.0, 1.0), size)
    return ModelImage(one.planes, crop, (size, size))


@pytest.fixture
def tuned(small_sam, own_models):  # noqa: ARG001 (the catalogue must be there)
    return open_tunable(
        FineTuningOptions("", str(small_sam), normalization="sam", input_size_px=224, device="cpu"), False
    )


def test_each_structure_of_the_slice_is_asked_for_with_its_own_mask(slices):
    one = slices[1]
    asked = asked_in(one, native_image(one), POINTS_AND_BOX, [0])
    assert {STORAGE.value_of(prompts.structure) for prompts, _ in asked} == set(np.unique(one.labels)) - {0}
    for prompts, mask in asked:
        np.testing.assert_array_equal(mask > 0.5, one.labels == STORAGE.value_of(prompts.structure))
        for point in prompts.points:
            assert (mask[point.pixel] > 0.5) == point.positive
        assert len(prompts.positives) == 2
        assert len(prompts.negatives) == len(asked) - 1


def test_what_the_image_does_not_show_is_not_asked_for(slices):
    one = slices[1]
    upper = replace(native_image(one), shown_px=(32, 64))
    for prompts, mask in asked_in(one, upper, POINTS_AND_BOX, [0]):
        assert not mask[32:].any()
        assert all(point.row_px <= 31 for point in prompts.points)
        assert prompts.box.last_row_px <= 31 + 2


def test_boxes_alone_are_tight_and_jittered_ones_lie_outside_of_them(slices):
    one = slices[1]
    tight = asked_in(one, native_image(one), AskOptions(box=True), [0])
    jittered = asked_in(one, native_image(one), AskOptions(box=True, jitter="out_U(0,20)px@1024"), [0])
    for (prompts, mask), (moved, _) in zip(tight, jittered, strict=True):
        rows, columns = np.nonzero(mask > 0.5)
        box, larger = prompts.box, moved.box
        assert (box.first_row_px, box.last_row_px) == (rows.min(), rows.max())
        assert (box.first_column_px, box.last_column_px) == (columns.min(), columns.max())
        assert not prompts.points
        # 20 of 1024 pixels are 1.25 of 64.
        outward = (box.first_row_px - larger.first_row_px, larger.last_row_px - box.last_row_px)
        assert all(0.0 <= side <= 1.25 for side in outward)
        assert max(outward) > 0.0


def test_pixels_of_a_scaled_image_are_of_what_the_model_sees(slices):
    """20 of 1024 pixels are 1.25 of 64, and 0.94 where the model sees 48 of them, however large the slice is."""
    one = slices[1]
    near = replace(native_image(one), crop=Crop((31.5, 31.5), (0.75, 0.75), 64))
    sides = []
    for seed in range(20):
        tight = asked_in(one, near, AskOptions(box=True), [seed])
        jittered = asked_in(one, near, AskOptions(box=True, jitter="out_U(0,20)px@1024"), [seed])
        for (prompts, _), (moved, _) in zip(tight, jittered, strict=True):
            sides.append(prompts.box.first_row_px - moved.box.first_row_px)
    assert 0.8 < max(sides) <= 0.94


def test_an_unknown_jitter_is_refused_by_naming_the_known_ones():
    check_ask(AskOptions(box=True, jitter="fixed5px"))
    with pytest.raises(UnusableInput, match=r"no jitter 'much'; choose one of: out_U\(0,20\)px@1024"):
        check_ask(AskOptions(box=True, jitter="much"))


def test_each_view_is_encoded_once_and_frames_of_a_slice_do_not_share_an_embedding(slices, tuned, tmp_path):
    runs = []
    tuned.model.network["image_encoder"].register_forward_hook(lambda *_: runs.append(1))
    pair = [one for one in slices if one.slice_number == 1]
    assert [one.frame for one in pair] == [0, 1]
    examples = SliceExamples(pair, tuned, RECIPE, kept_embeddings(tuned, tmp_path), varied=True)
    given = [[examples.at(number, epoch).image["image_embedding"] for number in (0, 1)] for epoch in range(4)]
    assert len(runs) == 4  # 2 views of 2 slices
    assert all(np.array_equal(one, other) for one, other in zip(given[0] + given[1], given[2] + given[3], strict=True))
    different = [given[0][0], given[0][1], given[1][0]]
    assert not any(np.array_equal(different[a], different[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_prompts_differ_from_epoch_to_epoch_and_are_the_same_when_asked_again(slices, tuned, tmp_path):
    examples = SliceExamples(slices[1:2], tuned, RECIPE, kept_embeddings(tuned, tmp_path), varied=False)
    first, second, again = (examples.at(0, epoch).asked[0].prompts["points"] for epoch in (0, 1, 0))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_training_answers_what_the_model_answers_in_use(slices, tuned, tmp_path):
    """The same logits by the way of gradients as by `PromptableModel.decode`."""
    one = slices[1]
    example = SliceExamples([one], tuned, RECIPE, kept_embeddings(tuned, tmp_path), varied=False).at(0, 0)
    image = tuned.model.image_of(one.planes, one.region, one.pixel_mm)
    (asked,) = example.asked
    logits, quality = tuned.network.answer(tuned.network.embedded(example.image), asked.prompts)
    embedding = {name: tensor.numpy() for name, tensor in example.image.items()}
    for number, (prompts, _mask) in enumerate(asked_in(one, image, RECIPE.ask, [RECIPE.seed, 0, 0])):
        answer = tuned.model.decode(embedding, image, prompts)
        np.testing.assert_allclose(logits[number].detach().numpy(), answer.logits, atol=1e-4)
        assert float(quality[number].detach()) == pytest.approx(answer.predicted_iou, abs=1e-4)
