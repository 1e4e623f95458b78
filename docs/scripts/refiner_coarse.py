"""Models that draw badly in a known way: one small U-Net on few patients each, for `measure_refiner.py` to refine.

Each is trained by `CardioSAMLib.training.loop` with the same budget and seed; only the number of patients differs. The
patients are nested: those of 5 % are among those of 8 %, and so on. Weights and masks are kept in a folder outside of
the repository, so that a stopped run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.crops import PREPROCESSING_ID
from CardioSAMLib.evaluation.protocols.splits import Split
from CardioSAMLib.io import AcdcPatient
from CardioSAMLib.resources import ModelCard
from CardioSAMLib.segmentation.automatic import CropSegmenter
from CardioSAMLib.training.checkpoint import CHECKPOINT
from CardioSAMLib.training.configuration import NetworkChoice, TrainingConfiguration
from CardioSAMLib.training.dataset import load_volumes
from CardioSAMLib.training.loop import TrainingRun, train
from CardioSAMLib.training.networks import WidthOptions, build_network
from CardioSAMLib.training.sampling import batches_of
from CardioSAMLib.training.schedule import OptimizerOptions
from CardioSAMLib.training.watching import validate

SHARES_PERCENT = (5, 8, 12, 20, 35, 60, 100)
SEED = 0
SPLIT = "acdc_train80_validation20.json"
WIDTHS = (8, 16, 32, 48, 64)
STEPS = 300
BATCH = 8


def configuration_of(percent: int) -> TrainingConfiguration:
    """The averaged weights forget faster than in a long training: 300 steps are few."""
    return TrainingConfiguration(
        name=f"refiner-coarse-{percent}",
        network=NetworkChoice("unet25d", WidthOptions(WIDTHS)),
        split=SPLIT,
        batch=BATCH,
        steps=STEPS,
        seed=SEED,
        validate_every=STEPS,
        optimizer=OptimizerOptions(warm_up_steps=30, ema_decay=0.98),
    )


def patients_of(percent: int, split: Split) -> tuple[str, ...]:
    """The first patients of one order that the seed decides, so that smaller subsets lie in larger ones."""
    order = np.random.default_rng(SEED).permutation(sorted(split.train))
    return tuple(str(name) for name in order[: round(percent / 100 * len(order))])


def trained(percent: int, split: Split, acdc: Path, out: Path) -> TrainingRun:
    """The run of a subset: made, gone on with, or read if it is finished."""
    import torch

    configuration, folder = configuration_of(percent), out / f"coarse-{percent}"
    torch.manual_seed(SEED)
    run = TrainingRun(configuration, build_network(configuration.network.kind, configuration.network.options))
    if (folder / CHECKPOINT).exists():
        run.load(folder / CHECKPOINT)
    if run.step < STEPS:
        volumes = load_volumes(acdc, patients_of(percent, split), configuration.grid_mm)
        # Watched on two of its own patients: nothing is chosen by it.
        watch = partial(
            validate, volumes=volumes[:4], size_px=configuration.size_px, encode=None, processes=run.processes
        )
        train(run, batches_of(configuration, volumes), watch, folder, save_every=50)
    return run


def segmenter_of_run(run: TrainingRun) -> CropSegmenter:
    import torch

    configuration = run.configuration
    network = run.average.eval()

    @torch.no_grad()
    def probabilities(images: Array) -> Array:
        logits = network(torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)))
        return np.asarray(torch.softmax(logits, dim=1).numpy())

    card = ModelCard(
        id=configuration.name,
        title="",
        version="",
        architecture="UNet25D",
        input_shape_px=(configuration.size_px, configuration.size_px),
        spacing_mm=configuration.grid_mm,
        preprocessing=PREPROCESSING_ID,
        file="",
        sha256="",
        bytes=0,
        license="",
        training_data="",
        accuracy={},
        transposable=configuration.augmentation.transposes,
    )
    return CropSegmenter(probabilities, card)


def coarse_labels(percent: int, patients: Sequence[AcdcPatient], split: Split, acdc: Path, out: Path) -> list[Array]:
    """What the model of a subset draws on each patient, uint8 `(2, slices, rows, columns)`; kept in `out`.

    A model that finds no heart at all draws nothing.
    """
    file = out / f"coarse-{percent}.npz"
    if not file.exists():
        segmenter = segmenter_of_run(trained(percent, split, acdc, out))
        drawn = {}
        for patient in patients:
            try:
                drawn[patient.name] = segmenter.segment(patient.cine, range(2)).labels
            except UnusableInput:
                drawn[patient.name] = np.zeros(patient.cine.pixels.shape, np.uint8)
        keep(drawn, file)
    return kept(file, patients)


def keep(drawn: Mapping[str, Array], file: Path) -> None:
    partial = file.with_suffix(".partial.npz")
    np.savez_compressed(partial, **drawn)  # type: ignore[arg-type]  # no patient is called allow_pickle
    partial.replace(file)


def kept(file: Path, patients: Sequence[AcdcPatient]) -> list[Array]:
    with np.load(file) as stored:
        return [stored[patient.name] for patient in patients]


def described() -> dict[str, object]:
    """What all the models have in common, for the result."""
    configuration = asdict(configuration_of(100))
    rate = configuration["optimizer"]["learning_rate"]
    return {
        "widths": WIDTHS,
        **{key: configuration[key] for key in ("steps", "batch", "seed", "split")},
        "learning_rate": rate,
    }
