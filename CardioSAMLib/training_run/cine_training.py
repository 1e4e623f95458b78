"""The training of the temporal module: from a finished training of single frames to one that sees whole cines."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.splits import Split
from CardioSAMLib.io import write_files
from CardioSAMLib.progress import Progress, part_of
from CardioSAMLib.resources import sha256_of
from CardioSAMLib.training_run.encoders import OpenedEncoder, open_encoder
from CardioSAMLib.training_run.features import forget_features, kept_features
from CardioSAMLib.training_run.memory import memory_to_train
from CardioSAMLib.training_run.record import record_of
from CardioSAMLib.training_run.start import check_unseen, trained_on

if TYPE_CHECKING:
    from torch import nn

    from CardioSAMLib.training.configuration import NetworkChoice, TrainingConfiguration
    from CardioSAMLib.training.loop import TrainingRun
    from CardioSAMLib.training.processes import Processes

WEIGHTS = "weights.pt"
_RECORD = "record.json"
_SINGLE_FRAMES = "cardiosam"
"""Kind of the network that the temporal module is added to."""


@dataclass(frozen=True)
class CineFiles:
    """data: folder of ACDC-style patients with whole cines. weights: of a training of single frames. out: the run's."""

    data: Path
    weights: Path
    out: Path


def train_on_cines(
    configuration: TrainingConfiguration, split: Split, files: CineFiles, processes: Processes, progress: Progress
) -> float | None:
    """Trains, or goes on; returns the mean Dice on the validation patients, None in all but the first process.

    `weights.pt` and `record.json` come of it; no ONNX file, as automatic models see single slices.
    Raises UnusableInput if the patients or the weights to begin with cannot be used.
    """
    import torch

    from CardioSAMLib.training.cine_dataset import load_cines, sha256_of_cines
    from CardioSAMLib.training.cine_sampling import CycleBatches
    from CardioSAMLib.training.cine_watching import validate_cines
    from CardioSAMLib.training.loop import TrainingRun, train
    from CardioSAMLib.training.networks import build_network

    choice = configuration.network
    check_unseen(split, choice, None)
    encoder = open_encoder(choice, None)
    if encoder is None or configuration.cines is None:
        raise ValueError("a network that sees cines has an encoder and the table [cines]")
    torch.manual_seed(configuration.seed)
    network = build_network(choice.kind, choice.options, encoder.network)
    seen = {*split.train, *trained_on(choice, None), *start_from_single_frames(network, choice, encoder, files.weights)}
    training = load_cines(files.data, split.train, configuration.grid_mm, part_of(progress, 0.0, 0.03))
    validation = load_cines(files.data, split.validation, configuration.grid_mm, part_of(progress, 0.03, 0.05))
    start = {
        "patients": {"train": sorted(split.train), "validation": sorted(split.validation)},
        "data_sha256": sha256_of_cines([*training, *validation]),
        "begun_with": sha256_of(files.weights),
    }
    encode = kept_features(configuration, encoder, files.out)
    run = TrainingRun(configuration, network, json.dumps([start, encoder.key]), encode, processes)
    watched = partial(validate_cines, cines=validation, configuration=configuration, encode=encode, processes=processes)
    progress(0.05, "measuring each frame alone")
    sampler = CycleBatches(configuration, configuration.cines, training, processes.part)
    with memory_to_train():
        # A new temporal module changes nothing: these are the scores of each frame alone.
        alone = {f"alone_{key}": value for key, value in watched(run.network).items()}
        train(run, sampler, lambda average: {**watched(average), **alone}, files.out, part_of(progress, 0.05, 1.0))
    return None if processes.part.index else _finished(run, encoder, start, sorted(seen), files.out)


def start_from_single_frames(
    network: Any, choice: NetworkChoice, encoder: OpenedEncoder, weights: Path
) -> tuple[str, ...]:
    """Takes over the decoder of a training of single frames; returns the patients it was trained on.

    The `record.json` beside the weights says what encoder they need, which must be this one.
    Raises UnusableInput where they are of another network, or of another encoder.
    """
    import torch

    from CardioSAMLib.training.networks import network_options

    problem = UnusableInput(
        f"{weights} holds no weights of a {_SINGLE_FRAMES} with the options of this configuration; give the weights.pt "
        f"in the folder of such a training, with the {_RECORD} beside it."
    )
    try:
        stored: dict[str, Any] = torch.load(weights, map_location="cpu", weights_only=True)
        record = json.loads(weights.with_name(_RECORD).read_text(encoding="utf-8"))
        sha256, its_input = record["encoder"]["sha256"], record["encoder"]["input"]
        same = stored["kind"] == _SINGLE_FRAMES
        if not same or network_options(choice.kind, stored["options"]) != choice.options:
            raise problem
        decoder: nn.Module = network.decoder.decoder
        decoder.load_state_dict(_of_decoder(stored["network"]))
        patients = tuple(stored["patients"])
    except (OSError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        raise problem from error
    if (sha256, its_input) != (encoder.sha256, encoder.input):
        raise UnusableInput(
            f"{weights} was trained on another encoder than {encoder.name}; name that one in the table [network]."
        )
    return patients


def _of_decoder(state: Mapping[str, Any]) -> dict[str, Any]:
    prefix = "decoder."
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _finished(run: TrainingRun, encoder: OpenedEncoder, start: Mapping[str, Any], seen: list[str], out: Path) -> float:
    """Writes what a finished run leaves; returns the Dice of the weights that were kept."""
    from CardioSAMLib.training.export import export_weights

    export_weights(run.configuration, run.average.cpu(), out / WEIGHTS, seen)
    record = record_of(run, encoder, None, start)
    write_files(out, {_RECORD: (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()})
    forget_features(out)
    return float(record["kept"]["dice"])
