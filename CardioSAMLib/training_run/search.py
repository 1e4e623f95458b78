"""One command from data to the loss weights and rates that a search finds best."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import check_writable, load_acdc_patient, write_files
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.segmentation import EmbeddingCache
from CardioSAMLib.segmentation.device import choose_device
from CardioSAMLib.training_run.encoders import KeptFeatures, open_encoder
from CardioSAMLib.training_run.memory import memory_to_train
from CardioSAMLib.training_run.start import check_unseen

if TYPE_CHECKING:
    from CardioSAMLib.training.search import Evaluation
    from CardioSAMLib.training.short_training import ShortTraining

_FEATURES = "features"


@dataclass(frozen=True)
class SearchOptions:
    """What a user chooses.

    configuration: name of one that ships, or a TOML file. data: folder of ACDC-style patients. searcher: a name of
    `training.search.SEARCHERS`. evaluations: how many points are measured. checkpoint: file of the encoder, in place of
    the one that the configuration names.
    """

    configuration: str
    data: Path
    out: Path
    searcher: str = "pso"
    evaluations: int = 96
    seed: int = 0
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Found:
    """What came of a search. best: None where no point was of use. text: for the user, with the values as TOML."""

    evaluations: tuple[Evaluation, ...]
    best: Evaluation | None
    text: str


@dataclass(frozen=True, eq=False)
class PreparedSearch:
    """An objective, which several searchers can share, and all that decides what it gives, as JSON can hold it."""

    objective: ShortTraining
    what: dict[str, Any]


def run_search(options: SearchOptions, progress: Progress = silent) -> Found:
    """Searches, or goes on with the search in `options.out`; writes `search.json` there when it is done.

    Raises UnusableInput if the configuration, the split, a patient, the encoder or the searcher cannot be used.
    """
    from CardioSAMLib.training.processes import check_alone
    from CardioSAMLib.training.search import searcher_named
    from CardioSAMLib.training.short_training import SPACE

    check_alone()
    if options.evaluations < 1:
        raise UnusableInput("A search needs one or more evaluations.")
    searcher_named(options.searcher, SPACE, options.seed)
    check_writable(options.out)
    reading = part_of(progress, 0.0, 0.1)
    prepared = prepare(options.configuration, options.data, options.out, reading, options.checkpoint)
    return continue_search(prepared, options, part_of(progress, 0.1, 1.0))


def continue_search(prepared: PreparedSearch, options: SearchOptions, progress: Progress) -> Found:
    """The search in `options.out` up to `options.evaluations`."""
    from CardioSAMLib.training.search import best_of, search, searcher_named
    from CardioSAMLib.training.short_training import SPACE

    searcher = searcher_named(options.searcher, SPACE, options.seed)
    what = {"searcher": options.searcher, "seed": options.seed, **prepared.what}
    with memory_to_train():
        done = search(searcher, prepared.objective, options.evaluations, options.out, what, progress)
    best = best_of(done)
    result = {**what, "evaluations": len(done), "best": None if best is None else asdict(best)}
    write_files(options.out, {"search.json": (json.dumps(result, indent=2) + "\n").encode()})
    return Found(done, best, _told(best, len(done)))


def prepare(
    configuration_name: str,
    data: Path,
    features: Path,
    progress: Progress = silent,
    checkpoint: Path | None = None,
) -> PreparedSearch:
    """Reads patients and computes what all evaluations share. features: folder where those of the encoder are kept.
    checkpoint: see `SearchOptions`."""
    from CardioSAMLib.training.configuration import (
        PromptedConfiguration,
        configuration_path,
        read_configuration,
        split_named,
    )
    from CardioSAMLib.training.dataset import load_volumes, sha256_of_volumes
    from CardioSAMLib.training.networks import features_used
    from CardioSAMLib.training.processes import OneProcess
    from CardioSAMLib.training.short_training import SPACE, ShortTraining

    path = configuration_path(configuration_name)
    configuration = read_configuration(path)
    problem = UnusableInput(f"{path.name} cannot be searched; give a configuration of a decoder on a frozen encoder.")
    if isinstance(configuration, PromptedConfiguration) or configuration.cines or not configuration.split:
        raise problem
    encoder = open_encoder(configuration.network, checkpoint)
    if encoder is None:
        raise problem
    split = split_named(configuration.split, path.parent, configuration.fold)
    check_unseen(split, configuration.network, checkpoint)
    training = load_volumes(data, split.train, configuration.grid_mm, part_of(progress, 0.0, 0.7))
    validation = load_volumes(data, split.validation, configuration.grid_mm, part_of(progress, 0.7, 0.9))
    intervals_mm = _intervals_mm(data, [volume.patient for volume in validation])
    used = features_used(configuration.network.options, encoder.network)
    kept = KeptFeatures(encoder, EmbeddingCache(features / _FEATURES), used)
    processes = OneProcess(choose_device(None).kind)
    progress(0.9, "computing features")
    with memory_to_train():
        objective = ShortTraining(
            configuration, encoder.network.to(processes.device), kept, training, validation, intervals_mm, processes
        )
    what = {
        "configuration": configuration.what_decides_the_weights(),
        "encoder": {"name": encoder.name, "sha256": encoder.sha256},
        "train": list(split.train),
        "validation": list(split.validation),
        "data_sha256": sha256_of_volumes([*training, *validation]),
        "space": [astuple(parameter) for parameter in SPACE.parameters],
    }
    return PreparedSearch(objective, json.loads(json.dumps(what)))


def _intervals_mm(data: Path, patients: Sequence[str]) -> list[float]:
    """From slice to slice, of each patient."""
    known = {name: load_acdc_patient(data / name).cine.geometry.spacing_mm[2] for name in dict.fromkeys(patients)}
    return [known[name] for name in patients]


def _told(best: Evaluation | None, evaluations: int) -> str:
    from CardioSAMLib.training.short_training import as_toml

    if best is None:
        return f"None of the {evaluations} short trainings came to an end; give a configuration with a lower rate."
    dice, hd95_mm = best.details["dice"], best.details["hd95_mm"]
    first = f"Best of {evaluations}: objective {best.objective:.4f} (Dice {dice:.4f}, HD95 {hd95_mm:.2f} mm), with"
    return f"{first}\n{as_toml(best.values)}"
