"""From a trained promptable network to its two files: the encoder, run once per slice, and the decoder, per click."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from CardioSAMLib.crops import PREPROCESSING_ID
from CardioSAMLib.networks.prompted import FINE, WIDTH, FrozenEncoder, PromptedDecoder
from CardioSAMLib.resources import PROMPTABLE, file_entry
from CardioSAMLib.training.configuration import CARD_KEYS, PromptedConfiguration
from CardioSAMLib.training.export import write_program
from CardioSAMLib.training.prompted import PromptedRun


def export_prompted(
    configuration: PromptedConfiguration, run: PromptedRun, out: Path, patients: Sequence[str] = ()
) -> tuple[dict[str, Any], tuple[Path, Path]]:
    """Writes both files into `out`; returns the entry of `models.json` and the files.

    patients: that both parts were trained on. The entry's accuracy is empty until a validation has written it.
    """
    encoder, decoder = run.finished()
    files = (out / f"{configuration.name}-encoder.onnx", out / f"{configuration.name}-decoder.onnx")
    export_encoder(encoder, files[0], configuration.size_px)
    export_decoder(decoder, files[1], configuration.size_px)
    entry = {
        "id": configuration.name,
        "kind": PROMPTABLE,
        **{key: configuration.card.get(key, "") for key in CARD_KEYS},
        "architecture": f"features of {configuration.encoder}, two-way decoder of width {WIDTH}",
        "input_shape_px": [configuration.size_px, configuration.size_px],
        "spacing_mm": configuration.grid_mm,
        "preprocessing": PREPROCESSING_ID,
        **file_entry(files[0]),
        "decoder": file_entry(files[1]),
        "parameters": sum(parameter.numel() for part in (encoder, decoder) for parameter in part.parameters()),
        "patients": list(patients),
        "accuracy": {},
    }
    return entry, files


def export_encoder(encoder: FrozenEncoder, path: Path, size_px: int) -> None:
    """Images `(batch, 3, rows, columns)` to `coarse` and `fine`; batch and sizes are free."""
    free = torch.export.Dim.DYNAMIC
    module = encoder.eval().to(memory_format=torch.contiguous_format)
    example = (torch.zeros(2, 3, size_px, size_px),)
    write_program(module, example, ["images"], ["coarse", "fine"], ({0: free, 2: free, 3: free},), path)


def export_decoder(decoder: PromptedDecoder, path: Path, size_px: int) -> None:
    """The inputs of `PromptedDecoder.forward` to `logits` and `quality`; any number of structures and points."""
    free = torch.export.Dim.DYNAMIC
    asked, points, quarter = 2, 3, size_px // 4
    example = (
        torch.zeros(asked, WIDTH, quarter, quarter),
        torch.zeros(asked, FINE, size_px, size_px),
        torch.zeros(asked, points, 2),
        torch.ones(asked, points, dtype=torch.long),
        torch.zeros(asked, dtype=torch.long),
        torch.zeros(asked, 1, size_px, size_px),
        torch.zeros(asked),
    )
    image = {0: free, 2: free, 3: free}
    shapes = (image, image, {0: free, 1: free}, {0: free, 1: free}, {0: free}, image, {0: free})
    names = ["coarse", "fine", "points", "kinds", "structure", "mask", "has_mask"]
    module = decoder.eval().to(memory_format=torch.contiguous_format)
    write_program(module, example, names, ["logits", "quality"], shapes, path)
