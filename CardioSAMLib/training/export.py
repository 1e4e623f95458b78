"""From trained weights to a file of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from CardioSAMLib.crops import PREPROCESSING_ID
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.resources import sha256_of
from CardioSAMLib.training.configuration import TrainingConfiguration


class _Probabilities(nn.Module):
    def __init__(self, network: UNet25D) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.softmax(self.network(images), dim=1)


def catalogue_entry(configuration: TrainingConfiguration, network: UNet25D, model_file: Path) -> dict[str, Any]:
    """The entry of `models.json` for a trained model. Its accuracy is empty until a validation has written it."""
    return {
        "id": configuration.name,
        **{key: configuration.card.get(key, "") for key in ("title", "version", "license", "training_data")},
        "architecture": f"UNet25D {'-'.join(map(str, configuration.widths))}",
        "input_shape_px": [configuration.size_px, configuration.size_px],
        "spacing_mm": configuration.grid_mm,
        "preprocessing": PREPROCESSING_ID,
        "file": model_file.name,
        "sha256": sha256_of(model_file),
        "bytes": model_file.stat().st_size,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "accuracy": {},
    }


def export_onnx(network: UNet25D, path: Path, size_px: int) -> None:
    """Writes the network with a softmax as ONNX: images `(batch, 3, rows, columns)` to `probabilities`, sizes free."""
    module = _Probabilities(network).eval().to(memory_format=torch.contiguous_format)
    free = torch.export.Dim.DYNAMIC
    example = (torch.zeros(2, 3, size_px, size_px),)
    write_program(module, example, ["images"], ["probabilities"], ({0: free, 2: free, 3: free},), path)


def write_program(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    free: tuple[dict[int, Any], ...],
    path: Path,
) -> None:
    """A module as ONNX file, under a temporary name first. free: the axes of each input that are not fixed."""
    temporary = path.with_suffix(".partial")
    program = torch.onnx.export(
        module,
        example,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=free,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch returned no ONNX program")
    program.save(str(temporary), external_data=False)
    _forget_the_machine(temporary)
    os.replace(temporary, path)


def _forget_the_machine(path: Path) -> None:
    """Takes out what the exporter notes at every node: stack traces with the paths of the exporting machine."""
    import onnx

    model = onnx.load(str(path))
    model.ClearField("metadata_props")
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, str(path))
