"""Claims about `baselines` and `transunet`: sizes as published, shapes, the answers of both modes, gradients."""

import sys
from itertools import pairwise

import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import Structure
from CardioSAMLib.networks import baselines
from CardioSAMLib.networks.outputs import Outputs

CLASSES = 1 + len(Structure)
ALL = ("unet31", "deeplabv3plus", "deeplabv3_r50", "transunet")


@pytest.fixture(scope="module")
def shapes_only():
    """The networks without values, which take no memory."""
    with torch.device("meta"):
        return {name: getattr(baselines, name)() for name in ALL}


def images_of(size_px, batch=2, device="meta"):
    return torch.randn(batch, 3, size_px, size_px, device=device)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size_px", [128, 224])
def test_in_evaluation_a_network_gives_logits_of_all_classes_at_the_size_of_the_images(name, size_px, shapes_only):
    logits = shapes_only[name].eval()(images_of(size_px, batch=3))
    assert logits.shape == (3, CLASSES, size_px, size_px)


@pytest.mark.parametrize("name", ALL)
def test_in_training_a_network_gives_the_same_as_outputs_without_a_boundary(name, shapes_only):
    outputs = shapes_only[name].train()(images_of(128))
    assert isinstance(outputs, Outputs)
    assert [logits.shape for logits in outputs.logits] == [(2, CLASSES, 128, 128)]
    assert outputs.boundary is None


@pytest.mark.parametrize("name", ALL)
def test_images_that_cannot_be_halved_so_often_are_refused_with_what_fits(name, shapes_only):
    with pytest.raises(ValueError, match="100 x 100 pixels; this network takes multiples of"):
        shapes_only[name](images_of(100))


def test_the_unet_has_the_parameters_of_its_widths_and_of_a_wider_last_step(shapes_only):
    def block(inputs, outputs):
        return 9 * inputs * outputs + 9 * outputs**2 + 4 * outputs  # two convolutions, two normalizations

    def up(coarse, kept, fine):
        return 4 * coarse * kept + kept + block(kept + fine, fine)

    widths = (64, 128, 256, 512, 1024)
    down = sum(block(inputs, outputs) for inputs, outputs in pairwise((3, *widths)))
    head = widths[0] * CLASSES + CLASSES
    published = down + head + sum(up(coarse, fine, fine) for fine, coarse in pairwise(widths))
    assert published == pytest.approx(31.04e6, rel=1e-3)
    wider_last = up(128, 128, 64) - up(128, 64, 64)
    assert count(shapes_only["unet31"]) == published + wider_last


def test_deeplabv3_has_the_parameters_that_torchvision_states_less_those_of_auxiliary_head_and_classes(shapes_only):
    stated, auxiliary = 42_004_074, 9 * 1024 * 256 + 2 * 256 + 21 * 257
    assert count(shapes_only["deeplabv3_r50"]) == stated - auxiliary - (21 - CLASSES) * 257


def test_deeplabv3plus_has_a_resnet_101_and_the_decoder_of_its_paper(shapes_only):
    network = shapes_only["deeplabv3plus"].network
    resnet_101, classifier = 44_549_160, 2048 * 1000 + 1000
    assert count(network.encoder) == resnet_101 - classifier
    deepest = network.eval().encoder(images_of(128))[-1]
    assert deepest.shape[1:] == (2048, 8, 8)  # output stride 16
    assert count(shapes_only["deeplabv3plus"]) == pytest.approx(45.67e6, rel=1e-3)


def test_transunet_has_the_parameters_of_its_publication(shapes_only):
    assert count(shapes_only["transunet"]) == pytest.approx(105.28e6, rel=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_gradients_reach_every_weight(name):
    torch.manual_seed(0)
    network = getattr(baselines, name)()
    network.train()(images_of(64, device="cpu")).logits[0].square().mean().backward()
    gradients = {key: weight.grad for key, weight in network.named_parameters()}
    assert [key for key, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []
    assert [key for key, gradient in gradients.items() if not gradient.any()] == []


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("unet31", "monai.networks.nets.basic_unet"),
        ("deeplabv3plus", "segmentation_models_pytorch"),
        ("deeplabv3_r50", "torchvision.models.segmentation"),
        ("transunet", "timm.models.vision_transformer"),
    ],
)
def test_a_missing_library_is_one_sentence_with_what_to_install(name, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnusableInput, match=r"is not installed; .*pip install '\.\[train\]'"):
        getattr(baselines, name)()
