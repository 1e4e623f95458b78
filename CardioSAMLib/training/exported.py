"""Back from a model file to a torch network: the weights that ship can be built upon without the run that made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io.onnx_weights import stored_weights
from CardioSAMLib.networks.prompted import FINE, WIDTH, FrozenEncoder
from CardioSAMLib.networks.unet import UNet25D

_FOLDED = ".weight_bias"
_COARSER_HEADS = ("heads.1.", "heads.2.")
_EPSILON = 1e-5
"""Of torch's batch normalization, which adds it to the variance."""


def read_unet(path: Path, widths: tuple[int, ...]) -> UNet25D:
    """The `UNet25D` of an exported file, in evaluation mode.

    Where the exporter has folded a batch normalization into its convolution, the convolution takes the folded weights
    and the normalization their bias. Heads of coarser levels, which only training uses, are not in the file.
    Raises UnusableInput where the file does not hold such a network.
    """
    return _unet(_values(_graph(path)), widths, "network.", path)


def read_encoder(path: Path) -> FrozenEncoder:
    """The encoder of an exported promptable model, in evaluation mode.

    Raises UnusableInput where the file does not hold such a network.
    """
    graph = _graph(path)
    values = _values(graph)
    levels = sorted(name for name in values if name.startswith("unet.down.") and name.endswith(".0.weight"))
    if not levels or "coarse.0.weight" not in values or "fine.0.weight" not in values:
        raise UnusableInput(f"{path.name} holds no encoder of a promptable model; name the file of one.")
    encoder = FrozenEncoder(_unet(values, tuple(len(values[name]) for name in levels), "unet.", path))
    state = {name: values[name] for name in encoder.state_dict() if name in values and not name.startswith("unet.")}
    # In older files group normalizations have lost their names: an instance normalization, then weight, then bias.
    for name, channels in (("coarse.1", WIDTH), ("fine.1", FINE)):
        for part, operation in (("weight", "Mul"), ("bias", "Add")):
            if f"{name}.{part}" not in state:
                state[f"{name}.{part}"] = _constant_of(graph, values, operation, channels).ravel()
    encoder.load_state_dict(state, strict=False)
    return encoder.eval()


def _graph(path: Path) -> Any:
    import onnx

    return onnx.load(str(path)).graph


def _values(graph: Any) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(values) for name, values in stored_weights(graph).items()}


def _constant_of(graph: Any, values: Mapping[str, torch.Tensor], operation: str, channels: int) -> torch.Tensor:
    """What all channels of the one result of so many channels are multiplied with, or what is added to them."""
    found = [
        values[name]
        for node in graph.node
        if node.op_type == operation
        for name in node.input
        if name in values and values[name].shape == (channels, 1, 1)
    ]
    if len(found) != 1:
        raise UnusableInput("The file holds no encoder of this version; install CardioSAM again.")
    return found[0]


def _unet(values: Mapping[str, torch.Tensor], widths: tuple[int, ...], prefix: str, path: Path) -> UNet25D:
    network = UNet25D(widths).eval()
    state = network.state_dict()
    for name in state:
        stored = values.get(f"{prefix}{name}")
        if stored is not None and stored.shape == state[name].shape:
            state[name] = stored
        elif name.endswith(".weight") and state[name].ndim == 4 and not name.startswith(_COARSER_HEADS):
            raise UnusableInput(f"{path.name} holds no U-Net of the widths {widths}; name the file of that model.")
    for name in [name for name in values if name.endswith(_FOLDED)]:
        convolution = name.removeprefix(prefix).removesuffix(_FOLDED)
        block, number = convolution.rsplit(".", 1)
        normalization = f"{block}.{int(number) + 1}"
        if f"{normalization}.running_var" not in state:
            raise UnusableInput(f"{path.name} holds no U-Net of the widths {widths}; name the file of that model.")
        state[f"{normalization}.weight"] = torch.ones_like(values[name])
        state[f"{normalization}.bias"] = values[name]
        state[f"{normalization}.running_mean"] = torch.zeros_like(values[name])
        state[f"{normalization}.running_var"] = torch.ones_like(values[name]) - _EPSILON
    network.load_state_dict(state)
    return network
