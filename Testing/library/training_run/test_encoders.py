"""Claims about frozen encoders and their kept features: none ever meets another image, and files are told apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.segmentation import EmbeddingCache
from CardioSAMLib.training.augmentation import AugmentationOptions
from CardioSAMLib.training.configuration import NetworkChoice, TrainingConfiguration
from CardioSAMLib.training.dataset import Volume
from CardioSAMLib.training.export import export_weights
from CardioSAMLib.training.networks import NoOptions, WidthOptions, build_network, network_options
from CardioSAMLib.training.precision import training_precision
from CardioSAMLib.training.sampling import batches_of
from CardioSAMLib.training.stack_sampling import StackOptions
from CardioSAMLib.training_run.encoders import KeptFeatures, OpenedEncoder, open_encoder

CONFIGURATION = TrainingConfiguration(
    "kept",
    NetworkChoice("linear", NoOptions(), "cardiosam-unet25d"),
    "s.json",
    size_px=32,
    batch=4,
    views=3,
    augmentation=AugmentationOptions(shift_mm=5.0, anywhere_share=0.0),
)


class Averages(nn.Module):
    """An encoder whose features tell which image it saw: each pixel's weighted neighborhood."""

    channels = (2,)

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.look = nn.Conv2d(3, 2, 16, stride=16)
        self.encoded = 0

    def forward(self, images):
        self.encoded += len(images)
        return (self.look(images),)


@pytest.fixture
def volumes():
    """End-diastole and end-systole of a patient: the same slices, another image and another label in each frame."""
    made = []
    for frame, radius in enumerate((12, 7)):
        rows, columns = np.mgrid[:48, :48]
        inside = np.hypot(rows - 24, columns - 24) < radius
        targets = np.stack([~inside, inside & False, inside & False, inside])[None].repeat(3, axis=0) * np.uint8(255)
        noise = np.random.default_rng(frame).normal(0, 0.1, (3, 48, 48))
        made.append(Volume("patient001", (inside + noise).astype(np.float16), targets, (24.0, 24.0)))
    return made


@torch.no_grad()
def features_and_truth(configuration, volumes, encode, encoder, steps=range(5)):
    pairs = []
    for step in steps:
        images = batches_of(configuration, volumes).at(step).images
        with training_precision(images.device):
            true = encoder(images)[0].float()
        pairs.append((encode(images)[0], true))
    return pairs


def assert_true(pairs):
    for kept, true in pairs:
        # Kept as float16: half a thousandth of a value.
        assert torch.allclose(kept, true, rtol=1e-3, atol=1e-4)


def test_a_slice_at_end_diastole_and_at_end_systole_never_share_features(volumes, tmp_path):
    encoder = Averages()
    encode = KeptFeatures(OpenedEncoder(encoder, "averages", "0" * 64), EmbeddingCache(tmp_path), 1)
    for only in ([volumes[0]], [volumes[1]], volumes):  # the second finds a folder full of the first
        assert_true(features_and_truth(CONFIGURATION, only, encode, encoder))


@pytest.mark.parametrize(
    "changed",
    [
        replace(CONFIGURATION, seed=1),
        replace(CONFIGURATION, augmentation=AugmentationOptions(shift_mm=5.0, anywhere_share=0.0, noise=0.5)),
        replace(CONFIGURATION, augmentation=AugmentationOptions(shift_mm=5.0, anywhere_share=0.0, elastic_share=1.0)),
        replace(CONFIGURATION, views=7),
    ],
)
def test_another_augmentation_is_never_given_the_features_of_the_first(changed, volumes, tmp_path):
    encoder = Averages()
    encode = KeptFeatures(OpenedEncoder(encoder, "averages", "0" * 64), EmbeddingCache(tmp_path), 1)
    for configuration in (CONFIGURATION, changed, CONFIGURATION):
        assert_true(features_and_truth(configuration, volumes, encode, encoder))


def test_other_weights_are_never_given_the_features_of_the_first(volumes, tmp_path):
    cache = EmbeddingCache(tmp_path)
    for seed, sha256 in ((0, "0" * 64), (1, "1" * 64), (0, "0" * 64)):
        encoder = Averages(seed)
        encode = KeptFeatures(OpenedEncoder(encoder, "averages", sha256), cache, 1)
        assert_true(features_and_truth(CONFIGURATION, volumes, encode, encoder))


def test_the_same_weights_at_another_input_size_are_never_given_the_features_of_the_first(volumes, tmp_path):
    cache = EmbeddingCache(tmp_path)
    for seed, size in ((0, "224-sam"), (1, "512-sam")):  # other features from the same file
        encoder = Averages(seed)
        encode = KeptFeatures(OpenedEncoder(encoder, "averages", "0" * 64, size), cache, 1)
        assert_true(features_and_truth(CONFIGURATION, volumes, encode, encoder))


