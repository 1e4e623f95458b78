"""`cardiosam-small` and the U-Net on it: what a slice sees of its stack, and that the start is the network before."""

import pytest
import torch

from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.networks.small_encoder import EMBEDDING, SmallEncoder
from CardioSAMLib.networks.stack_unet import StackUNet
from CardioSAMLib.networks.unet import UNet25D

WIDTHS = (4, 6, 12, 18, 24)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def awake(encoder: SmallEncoder) -> SmallEncoder:
    """With every weight that starts at zero set to something."""
    torch.manual_seed(1)
    for parameter in encoder.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    return encoder.eval()


def test_the_encoder_gives_an_embedding_as_sam_does_and_finer_features(images: torch.Tensor) -> None:
    encoder = SmallEncoder().eval()
    features = encoder(images)
    assert encoder.channels == tuple(feature.shape[1] for feature in features)
    assert encoder.channels[0] == EMBEDDING
    assert [feature.shape[-1] for feature in features] == [2, 4, 8, 16, 32]


def test_the_encoder_has_at_most_8_million_parameters() -> None:
    assert 2e6 < sum(parameter.numel() for parameter in SmallEncoder().parameters()) < 8e6


def test_a_slice_sees_its_own_stack_and_no_other(images: torch.Tensor) -> None:
    encoder = awake(SmallEncoder(WIDTHS))
    stacks = torch.tensor([0, 0, 0, 1, 1])
    changed = images.clone()
    changed[4] = 30.0 * changed[4].flip(0)
    with torch.no_grad():
        before, after = encoder(images, stacks)[0], encoder(changed, stacks)[0]
    torch.testing.assert_close(before[:3], after[:3])
    assert (before[3] - after[3]).abs().max() > 1e-3


def test_stacks_in_one_batch_answer_as_each_alone(images: torch.Tensor) -> None:
    encoder = awake(SmallEncoder(WIDTHS))
    with torch.no_grad():
        together = encoder(images, torch.tensor([0, 0, 0, 1, 1]))[0]
        alone = torch.cat([encoder(images[:3])[0], encoder(images[3:])[0]])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_a_stack_from_the_other_end_answers_the_same(images: torch.Tensor) -> None:
    encoder = awake(SmallEncoder(WIDTHS))
    with torch.no_grad():
        torch.testing.assert_close(encoder(images)[0], encoder(images.flip(0))[0].flip(0), rtol=1e-4, atol=1e-4)


def test_a_network_that_starts_from_the_slice_network_answers_as_that_one(images: torch.Tensor) -> None:
    torch.manual_seed(2)
    slices, stack = UNet25D(WIDTHS).eval(), StackUNet(WIDTHS).eval()
    stack.start_from(slices)
    with torch.no_grad():
        torch.testing.assert_close(stack(images), slices(images), rtol=1e-4, atol=1e-4)


def test_all_weights_learn(images: torch.Tensor) -> None:
    network = StackUNet(WIDTHS).train()
    awake(network.encoder).train()
    outputs = network(images, torch.tensor([0, 0, 0, 1, 1]))
    assert isinstance(outputs, Outputs)
    assert [logits.shape[-1] for logits in outputs.logits] == [32, 16, 8]
    sum(logits.square().mean() for logits in outputs.logits).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
