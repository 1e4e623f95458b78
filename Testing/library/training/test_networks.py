"""Claims about the registry of networks."""

import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.encoders import SliceBySlice, UNetEncoder
from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.networks.sam_architectures import SamArchitecture
from CardioSAMLib.networks.sam_encoder import SamEncoder
from CardioSAMLib.networks.small_encoder import SmallEncoder
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.training.networks import (
    KINDS,
    WidthOptions,
    architecture_of,
    build_network,
    features_used,
    network_options,
)

WIDTHS = (4, 6, 8, 8, 24)


def small_sam():
    torch.manual_seed(0)
    return SamEncoder(SamArchitecture("tiny", width=16, depth=2, heads=2, global_blocks=(1,)), 64, "sam")


ENCODERS = {
    "none": lambda: None,
    "frozen": lambda: UNetEncoder(UNet25D(WIDTHS)),
    "adapted": small_sam,
}
TABLES = {"unet25d": {"widths": [4, 6, 8]}, "stack-unet": {"widths": list(WIDTHS)}}
SMALL = [kind for kind in KINDS if kind in TABLES or KINDS[kind].encoder != "none"]


def built(kind, encoder=None):
    options = network_options(kind, {key: tuple(value) for key, value in TABLES.get(kind, {}).items()})
    return build_network(kind, options, encoder or ENCODERS[KINDS[kind].encoder]())


@pytest.mark.parametrize("kind", SMALL)
def test_every_network_answers_as_the_loop_expects(kind):
    network = built(kind)
    images = torch.randn(2, 3, 64, 64)
    outputs = network.train()(images)
    assert isinstance(outputs, Outputs)
    assert outputs.logits[0].shape == (2, 4, 64, 64)
    with torch.no_grad():
        assert network.eval()(images).shape == (2, 4, 64, 64)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].encoder != "none"])
def test_of_an_encoder_learns_what_the_kind_says(kind):
    network = built(kind)
    learning = {name for name, weight in network.named_parameters() if weight.requires_grad}
    of_encoder = {name for name in learning if name.startswith("encoder.")}
    assert learning - of_encoder, "the decoder learns"
    if KINDS[kind].encoder == "frozen":
        assert not of_encoder
    else:
        assert of_encoder
        assert not any(name.endswith(("qkv.weight", "qkv.bias")) for name in of_encoder)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].encoder != "none"])
def test_a_network_that_needs_an_encoder_says_so(kind):
    with pytest.raises(UnusableInput, match=f"network {kind} needs an encoder"):
        build_network(kind, network_options(kind, {}))


def test_adapters_go_into_sam_only():
    with pytest.raises(UnusableInput, match="adapts a SAM encoder"):
        built("sam-lora", ENCODERS["frozen"]())


def test_only_the_features_that_a_network_looks_at_are_asked_for():
    encoder = UNetEncoder(UNet25D(WIDTHS))
    assert features_used(network_options("cardiosam", {}), encoder) == 1
    assert features_used(network_options("cardiosam", {"early": True}), encoder) == 5
    assert features_used(network_options("linear", {}), encoder) == 1


def test_the_encoder_of_a_unet_gives_the_levels_of_its_way_down_deepest_first():
    encoder = UNetEncoder(UNet25D(WIDTHS)).eval()
    features = encoder(torch.randn(2, 3, 64, 32))
    assert encoder.channels == (24, 8, 8, 6, 4)
    assert [tuple(level.shape) for level in features] == [
        (2, 24, 4, 2), (2, 8, 8, 4), (2, 8, 16, 8), (2, 6, 32, 16), (2, 4, 64, 32),
    ]  # fmt: skip


def test_slice_by_slice_the_features_of_a_slice_depend_on_no_other():
    torch.manual_seed(0)
    whole = SmallEncoder((6, 6, 6, 6, 12), depth=1)
    for weight in whole.parameters():  # new attention changes nothing
        torch.nn.init.normal_(weight, std=0.3)
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        alone = SliceBySlice(whole).eval()
        together = alone(images)[0]
        assert torch.allclose(together[1], alone(images[1:2])[0][0], atol=1e-4)
        assert not torch.allclose(together[1], whole.eval()(images)[0][1], atol=1e-2)


def test_the_line_for_the_catalogue_names_kind_widths_and_encoder():
    assert architecture_of("unet25d", WidthOptions((16, 48))) == "UNet25D 16-48"
    options = network_options("linear", {})
    assert architecture_of("linear", options, "sam_vit_b_01ec64") == "Linear head on sam_vit_b_01ec64"
