"""Claims about an encoder and a decoder as one network."""

import torch
from torch import nn

from CardioSAMLib.networks.cardiosam_decoder import CardioSAMDecoder, DecoderOptions
from CardioSAMLib.networks.frozen import EncoderNetwork, FrozenEncoderNetwork
from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.networks.small_encoder import SmallEncoder

WIDTHS = (32, 16, 16, 8)


class Patches(nn.Module):
    """The least that is an encoder, with a layer whose training mode would show."""

    channels = (32,)

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 32, 16, stride=16)
        self.drop = nn.Dropout(0.5)

    def forward(self, images):
        return (self.drop(self.embed(images)),)


def decoder():
    return CardioSAMDecoder((32,), DecoderOptions(widths=WIDTHS))


def one_step(network, images):
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network.train()(images).logits[0].square().mean().backward()
    optimizer.step()


def test_the_frozen_encoder_keeps_its_weights_while_the_decoder_learns():
    torch.manual_seed(0)
    network = FrozenEncoderNetwork(Patches(), decoder())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    one_step(network, torch.randn(2, 3, 32, 32))
    after = network.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"decoder"}


def test_the_encoder_that_is_not_frozen_learns():
    torch.manual_seed(0)
    network = EncoderNetwork(Patches(), decoder())
    nn.init.normal_(network.decoder.csam.change.weight)
    before = network.encoder.embed.weight.clone()
    one_step(network, torch.randn(2, 3, 32, 32))
    assert not torch.equal(before, network.encoder.embed.weight)


def test_the_frozen_encoder_stays_in_evaluation_mode():
    network = FrozenEncoderNetwork(Patches(), decoder()).train()
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(network.features(images)[0], network.features(images)[0])
    assert not network.features(images)[0].requires_grad
    assert network.decoder.training


def test_kept_features_give_the_answer_of_the_whole_network():
    network = FrozenEncoderNetwork(Patches(), decoder()).eval()
    images = torch.randn(2, 3, 48, 32)
    with torch.no_grad():
        torch.testing.assert_close(network.decoder(network.features(images), (48, 32)), network(images))


def test_the_small_encoder_and_this_decoder_are_a_network_that_knows_of_stacks():
    encoder = SmallEncoder((8, 12, 12, 18, 24), depth=1)
    for block in encoder.along_stack:
        nn.init.normal_(block.joined.weight)
    network = EncoderNetwork(encoder, CardioSAMDecoder(encoder.channels, DecoderOptions(early=True, widths=WIDTHS)))
    images = torch.randn(4, 3, 32, 32)
    assert isinstance(network(images), Outputs)
    with torch.no_grad():
        network.eval()
        two_stacks = network(images, torch.tensor([0, 0, 1, 1]))
        torch.testing.assert_close(two_stacks[:2], network(images[:2]), rtol=1e-4, atol=1e-4)
        assert (two_stacks - network(images)).abs().max() > 1e-4
