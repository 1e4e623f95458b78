"""Claims about networks read back from exported files: they learn on from where they were."""

import numpy as np
import onnxruntime
import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.resources import find_model
from CardioSAMLib.training.export import export_onnx
from CardioSAMLib.training.exported import measure_normalizations, read_stack_unet, read_unet

WIDTHS = (4, 6, 8)


def batches(count):
    random = torch.Generator().manual_seed(1)
    return [(3.0 + 5.0 * torch.randn(4, 3, 16, 16, generator=random),) for _ in range(count)]


def read_back(tmp_path):
    """As the exporter folds it: normalizations are in the convolutions."""
    torch.manual_seed(0)
    network = UNet25D(WIDTHS).train()
    for given in batches(200):
        network(*given)
    export_onnx(network.eval(), tmp_path / "model.onnx", 16)
    return network, read_unet(tmp_path / "model.onnx", WIDTHS)


def test_measured_normalizations_change_no_answer(tmp_path):
    network, back = read_back(tmp_path)
    measure_normalizations(back, batches(5))
    assert not back.training
    for given in batches(2):
        torch.testing.assert_close(back(*given), network(*given), rtol=1e-3, atol=1e-4)


def test_with_measured_normalizations_a_batch_is_answered_in_training_as_afterwards(tmp_path):
    _, back = read_back(tmp_path)
    [given] = batches(1)

    def difference():
        settled = back.eval()(*given)
        return float((back.train()(*given).logits[0] - settled).abs().mean() / settled.abs().mean())

    assert difference() > 0.1, "nothing was folded"
    measure_normalizations(back, [given])
    assert difference() < 1e-3


def test_the_shipped_network_of_whole_stacks_can_be_read_back():
    card = find_model("cardiosam-small")
    network = read_stack_unet(card.path, (16, 48, 96, 160, 192))
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    (expected,) = onnxruntime.InferenceSession(str(card.path)).run(None, {"images": images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(torch.softmax(network(images), dim=1).numpy(), expected, atol=1e-4)
    with pytest.raises(UnusableInput, match="that sees stacks; name such a model"):
        read_stack_unet(find_model("cardiosam-unet25d").path, (16, 48, 96, 160, 192))
    with pytest.raises(UnusableInput, match="that sees stacks; name such a model"):
        read_stack_unet(card.path, (16, 48, 96, 160, 96))
