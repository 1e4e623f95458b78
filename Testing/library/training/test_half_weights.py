"""Claims about weights in half precision: files are half as large, and nothing is lost by storing them so."""

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from CardioSAMLib.io.onnx_weights import HALF_SUFFIX
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.training.export import export_onnx, largest_difference
from CardioSAMLib.training.exported import read_unet
from CardioSAMLib.training.half_weights import LEAST_VALUES, round_to_half

WIDTHS = (8, 16, 24, 32)


def a_network():
    torch.manual_seed(0)
    network = UNet25D(WIDTHS).eval()
    for buffer in network.buffers():  # statistics of some training
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    return network


def test_large_weights_are_rounded_a_little_and_small_ones_not():
    network, rounded = a_network(), a_network()
    round_to_half(rounded)
    changed = 0
    for before, after in zip(network.parameters(), rounded.parameters(), strict=True):
        assert after.dtype == torch.float32
        if before.numel() < LEAST_VALUES:
            assert torch.equal(before, after)
        else:
            torch.testing.assert_close(after, before, rtol=2**-11, atol=1e-7)
            changed += int((before != after).sum())
    assert changed > 0


def test_a_rounded_network_has_half_the_file_and_loses_nothing(tmp_path):
    network, file, full = a_network(), tmp_path / "half.onnx", tmp_path / "full.onnx"
    export_onnx(network, full, 32)
    round_to_half(network)
    export_onnx(network, file, 32)
    assert file.stat().st_size < 0.65 * full.stat().st_size
    assert largest_difference(network, file, 32) < 1e-4
    back = read_unet(file, WIDTHS).state_dict()
    for name, weight in network.state_dict().items():
        if name.startswith(("down.", "up.", "heads.0.")) and weight.is_floating_point():
            assert torch.equal(back[name], weight), name


def test_a_network_that_is_not_rounded_is_stored_as_it_is(tmp_path):
    network = a_network()
    export_onnx(network, tmp_path / "model.onnx", 32)
    graph = onnx.load(str(tmp_path / "model.onnx")).graph
    stored = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    assert not [name for name in stored if name.endswith(HALF_SUFFIX)]
    weight = network.down[1][0].weight.detach().numpy()
    assert any(values.shape == weight.shape and np.array_equal(values, weight) for values in stored.values())
    assert largest_difference(network, tmp_path / "model.onnx", 32) < 1e-3
