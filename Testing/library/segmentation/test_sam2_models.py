"""Claims about `sam2_models`, on a SAM 2.1 tiny file of the official names and shapes with random weights."""

import numpy as np
import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, SlicePrompts, StructurePrompts
from CardioSAMLib.resources import PROMPTABLE, ModelCard, sha256_of
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, heart_box_of, promptable_of
from CardioSAMLib.segmentation.differentiable import DifferentiableModel
from CardioSAMLib.segmentation.model_image import native_logits
from CardioSAMLib.segmentation.sam2_models import load_sam2

pytest.importorskip("sam2", reason="the package sam2 is not installed (extra sam2)")

SHAPE = (150, 181)
PIXEL_MM = (1.4, 1.4)


@pytest.fixture(scope="module")
def small(sam2_checkpoint):
    return load_sam2(sam2_checkpoint, 224, device="cpu")


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=64, columns=64, slices=3, frames=2, spacing_mm=(2.8, 2.8, 25.0)))


def gray_slice(shape=SHAPE):
    gray = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    gray[0, :2] = 0, 255
    return gray


def image_by(model, gray):
    return model.image_of(np.stack([gray] * 3).astype(np.float32), None, PIXEL_MM)


def shown(points=(), box=None, mask=None):
    return StructurePrompts(Structure.LV, tuple(PointPrompt(*point) for point in points), box, mask)


def cases(size):
    """Our prompts, and the same ones as the package's predictor takes them."""
    points, signs = np.array([[60, 50], [20, 10]]), np.array([1, 0])
    box, first = np.array([40, 30, 90, 80]), {"point_coords": points[:1], "point_labels": signs[:1]}
    return [
        (shown([(50, 60, True), (10, 20, False)]), {"point_coords": points, "point_labels": signs}),
        (shown(box=BoxPrompt(30, 40, 80, 90)), {"box": box}),
        (shown([(50, 60, True)], BoxPrompt(30, 40, 80, 90)), {**first, "box": box}),
        (shown([(50, 60, True)], mask=earlier(size)), {**first, "mask_input": earlier(size)[None]}),
    ]