def test_features_of_another_precision_are_never_given(volumes, tmp_path, request):
    encoder = Averages()
    encode = KeptFeatures(OpenedEncoder(encoder, "averages", "0" * 64), EmbeddingCache(tmp_path), 1)
    images = batches_of(CONFIGURATION, volumes).at(0).images
    for number, fixture in enumerate(("matrix_instructions", "no_matrix_instructions"), 1):
        request.getfixturevalue(fixture)
        assert encode(images)[0].dtype == torch.float32
        assert encoder.encoded == number * len(images)


def test_each_view_is_encoded_once_and_comes_again_after_so_many_passes(volumes, tmp_path):
    """2 volumes of 3 slices in batches of 3: a pass is 2 steps, 3 views are all seen after 6."""
    whole = replace(CONFIGURATION, batch=3)
    sampler, encoder = batches_of(whole, volumes), Averages()
    encode = KeptFeatures(OpenedEncoder(encoder, "averages", "0" * 64), EmbeddingCache(tmp_path), 1)
    first = [encode(sampler.at(step).images)[0] for step in range(6)]
    assert encoder.encoded == 18
    again = [encode(sampler.at(step).images)[0] for step in range(6, 12)]
    assert encoder.encoded == 18
    one_set, other = ({tuple(row.ravel().tolist()) for part in parts for row in part} for parts in (first, again))
    assert one_set == other
    assert len(one_set) == 18


def test_images_and_labels_of_kept_views_belong_together(volumes):
    for step in range(6):
        batch = batches_of(CONFIGURATION, volumes).at(step)
        for image, share in zip(batch.images, batch.shares, strict=True):
            inside, outside = share[3] > 0.99, share[0] > 0.99
            assert image[1][inside].mean() > image[1][outside].mean() + 0.5


def choice(kind="linear", encoder=""):
    return NetworkChoice(kind, network_options(kind, {}) if kind != "unet25d" else WidthOptions((4, 6)), encoder)


def test_the_shipped_unet_is_an_encoder_by_its_name():
    opened = open_encoder(choice(encoder="cardiosam-unet25d"), None)
    assert opened.network.channels == (192, 160, 96, 48, 16)
    assert opened.name == "cardiosam-unet25d"


def test_a_network_trained_here_gives_its_encoder(tmp_path):
    network = build_network("stack-unet", WidthOptions((6, 6, 6, 6, 12)))
    own = NetworkChoice("stack-unet", WidthOptions((6, 6, 6, 6, 12)))
    export_weights(
        replace(CONFIGURATION, views=0, network=own, stacks=StackOptions()), network, tmp_path / "weights.pt"
    )
    opened = open_encoder(choice(), tmp_path / "weights.pt")
    assert torch.equal(opened.network.encoder.neck.weight, network.encoder.neck.weight)


def test_a_network_without_an_encoder_needs_none(tmp_path):
    assert open_encoder(choice("unet25d"), None) is None
    assert open_encoder(choice("unet25d"), tmp_path / "weights.pt") is None


@pytest.mark.parametrize(
    ("chosen", "content", "says"),
    [
        (choice(), None, "give a SAM or MedSAM file with --checkpoint"),
        (choice(encoder="cardiosam-prompt"), None, "holds no U-Net"),
        (choice(encoder="no-such-model"), None, "no model 'no-such-model'"),
        (choice(), b"", "cannot be opened as a file of weights"),
    ],
)
def test_what_has_no_encoder_is_told(chosen, content, says, tmp_path):
    if content is not None:
        (tmp_path / "some.pth").write_bytes(content)
    with pytest.raises(UnusableInput, match=says):
        open_encoder(chosen, None if content is None else tmp_path / "some.pth")


@pytest.mark.parametrize("given", [{"encoder_px": 512}, {"normalization": "medsam"}])
def test_options_of_a_sam_encoder_are_refused_of_another(given):
    with pytest.raises(UnusableInput, match="is no SAM encoder, and has neither encoder_px nor normalization"):
        open_encoder(replace(choice(encoder="cardiosam-unet25d"), **given), None)


def test_weights_of_a_decoder_are_no_encoder(tmp_path):
    torch.save({"kind": "linear", "options": {}, "network": {}}, tmp_path / "weights.pt")
    with pytest.raises(UnusableInput, match=r"weights\.pt holds a linear and no encoder"):
        open_encoder(choice(), tmp_path / "weights.pt")


def test_a_checkpoint_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UnusableInput, match=r"no file .*absent\.pth"):
        open_encoder(choice(), tmp_path / "absent.pth")
