"""One command from data to a model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from CardioSAMLib.evaluation.protocols.splits import Split, read_split
from CardioSAMLib.io import write_files
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.resources import find_model, resources_dir
from CardioSAMLib.training.configuration import PromptedConfiguration, TrainingConfiguration, read_configuration
from CardioSAMLib.training.dataset import load_volumes
from CardioSAMLib.training.export import catalogue_entry, export_onnx
from CardioSAMLib.training.export_prompted import export_prompted
from CardioSAMLib.training.exported import read_unet
from CardioSAMLib.training.loop import train
from CardioSAMLib.training.prompted import train_prompted


def train_model(configuration_path: Path, data: Path, out: Path, progress: Progress = silent) -> tuple[Path, ...]:
    """Trains on the ACDC-style patients in `data`, or goes on with the run in `out`; returns the ONNX files in `out`.

    Beside them lies `models.json`: a catalogue with the model's entry. Copied together into `Resources/Models` they are
    what ships.

    Raises UnusableInput if the configuration, the split, a patient or the encoder cannot be used.
    """
    configuration = read_configuration(configuration_path)
    split = _split_named(configuration.split, configuration_path.parent)
    if isinstance(configuration, PromptedConfiguration):
        entry, files = _train_prompted(configuration, split, data, out, progress)
    else:
        entry, files = _train_automatic(configuration, split, data, out, progress)
    content = json.dumps({"models": [entry]}, indent=2, ensure_ascii=False) + "\n"
    write_files(out, {"models.json": content.encode()})
    return files


def _train_automatic(
    configuration: TrainingConfiguration, split: Split, data: Path, out: Path, progress: Progress
) -> tuple[dict[str, Any], tuple[Path, ...]]:
    training = load_volumes(data, split.train, configuration.grid_mm, part_of(progress, 0.0, 0.04))
    validation = load_volumes(data, split.validation, configuration.grid_mm, part_of(progress, 0.04, 0.05))
    run = train(configuration, training, validation, out, part_of(progress, 0.05, 1.0))
    file = out / f"{configuration.name}.onnx"
    export_onnx(run.average, file, configuration.size_px)
    return catalogue_entry(configuration, run.average, file), (file,)


def _train_prompted(
    configuration: PromptedConfiguration, split: Split, data: Path, out: Path, progress: Progress
) -> tuple[dict[str, Any], tuple[Path, ...]]:
    card = find_model(configuration.encoder)
    widths = tuple(int(width) for width in card.architecture.split()[-1].split("-"))
    volumes = load_volumes(data, split.train, configuration.grid_mm, part_of(progress, 0.0, 0.05))
    run = train_prompted(configuration, read_unet(card.path, widths), volumes, out, part_of(progress, 0.05, 1.0))
    return export_prompted(configuration, run, out)


def _split_named(name: str, beside: Path) -> Split:
    """A split beside the configuration, or else one that ships."""
    local = beside / name
    return read_split(local if local.is_file() else resources_dir() / "splits" / name)