def earlier(size):
    return np.random.default_rng(1).normal(0.0, 4.0, (size // 4, size // 4)).astype(np.float32)


def predictor_for(official, size):
    """The package's predictor; it knows the map sizes of 1024 px only, so those of a smaller image are set."""
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    predictor = SAM2ImagePredictor(official)
    predictor._bb_feat_sizes = [(size // step, size // step) for step in (4, 8, 16)]
    return predictor


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize("size", [224, 1024])
def test_everything_equals_the_official_predictor(sam2_official, sam2_checkpoint, size):
    """Embedding, coarse logits and quality for each kind of prompt; at 1024 nothing of the package is touched."""
    model, gray = load_sam2(sam2_checkpoint, size, device="cpu"), gray_slice()
    image = image_by(model, gray)
    embedding = model.encode(image)
    predictor = predictor_for(sam2_official(size), size)
    predictor.set_image(np.stack([gray] * 3, axis=-1))
    np.testing.assert_allclose(embedding["image_embedding"], predictor.get_image_embedding()[0].numpy(), atol=1e-4)
    answers = []
    for ours, theirs in cases(size):
        answer = model.decode(embedding, image, ours)
        _, quality, coarse = predictor.predict(**theirs, multimask_output=False, return_logits=True)
        np.testing.assert_allclose(answer.low_resolution_logits, coarse[0], atol=1e-4)
        assert answer.predicted_iou == pytest.approx(float(quality[0]), abs=1e-4)
        answers.append(coarse[0])
    # Random weights answer, too: the prompts move the logits by much more than the tolerance.
    assert min(np.abs(one - answers[0]).max() for one in answers[1:]) > 1e-2


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_on_a_slice_of_the_input_size_the_logits_on_the_slice_are_those_of_the_predictor(sam2_official, small):
    """On others, they are the image's, taken at the slice's pixels, where the predictor takes the coarse ones there."""
    gray = gray_slice((224, 224))
    image = image_by(small, gray)
    predictor = predictor_for(sam2_official(224), 224)
    predictor.set_image(np.stack([gray] * 3, axis=-1))
    ours, theirs = cases(224)[0]
    answer = small.decode(small.encode(image), image, ours)
    logits, _, _ = predictor.predict(**theirs, multimask_output=False, return_logits=True)
    np.testing.assert_allclose(native_logits(answer.logits, image, (224, 224)), logits[0], atol=1e-4)


@pytest.mark.parametrize("size", [256, 512])
def test_the_decoder_answers_at_other_sizes(sam2_checkpoint, size):
    model = load_sam2(sam2_checkpoint, size, device="cpu")
    image = image_by(model, gray_slice())
    answer = model.decode(model.encode(image), image, shown([(50, 60, True)]))
    assert answer.logits.shape == (size, size)
    assert answer.logits.dtype == np.float32
    assert answer.low_resolution_logits.shape == (size // 4, size // 4)


def test_a_mask_alone_is_a_prompt(small):
    mask = np.zeros(SHAPE, bool)
    mask[40:80, 60:110] = True
    image = image_by(small, gray_slice())
    embedding = small.encode(image)
    one, other = (small.decode(embedding, image, shown(mask=own)).logits for own in (mask, ~mask))
    assert np.abs(one - other).max() > 1e-3


def test_the_model_names_itself_for_caches_and_users(small, sam2_checkpoint):
    assert small.id == "sam2.1-tiny-224"
    assert small.sha256 == sha256_of(sam2_checkpoint)
    assert small.device_title.startswith("CPU")
    assert small.precision == "float32"


def test_the_second_click_on_a_slice_does_not_run_the_encoder(small, phantom, tmp_path):
    runs = []
    handle = small.network.image_encoder.register_forward_hook(lambda *_: runs.append(1))
    prompter = Prompter(small, EmbeddingCache(tmp_path))
    region = heart_box_of(phantom.segmentation.labels, phantom.cine.geometry.spacing_mm[:2])
    for point in ((32.0, 32.0, True), (33.0, 31.0, True)):
        prediction = prompter.predict(phantom.cine, SlicePrompts(0, 1, (shown([point]),)), region)
    handle.remove()
    assert len(runs) == 1
    assert prediction.labels.shape == (64, 64)
    assert set(np.unique(prediction.labels)) <= {0, STORAGE.value_of(Structure.LV)}


def test_an_entry_of_the_catalogue_gives_the_model_under_its_own_name(sam2_checkpoint):
    promptable = card(sam2_checkpoint, sha256_of(sam2_checkpoint))
    assert promptable_of(promptable).id == "my-sam2"
    with pytest.raises(UnusableInput, match="my-sam2 is not the one of the catalogue"):
        promptable_of(card(sam2_checkpoint, "0" * 64))


def card(path, sha256):
    return ModelCard(
        id="my-sam2", title="", version="1", architecture="sam2.1-tiny", input_shape_px=(224, 224), spacing_mm=1.0,
        preprocessing="sam2-slice-v1", file=path.name, sha256=sha256, bytes=0, license="", training_data="",
        accuracy={}, kind=PROMPTABLE, folder=path.parent,
    )  # fmt: skip


def test_answers_can_be_followed_back_to_where_the_points_lie(small):
    """The logits are those of `decode`, and their gradient is that of moving a point by a little."""
    assert isinstance(small, DifferentiableModel)
    image = image_by(small, gray_slice())
    embedding = small.encode(image)
    answer = small.decode(embedding, image, shown([(50, 60, True), (10, 20, False)]))
    logits = small.point_logits(embedding, image)
    shares = torch.tensor([[60.5, 50.5], [20.5, 10.5]]) / torch.tensor([SHAPE[1], SHAPE[0]])
    shares.requires_grad_(True)
    found = logits(shares, torch.tensor([True, False]))
    np.testing.assert_allclose(found.detach().numpy(), answer.low_resolution_logits, atol=1e-4)
    found.mean().backward()
    step = torch.zeros_like(shares)
    step[0, 0] = 2e-3
    with torch.no_grad():
        after, before = (logits(shares + sign * step, torch.tensor([True, False])).mean() for sign in (1, -1))
    assert float(shares.grad[0, 0]) == pytest.approx(float(after - before) / 4e-3, rel=0.05)


@pytest.mark.parametrize("size", [0, 192, 240, 1056, 512.0])
def test_an_input_size_that_cannot_be_is_refused_before_the_file_is_read(tmp_path, size):
    with pytest.raises(UnusableInput, match="choose 224 to 1024 in steps of 32"):
        load_sam2(tmp_path / "absent.pt", size)


def test_a_device_that_is_not_there_is_refused_before_the_file_is_read(tmp_path):
    with pytest.raises(UnusableInput, match="no device 'abacus'"):
        load_sam2(tmp_path / "absent.pt", device="abacus")


def test_weights_that_are_not_all_there_are_refused(sam2_weights, tmp_path):
    path = tmp_path / "cut.pt"
    torch.save({name: weight for name, weight in sam2_weights.items() if "memory_encoder" not in name}, path)
    with pytest.raises(UnusableInput, match=r"cut.pt is not a whole sam2.1-tiny model: \d+ names are missing"):
        load_sam2(path, 224, device="cpu")
    path.unlink()
