"""Claims about the precision of trainings: half where the machine is made for it, and then only inside the network."""

import pytest
import torch
from torch import nn

from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.training.loop import Learner
from CardioSAMLib.training.precision import computes_in_half, precision_name, training_precision
from CardioSAMLib.training.sampling import Batch

CPU = torch.device("cpu")


class Seen(nn.Module):
    """One convolution that notes in what it computed."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, padding=1)
        self.precision = None

    def forward(self, images):
        logits = self.layer(images)
        self.precision = logits.dtype
        return Outputs((logits,))


def learned():
    network = Seen()
    shares = torch.zeros(2, 4, 16, 16)
    shares[:, 0] = 1.0
    loss = Learner(network, None)(Batch(torch.rand(2, 3, 16, 16), shares), None)
    loss.backward()
    return network, loss


@pytest.mark.parametrize(("native", "name"), [(True, "bfloat16"), (False, "float32")])
def test_a_card_computes_in_half_where_it_need_not_emulate_that(native, name, monkeypatch):
    """Cards before Ampere do."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or native)
    assert computes_in_half(torch.device("cuda")) is native
    assert precision_name(torch.device("cuda")) == name


def test_a_mac_computes_in_full():
    assert not computes_in_half(torch.device("mps"))
    with training_precision(torch.device("mps")):
        assert not torch.is_autocast_enabled("mps")


@pytest.mark.usefixtures("matrix_instructions")
def test_a_processor_made_for_it_computes_in_half_but_loss_and_gradients_are_full():
    network, loss = learned()
    assert network.precision == torch.bfloat16
    assert loss.dtype == network.layer.weight.dtype == network.layer.weight.grad.dtype == torch.float32
    assert precision_name(CPU) == "bfloat16"


@pytest.mark.usefixtures("no_matrix_instructions")
def test_any_other_processor_computes_in_full():
    network, _ = learned()
    assert network.precision == torch.float32
    assert precision_name(CPU) == "float32"


def test_a_torch_that_does_not_tell_computes_in_full(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not computes_in_half(CPU)
