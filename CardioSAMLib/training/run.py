"""One command from data to a model file."""

from __future__ import annotations

import json
from pathlib import Path

from CardioSAMLib.evaluation.protocols.splits import Split, read_split
from CardioSAMLib.io import write_files
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.resources import resources_dir
from CardioSAMLib.training.configuration import read_configuration
from CardioSAMLib.training.dataset import load_volumes
from CardioSAMLib.training.export import catalogue_entry, export_onnx
from CardioSAMLib.training.loop import train


def train_model(configuration_path: Path, data: Path, out: Path, progress: Progress = silent) -> Path:
    """Trains on the ACDC-style patients in `data`, or goes on with the run in `out`; returns the ONNX file in `out`.

    Beside it lies `models.json`: a catalogue with the model's entry. Copied together into `Resources/Models` they are
    what ships.

    Raises UnusableInput if the configuration, the split or a patient cannot be used.
    """
    configuration = read_configuration(configuration_path)
    split = _split_named(configuration.split, configuration_path.parent)
    training = load_volumes(data, split.train, configuration.grid_mm, part_of(progress, 0.0, 0.04))
    validation = load_volumes(data, split.validation, configuration.grid_mm, part_of(progress, 0.04, 0.05))
    run = train(configuration, training, validation, out, part_of(progress, 0.05, 1.0))
    model_file = out / f"{configuration.name}.onnx"
    export_onnx(run.average, model_file, configuration.size_px)
    entry = {"models": [catalogue_entry(configuration, run.average, model_file)]}
    write_files(out, {"models.json": (json.dumps(entry, indent=2, ensure_ascii=False) + "\n").encode()})
    return model_file


def _split_named(name: str, beside: Path) -> Split:
    """A split beside the configuration, or else one that ships."""
    local = beside / name
    return read_split(local if local.is_file() else resources_dir() / "splits" / name)
