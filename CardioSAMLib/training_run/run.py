"""One command from data to a model file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.splits import Split
from CardioSAMLib.evaluation_run.patients import patients_seen_by
from CardioSAMLib.io import check_writable, write_files
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.resources import find_model
from CardioSAMLib.segmentation.device import choose_device
from CardioSAMLib.training_run.encoders import OpenedEncoder, open_encoder, unet_widths
from CardioSAMLib.training_run.features import forget_features, kept_features
from CardioSAMLib.training_run.hearts import phantom_volumes
from CardioSAMLib.training_run.memory import memory_to_train
from CardioSAMLib.training_run.record import record_of
from CardioSAMLib.training_run.start import check_unseen, is_model_file, start_from, trained_on

if TYPE_CHECKING:
    from CardioSAMLib.training.configuration import PromptedConfiguration, TrainingConfiguration
    from CardioSAMLib.training.dataset import Volume
    from CardioSAMLib.training.loop import TrainingRun
    from CardioSAMLib.training.processes import Processes

_NORMALIZING_STEPS = 40
"""Batches that tell the statistics of normalizations which an exported file lacks."""


@dataclass(frozen=True)
class TrainingOptions:
    """What a user chooses.

    configuration: name of one that ships, or a TOML file. data: folder of ACDC-style patients; None for configurations
    that make their own. checkpoint: file of the encoder, in place of the one that the configuration names; of a network
    without an encoder, the `weights.pt` to begin with, or the ONNX file of a unet25d.
    device: "cuda", "mps" or "cpu"; None: the fastest there is.
    fold: of the cross-validation that ships, in place of the configuration's split, counted from 1.
    """

    configuration: str
    out: Path
    data: Path | None = None
    checkpoint: Path | None = None
    device: str | None = None
    fold: int | None = None


@dataclass(frozen=True)
class Trained:
    """What came of it. files: of the model. dice: mean on the validation patients, on crops; None where not measured.

    Both are empty in all but the first of several processes.
    """

    files: tuple[Path, ...] = ()
    dice: float | None = None


def train_model(options: TrainingOptions, progress: Progress = silent) -> Trained:
    """Trains, or goes on with the run in `options.out`. Beside the ONNX files lies `models.json`: a catalogue with the
    model's entry, as `cardiosam models add` takes it.

    Raises UnusableInput if the configuration, the split, a patient or the encoder cannot be used.
    """
    from CardioSAMLib.training.configuration import (
        PromptedConfiguration,
        configuration_path,
        in_fold,
        read_configuration,
        split_named,
    )

    path = configuration_path(options.configuration)
    configuration = read_configuration(path)
    check_writable(options.out)
    if isinstance(configuration, PromptedConfiguration):
        if options.fold is not None:
            raise UnusableInput("Promptable models are trained on one split; leave out the fold.")
        return _train_prompted(configuration, split_named(configuration.split, path.parent), options, progress)
    if options.fold is not None:
        configuration = in_fold(configuration, options.fold)
    split = split_named(configuration.split, path.parent, configuration.fold) if configuration.split else None
    return train_automatic(configuration, split, options, progress)


def train_automatic(
    configuration: TrainingConfiguration, split: Split | None, options: TrainingOptions, progress: Progress = silent
) -> Trained:
    """As `train_model`, with a configuration and a split that are there already."""
    import torch

    from CardioSAMLib.training.dataset import sha256_of_volumes
    from CardioSAMLib.training.export import check_exportable
    from CardioSAMLib.training.exported import measure_normalizations
    from CardioSAMLib.training.loop import TrainingRun, inputs_of, train
    from CardioSAMLib.training.networks import build_network
    from CardioSAMLib.training.processes import started_processes
    from CardioSAMLib.training.sampling import batches_of
    from CardioSAMLib.training.watching import validate

    if configuration.begins_with and options.checkpoint is None:
        raise UnusableInput(
            f"{configuration.name} goes on from {configuration.begins_with}; train that first, and give its weights.pt "
            "with --checkpoint."
        )
    processes = started_processes(choose_device(options.device).kind)
    if split is not None:
        if not (split.train and split.validation):
            raise UnusableInput("The split names no patients to train on or none to validate on; name some of each.")
        check_unseen(split, configuration.network, options.checkpoint)
    if configuration.cines is not None:
        return _train_on_cines(configuration, split, options, processes, progress)
    encoder = open_encoder(configuration.network, options.checkpoint)
    torch.manual_seed(configuration.seed)
    choice = configuration.network
    network = build_network(choice.kind, choice.options, encoder.network if encoder else None)
    check_exportable(network)
    begun_with = None
    if encoder is None and options.checkpoint is not None:
        begun_with = start_from(network, choice, options.checkpoint)
    training, validation = _volumes(configuration, split, options.data, part_of(progress, 0.0, 0.05))
    patients = {
        part: sorted({v.patient for v in volumes})
        for part, volumes in (("train", training), ("validation", validation))
    }
    start = {
        "patients": patients,
        "data_sha256": sha256_of_volumes([*training, *validation]),
        "begun_with": begun_with,
    }
    signature = json.dumps([start, encoder.key if encoder else ""])
    encode = kept_features(configuration, encoder, options.out)
    sampler = batches_of(configuration, training, processes.part)
    if begun_with is not None and options.checkpoint is not None and is_model_file(options.checkpoint):
        batches = (sampler.at(step) for step in range(_NORMALIZING_STEPS))
        measure_normalizations(network, (inputs_of(network, batch) for batch in batches))
    run = TrainingRun(configuration, network, signature, encode, processes)
    watch = partial(validate, volumes=validation, size_px=configuration.size_px, encode=encode, processes=processes)
    with memory_to_train():
        train(run, sampler, watch, options.out, part_of(progress, 0.05, 0.98))
    if processes.part.index:
        return Trained()
    progress(0.98, "writing the model")
    seen = sorted({*patients["train"], *trained_on(choice, options.checkpoint)})
    return _finished(run, encoder, start, seen, options.out)


def _volumes(
    configuration: TrainingConfiguration, split: Split | None, data: Path | None, progress: Progress
) -> tuple[list[Volume], list[Volume]]:
    from CardioSAMLib.training.dataset import load_volumes

    if configuration.phantom is not None:
        return phantom_volumes(configuration.phantom, configuration.grid_mm, progress)
    if split is None:
        raise ValueError("a configuration without phantom hearts has a split")
    folder = _data(data)
    training = load_volumes(folder, split.train, configuration.grid_mm, part_of(progress, 0.0, 0.8))
    return training, load_volumes(folder, split.validation, configuration.grid_mm, part_of(progress, 0.8, 1.0))


def _data(data: Path | None) -> Path:
    if data is None:
        raise UnusableInput("This configuration trains on patients; give their folder with --data.")
    return data


def _train_on_cines(
    configuration: TrainingConfiguration,
    split: Split | None,
    options: TrainingOptions,
    processes: Processes,
    progress: Progress,
) -> Trained:
    from CardioSAMLib.training_run.cine_training import WEIGHTS, CineFiles, train_on_cines

    if split is None or options.checkpoint is None:
        raise ValueError("a configuration of a network that sees cines has a split and begins with weights")
    files = CineFiles(_data(options.data), options.checkpoint, options.out)
    dice = train_on_cines(configuration, split, files, processes, progress)
    return Trained() if dice is None else Trained((options.out / WEIGHTS,), dice)


def _finished(
    run: TrainingRun, encoder: OpenedEncoder | None, start: Mapping[str, Any], seen: list[str], out: Path
) -> Trained:
    """Writes what a finished run leaves. seen: patients that have trained the weights, or those they began with."""
    from CardioSAMLib.training.export import (
        catalogue_entry,
        check_same,
        export_onnx,
        export_weights,
        largest_difference,
    )
    from CardioSAMLib.training.half_weights import round_to_half

    configuration, network = run.configuration, run.average.cpu()
    round_to_half(network)
    export_weights(configuration, network, out / "weights.pt", seen)
    file = out / f"{configuration.name}.onnx"
    export_onnx(network, file, configuration.size_px)
    difference = largest_difference(network, file, configuration.size_px)
    check_same(difference)
    entry = catalogue_entry(configuration, network, file, encoder.name if encoder else "", seen)
    record = record_of(run, encoder, difference, start)
    write_files(out, {"models.json": _json({"models": [entry]}), "record.json": _json(record)})
    forget_features(out)
    return Trained((file,), record["kept"]["dice"])


def _train_prompted(
    configuration: PromptedConfiguration, split: Split, options: TrainingOptions, progress: Progress
) -> Trained:
    from CardioSAMLib.networks.prompted import LEVELS as PROMPTED_LEVELS
    from CardioSAMLib.training.dataset import load_volumes, sha256_of_volumes
    from CardioSAMLib.training.export_prompted import export_prompted
    from CardioSAMLib.training.exported import read_unet
    from CardioSAMLib.training.processes import check_alone
    from CardioSAMLib.training.prompted import train_prompted

    if options.checkpoint is not None:
        raise UnusableInput("This configuration names its encoder; leave out the checkpoint.")
    if options.device not in (None, "cpu"):
        raise UnusableInput("Promptable models are trained on the CPU; leave out the device.")
    check_alone()
    card = find_model(configuration.encoder)
    widths = unet_widths(card)
    if len(widths) != PROMPTED_LEVELS:
        raise UnusableInput(
            f"{card.id} has {len(widths)} levels, and a promptable model needs an encoder of {PROMPTED_LEVELS}; name "
            "another one."
        )
    volumes = load_volumes(_data(options.data), split.train, configuration.grid_mm, part_of(progress, 0.0, 0.05))
    unet = read_unet(card.path, widths)
    start = json.dumps([card.sha256, sha256_of_volumes(volumes)])
    run = train_prompted(configuration, unet, volumes, options.out, part_of(progress, 0.05, 1.0), start=start)
    seen = sorted({*patients_seen_by(card), *split.train})
    entry, files = export_prompted(configuration, run, options.out, seen)
    write_files(options.out, {"models.json": _json({"models": [entry]})})
    return Trained(files)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
