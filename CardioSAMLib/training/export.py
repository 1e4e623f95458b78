"""From trained weights to a file of the catalogue."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import PREPROCESSING_ID
from CardioSAMLib.resources import file_entry
from CardioSAMLib.training.checkpoint import learned_state
from CardioSAMLib.training.configuration import CARD_KEYS, TrainingConfiguration
from CardioSAMLib.training.half_weights import store_in_half
from CardioSAMLib.training.networks import architecture_of

LARGEST_FILE_BYTES = 2**31
"""Of an ONNX file that holds its weights itself."""
LARGEST_DIFFERENCE = 1e-2
"""Of logits, between a network and its file."""
_LEAST_PROBABILITY = 1e-6


class _Probabilities(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.softmax(self.network(images), dim=1)


def catalogue_entry(
    configuration: TrainingConfiguration,
    network: nn.Module,
    model_file: Path,
    encoder: str = "",
    patients: Sequence[str] = (),
) -> dict[str, Any]:
    """The entry of `models.json` for a trained model. Its accuracy is empty until a validation has written it.

    encoder: name of the one it was trained on. patients: that all of it was trained on.
    """
    return {
        "id": configuration.name,
        **{key: configuration.card.get(key, "") for key in CARD_KEYS},
        "architecture": architecture_of(configuration.network.kind, configuration.network.options, encoder),
        "input_shape_px": [configuration.size_px, configuration.size_px],
        "spacing_mm": configuration.grid_mm,
        "preprocessing": PREPROCESSING_ID,
        **file_entry(model_file),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "transposable": configuration.augmentation.transposes,
        "patients": list(patients),
        "accuracy": {},
    }


def check_exportable(network: nn.Module) -> None:
    """Raises UnusableInput where the weights are too many for a model file, which would be told after the training."""
    stored = sum(weight.numel() * weight.element_size() for weight in network.state_dict().values())
    if stored >= LARGEST_FILE_BYTES:
        raise UnusableInput(
            f"The network has {stored / 1e9:.1f} GB of weights, and a model file holds {LARGEST_FILE_BYTES / 1e9:.1f}; "
            "give a smaller encoder, as SAM's vit_b or vit_l."
        )


def export_onnx(network: nn.Module, path: Path, size_px: int) -> None:
    """Writes the network with a softmax as ONNX: images `(batch, 3, rows, columns)` to `probabilities`, sizes free."""
    module = _Probabilities(network).eval().to(memory_format=torch.contiguous_format)
    free = torch.export.Dim.DYNAMIC
    example = (torch.zeros(2, 3, size_px, size_px),)
    write_program(module, example, ["images"], ["probabilities"], ({0: free, 2: free, 3: free},), path)


@torch.no_grad()
def largest_difference(network: nn.Module, path: Path, size_px: int) -> float:
    """Between the logits of the network and of its exported file, on noise, of other sizes than exported with, too.

    Logits are here the logarithms of the probabilities, down to a millionth: what the file gives has no others.
    Infinite where one of both gives no numbers.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch, rows, columns in ((1, size_px, size_px), (3, size_px + 16, size_px + 32)):
        images = torch.randn(batch, 3, rows, columns, generator=torch.Generator().manual_seed(0))
        (found,) = session.run(None, {"images": images.numpy()})
        expected = torch.softmax(network.eval()(images), dim=1)
        ours, its = (values.clamp(min=_LEAST_PROBABILITY).log() for values in (expected, torch.from_numpy(found)))
        apart = float((ours - its).abs().max())
        worst = max(worst, apart if math.isfinite(apart) else math.inf)
    return worst


def check_same(difference: float) -> None:
    """Raises UnusableInput where an exported file gives something else than the network it was made of."""
    if difference > LARGEST_DIFFERENCE:
        raise UnusableInput(
            f"The model file would differ from the trained network by {difference:.3g}, so it is not in the catalogue; "
            "upgrade torch, onnx and onnxruntime, and give the same command again: the training is kept."
        )


def export_weights(
    configuration: TrainingConfiguration, network: nn.Module, path: Path, patients: Sequence[str] = ()
) -> None:
    """Writes what other trainings can begin with: kind and options of the network, and its weights but frozen ones.

    patients: that it was trained on, so that these trainings do not validate on them.
    """
    choice, temporary = configuration.network, path.with_suffix(".partial")
    state = {"kind": choice.kind, "options": asdict(choice.options), "network": learned_state(network)}
    state["patients"] = list(patients)
    torch.save(state, temporary)
    os.replace(temporary, path)


def write_program(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    free: tuple[dict[int, Any], ...],
    path: Path,
) -> None:
    """A module as ONNX file, under a temporary name first. free: the axes of each input that are not fixed.

    Every weight is stored under its name in torch, so that the file can be read back, and as it is: onnxruntime, not
    the exporter, folds normalizations into convolutions, when it opens the file.
    """
    import onnx

    temporary = path.with_suffix(".partial")
    program = torch.onnx.export(
        module,
        example,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=free,
        dynamo=True,
        verbose=False,
        optimize=False,
    )
    if program is None:
        raise RuntimeError("torch returned no ONNX program")
    program.save(str(temporary), external_data=False)
    model = onnx.load(str(temporary))
    _forget_the_machine(model)
    store_in_half(model)
    onnx.save(model, str(temporary))
    os.replace(temporary, path)


def _forget_the_machine(model: Any) -> None:
    """Takes out what the exporter notes at every node: stack traces with the paths of the exporting machine."""
    model.ClearField("metadata_props")
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
