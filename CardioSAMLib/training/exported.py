"""Back from a model file to a torch network: the weights that ship can be built upon without the run that made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io.onnx_weights import stored_weights
from CardioSAMLib.networks.prompted import FINE, WIDTH, FrozenEncoder
from CardioSAMLib.networks.stack_unet import StackUNet
from CardioSAMLib.networks.unet import UNet25D

_FOLDED = ".weight_bias"
_COARSER_HEADS = ("heads.1.", "heads.2.")
_UNSTORED = "num_batches_tracked"
_EPSILON = 1e-5
"""Of torch's batch normalization, which adds it to the variance."""


def read_unet(path: Path, widths: tuple[int, ...]) -> UNet25D:
    """The `UNet25D` of an exported file, in evaluation mode.

    Where the exporter has folded a batch normalization into its convolution, the convolution takes the folded weights
    and the normalization their bias. Heads of coarser levels, which only training uses, are not in the file.
    Raises UnusableInput where the file does not hold such a network.
    """
    return _unet(_values(_graph(path)), widths, "network.", path)


def read_stack_unet(path: Path, widths: tuple[int, ...]) -> StackUNet:
    """The `StackUNet` of an exported file, in evaluation mode. Coarser heads are not in the file.

    Raises UnusableInput where the file does not hold such a network.
    """
    values, network = _values(_graph(path)), StackUNet(widths).eval()
    state = network.state_dict()
    fitting = {name: values.get(f"network.{name}") for name in state}
    stored = {name: own for name, own in fitting.items() if own is not None and own.shape == state[name].shape}
    lacking = [name for name in state if name not in stored and not name.endswith(_UNSTORED)]
    if any(not name.startswith(_COARSER_HEADS) for name in lacking):
        raise UnusableInput(f"{path.name} holds no U-Net of the widths {widths} that sees stacks; name such a model.")
    network.load_state_dict({**state, **stored})
    return network


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


@torch.no_grad()
def measure_normalizations(network: nn.Module, inputs: Iterable[tuple[Tensor, ...]]) -> None:
    """Gives the batch normalizations of a network of an exported file the statistics of these inputs, and weights with
    which it answers as before: where they were folded into convolutions, statistics of a batch would change the answer.
    """
    sums: dict[nn.BatchNorm2d, list[Tensor]] = {}

    def note(layer: nn.BatchNorm2d, given: tuple[Tensor, ...]) -> None:
        values = given[0].double()
        count = torch.tensor(values.numel() / values.shape[1], dtype=torch.float64)
        parts = (count, values.sum((0, 2, 3)), values.square().sum((0, 2, 3)))
        before = sums.get(layer, [torch.zeros(())] * len(parts))
        sums[layer] = [total + part for total, part in zip(before, parts, strict=True)]

    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    learning = network.training
    network.eval()
    for given in inputs:
        network(*given)
    network.train(learning)
    for hook in hooks:
        hook.remove()
    for layer, (count, total, squares) in sums.items():
        mean = total / count
        _set_statistics(layer, mean, (squares / count - mean.square()).clamp(min=0.0))


def _set_statistics(layer: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    if layer.running_mean is None or layer.running_var is None:
        raise ValueError("a normalization without statistics")
    scale = layer.weight / (layer.running_var + layer.eps).sqrt()
    layer.bias.add_(scale * (mean - layer.running_mean))
    layer.weight.copy_(scale * (variance + layer.eps).sqrt())
    layer.running_mean.copy_(mean)
    layer.running_var.copy_(variance)


def _graph(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(str(path)).graph
    except DecodeError as error:
        raise UnusableInput(f"{path.name} is no ONNX file, or a damaged one; get it again, or give another.") from error


def _values(graph: Any) -> dict[str, Tensor]:
    return {name: torch.from_numpy(values) for name, values in stored_weights(graph).items()}


def _constant_of(graph: Any, values: Mapping[str, Tensor], operation: str, channels: int) -> Tensor:
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


def _unet(values: Mapping[str, Tensor], widths: tuple[int, ...], prefix: str, path: Path) -> UNet25D:
    problem = UnusableInput(f"{path.name} holds no U-Net of the widths {widths}; name the file of that model.")
    if f"{prefix}down.{len(widths)}.0.weight" in values:
        raise problem
    network = UNet25D(widths).eval()
    state = network.state_dict()
    for name in state:
        stored = values.get(f"{prefix}{name}")
        if stored is not None and stored.shape == state[name].shape:
            state[name] = stored
        elif name.endswith(".weight") and state[name].ndim == 4 and not name.startswith(_COARSER_HEADS):
            raise problem
    for name in [name for name in values if name.endswith(_FOLDED)]:
        convolution = name.removeprefix(prefix).removesuffix(_FOLDED)
        block, number = convolution.rsplit(".", 1)
        normalization = f"{block}.{int(number) + 1}"
        if f"{normalization}.running_var" not in state:
            raise problem
        state[f"{normalization}.weight"] = torch.ones_like(values[name])
        state[f"{normalization}.bias"] = values[name]
        state[f"{normalization}.running_mean"] = torch.zeros_like(values[name])
        state[f"{normalization}.running_var"] = torch.ones_like(values[name]) - _EPSILON
    network.load_state_dict(state)
    return network
