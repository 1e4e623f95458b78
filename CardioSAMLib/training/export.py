"""From trained weights to a file of the catalogue."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from CardioSAMLib.networks.unet import UNet25D


class _Probabilities(nn.Module):
    def __init__(self, network: UNet25D) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.softmax(self.network(images), dim=1)


def export_onnx(network: UNet25D, path: Path, size_px: int) -> None:
    """Writes the network with a softmax as ONNX: images `(batch, 3, rows, columns)` to `probabilities`, sizes free."""
    module = _Probabilities(network).eval().to(memory_format=torch.contiguous_format)
    temporary = path.with_suffix(".partial")
    free = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        module,
        (torch.zeros(2, 3, size_px, size_px),),
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_shapes=({0: free, 2: free, 3: free},),
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch returned no ONNX program")
    program.save(str(temporary), external_data=False)
    os.replace(temporary, path)
