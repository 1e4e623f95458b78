"""Claims about the torch network that is read back from a decoder's file."""

import numpy as np
import onnxruntime
import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.prompted import PromptedDecoder
from CardioSAMLib.resources import DEFAULT_MODEL_ID, DEFAULT_PROMPTABLE_ID, find_model
from CardioSAMLib.segmentation.exported_decoder import read_decoder
from CardioSAMLib.training.export_prompted import export_decoder


@pytest.fixture(scope="module")
def file():
    card = find_model(DEFAULT_PROMPTABLE_ID)
    return card.path.with_name(card.decoder["file"])


@pytest.mark.parametrize("has_mask", [0.0, 1.0])
def test_it_answers_as_the_file_does(file, has_mask):
    random = np.random.default_rng(0)
    inputs = {
        "coarse": random.normal(size=(2, 128, 8, 8)),
        "fine": random.normal(size=(2, 16, 32, 32)),
        "points": random.random((2, 5, 2)),
        "kinds": np.array([[3, 4, 2, 1, 0], [2, 2, 1, 1, 0]]),
        "structure": np.array([0, 3]),
        "mask": random.normal(size=(2, 1, 32, 32)),
        "has_mask": np.full(2, has_mask),
    }
    inputs = {name: value.astype(np.float32 if value.dtype.kind == "f" else int) for name, value in inputs.items()}
    expected = onnxruntime.InferenceSession(str(file)).run(None, inputs)
    answered = read_decoder(file)(*(torch.from_numpy(value) for value in inputs.values()))
    assert np.ptp(expected[0]) > 1.0
    for one, other in zip(answered, expected, strict=True):
        assert one.numpy() == pytest.approx(other, abs=1e-4)


def test_weights_that_no_training_has_moved_are_read_back_bit_by_bit_from_a_new_file(tmp_path):
    """Ones and zeros, which an exporter that folds constants leaves out."""
    torch.manual_seed(0)
    network = PromptedDecoder()
    export_decoder(network, tmp_path / "new.onnx", 32)
    read = read_decoder(tmp_path / "new.onnx").state_dict()
    assert all(torch.equal(read[name], weight) for name, weight in network.state_dict().items())


def test_its_weights_have_no_gradients(file):
    assert not any(parameter.requires_grad for parameter in read_decoder(file).parameters())


def test_a_file_of_another_network_is_refused():
    with pytest.raises(UnusableInput, match="holds no decoder"):
        read_decoder(find_model(DEFAULT_MODEL_ID).path)
