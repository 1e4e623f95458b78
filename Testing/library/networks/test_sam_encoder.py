"""Claims about `sam_encoder`, against the package's own predictor on a small ViT of the official layout."""

import sys

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor, sam_model_registry
from segment_anything.modeling import Sam

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import normalize
from CardioSAMLib.networks.sam import sam_image_encoder, sam_network
from CardioSAMLib.networks.sam_architectures import ARCHITECTURES, SamArchitecture
from CardioSAMLib.networks.sam_encoder import SamEncoder, gray_levels
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS

SMALL = SamArchitecture("small", 32, 2, 1, (1,))

PUBLISHED_MILLIONS = {"vit_b": 91, "vit_l": 308, "vit_h": 636}
"""Parameters of the image encoders at 1024 px (Kirillov 2023)."""


def small_encoder(size, normalization="sam"):
    torch.manual_seed(3)
    encoder = SamEncoder(SMALL, size, normalization)
    for name, weight in encoder.named_parameters():
        # The package starts positions at zero, which would hide whether they are used.
        if "pos" in name:
            torch.nn.init.normal_(weight, 0.0, 0.2)
    return encoder


def gray_picture(size):
    """Gray levels uint8 `(size, size)` from 0 to 255."""
    gray = np.random.default_rng(1).integers(0, 256, (size, size)).astype(np.uint8)
    gray[0, :2] = 0, 255
    return gray


def crops_of(gray):
    """As networks get it, between two slices that are something else."""
    own = (gray - gray.mean()) / gray.std()
    others = np.random.default_rng(2).normal(size=(2, *gray.shape))
    return torch.from_numpy(np.stack([others[0], own, others[1]])[None].astype(np.float32))


def predictor_with(encoder):
    """The package's predictor, with the encoder's weights in a model of the package."""
    with torch.device("cpu"):
        image_encoder = sam_image_encoder(SMALL, encoder.size_px)
    image_encoder.load_state_dict(encoder.image_encoder.state_dict())
    rest = sam_network(SMALL, encoder.size_px)
    return SamPredictor(Sam(image_encoder, rest["prompt_encoder"], rest["mask_decoder"]).eval())


@pytest.mark.parametrize("size", [224, 256, 512, 1024])
def test_the_embedding_is_that_of_the_official_predictor(size):
    encoder, gray = small_encoder(size), gray_picture(size)
    predictor = predictor_with(encoder)
    predictor.set_image(np.stack([gray] * 3, axis=-1))
    (embedding,) = encoder(crops_of(gray))
    assert embedding.shape == (1, 256, size // 16, size // 16)
    torch.testing.assert_close(embedding, predictor.features, atol=1e-4, rtol=0)


@pytest.mark.parametrize("crop", [128, 300])
def test_a_crop_of_another_size_is_scaled_as_by_the_official_predictor(crop):
    """But for its rounding to whole gray levels, twice, of which one is 1/57 to the weights."""
    encoder, gray = small_encoder(224), gray_picture(crop)
    seen = []
    encoder.image_encoder.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    (embedding,) = encoder(crops_of(gray))
    predictor = predictor_with(encoder)
    scaled = predictor.transform.apply_image(np.stack([gray] * 3, axis=-1))
    expected = predictor.model.preprocess(torch.from_numpy(scaled).permute(2, 0, 1)[None])
    torch.testing.assert_close(seen[0], expected, atol=1.1 / 57, rtol=0)
    assert embedding.shape == (1, 256, 14, 14)


def test_weights_of_medsam_see_values_from_0_to_1():
    encoder, gray = small_encoder(224, "medsam"), gray_picture(224)
    seen = torch.from_numpy(NORMALIZATIONS["medsam"].values(gray))
    torch.testing.assert_close(encoder(crops_of(gray))[0], encoder.image_encoder(seen[None]), atol=1e-4, rtol=0)
    other = small_encoder(224)
    assert (other(crops_of(gray))[0] - encoder(crops_of(gray))[0]).abs().max() > 1e-2


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_every_normalization_that_a_checkpoint_may_have_is_known(normalization):
    assert small_encoder(224, normalization).normalization == normalization


def test_gray_levels_are_those_before_the_crop_was_normalized_but_for_what_was_clipped():
    picture = np.linspace(10.0, 90.0, 128 * 128).reshape(128, 128)
    levels = gray_levels(torch.from_numpy(normalize(picture)[None, None].repeat(3, axis=1)))[0, 0].numpy()
    low, high = np.percentile(picture, (1, 99))
    expected = (np.clip(picture, low, high) - low) * 255.0 / (high - low)
    np.testing.assert_allclose(levels, expected, atol=0.01)


def test_each_crop_of_a_batch_has_its_own_black_and_white():
    crops = crops_of(gray_picture(32))
    levels = gray_levels(torch.cat([crops, 5.0 * crops - 7.0]))
    torch.testing.assert_close(levels[0], levels[1], atol=1e-3, rtol=0)
    assert levels.amin() == 0.0
    assert levels.amax() == pytest.approx(255.0)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_crop_without_contrast_has_the_embedding_of_black(normalization):
    flat = torch.full((1, 3, 32, 32), 0.7)
    assert gray_levels(flat).abs().max() == 0.0
    encoder = small_encoder(224, normalization)
    black = torch.from_numpy(NORMALIZATIONS[normalization].values(np.zeros((224, 224), np.uint8)))
    torch.testing.assert_close(encoder(flat)[0], encoder.image_encoder(black[None]), atol=1e-4, rtol=0)


def test_it_does_not_learn():
    encoder = small_encoder(224)
    assert not any(weight.requires_grad for weight in encoder.parameters())
    assert not encoder(crops_of(gray_picture(32)))[0].requires_grad
    assert encoder.channels == (256,)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda entry: entry.id)
def test_its_names_and_shapes_are_those_of_the_official_files(architecture):
    with torch.device("meta"):
        encoder = SamEncoder(architecture, 1024, "sam")
        official = sam_model_registry[architecture.id]().state_dict()
    expected = {name: weight.shape for name, weight in official.items() if name.startswith("image_encoder.")}
    assert {name: weight.shape for name, weight in encoder.state_dict().items()} == expected
    millions = sum(weight.numel() for weight in encoder.parameters()) / 1e6
    assert millions == pytest.approx(PUBLISHED_MILLIONS[architecture.id], rel=0.02)


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "segment_anything", None)
    with pytest.raises(UnusableInput, match=r"pip install '\.\[torch\]'"):
        SamEncoder(SMALL, 224, "sam")
