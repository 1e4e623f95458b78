"""Back from the decoder file of a promptable model to the torch network: what needs gradients cannot use the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.extras import install_hint
from CardioSAMLib.io.onnx_weights import stored_weights
from CardioSAMLib.labels import Structure

if TYPE_CHECKING:
    from CardioSAMLib.networks.prompted import PromptedDecoder

_ANSWER, _NORM = "answer.weight", "norm1"
_ANSWER_SHAPE = ("batch", "tokens", "width")


def read_decoder(path: Path) -> PromptedDecoder:
    """The `PromptedDecoder` of an exported file, in evaluation mode, on the CPU, with no gradients on its weights.

    Raises UnusableInput where a package is missing, or the file does not hold such a network.
    """
    try:
        import onnx
        import torch

        from CardioSAMLib.networks.prompted import PromptedDecoder

        network = PromptedDecoder(len(Structure)).eval()
    except ImportError as error:
        raise UnusableInput(
            f"{error.name} is not installed, and the model's decoder cannot be differentiated without it; install it "
            f"with: {install_hint('train')}."
        ) from error
    graph, state = onnx.load(str(path)).graph, network.state_dict()
    stored = stored_weights(graph)
    if not set(state) <= set(stored):
        stored = _found_by_place(graph, stored) | stored
    if any(name not in stored or stored[name].shape != tuple(value.shape) for name, value in state.items()):
        raise UnusableInput(f"{path.name} holds no decoder of this version; install CardioSAM again.")
    network.load_state_dict({name: torch.from_numpy(stored[name]) for name in state})
    return network.requires_grad_(False)


def _found_by_place(graph: Any, values: Mapping[str, Array]) -> dict[str, Array]:
    """Weights by their names in torch, in a file whose exporter has renamed some (`cardiosam-prompt`, version 2).

    values: what the file stores, by the names there. Weights of linear layers are transposed and multiplied just before
    the bias of the layer, which has kept its name, is added; those of the group normalization come just after the only
    instance normalization, which it is made of; and the answers' tokens are all that is expanded.
    """
    factor = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    named = {}
    normalized = False
    for node in graph.node:
        constant = next((name for name in node.input if name in values), "")
        if node.op_type == "Add" and constant.endswith(".bias") and factor.get(node.input[0]) in values:
            named[constant.removesuffix("bias") + "weight"] = values[factor[node.input[0]]].T
        elif node.op_type == "Expand" and constant and values[constant].ndim == len(_ANSWER_SHAPE):
            named[_ANSWER] = values[constant][0]
        elif node.op_type == "InstanceNormalization":
            normalized = True
        elif normalized and constant and node.op_type in ("Mul", "Add") and f"{_NORM}.bias" not in named:
            named[f"{_NORM}.{'weight' if node.op_type == 'Mul' else 'bias'}"] = np.ravel(values[constant])
    return named
