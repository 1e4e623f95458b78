"""Small stand-in patients on the training grid, made of disks and rings; a configuration that trains in seconds."""

import numpy as np
import pytest


@pytest.fixture
def volumes():
    from CardioSAMLib.training.dataset import Volume

    made = []
    for number in range(3):
        rows, columns = np.mgrid[:48, :52]
        distance = np.hypot(rows - 22 - number, columns - 28)
        classes = np.where(distance < 6, 3, np.where(distance < 10, 2, np.where(distance < 13, 1, 0)))
        targets = np.stack([classes == value for value in range(4)]) * np.uint8(255)
        random = np.random.default_rng(number)
        images = np.where(classes == 3, 0.9, np.where(classes == 1, 0.7, 0.2)) + random.normal(0, 0.05, (4, 48, 52))
        made.append(Volume(f"p{number}", images.astype(np.float16), np.stack([targets] * 4), (22.0 + number, 28.0)))
    return made


@pytest.fixture
def configuration():
    from CardioSAMLib.training.configuration import NetworkChoice, TrainingConfiguration
    from CardioSAMLib.training.networks import WidthOptions
    from CardioSAMLib.training.schedule import OptimizerOptions

    return TrainingConfiguration(
        "small",
        NetworkChoice("unet25d", WidthOptions((4, 6, 8))),
        "none.json",
        size_px=32,
        batch=4,
        steps=8,
        validate_every=4,
        optimizer=OptimizerOptions(warm_up_steps=2),
    )


@pytest.fixture
def run_of():
    """A run of a configuration from the weights that its seed gives."""
    import torch

    from CardioSAMLib.training.loop import TrainingRun
    from CardioSAMLib.training.networks import build_network

    def made(configuration, *arguments):
        torch.manual_seed(configuration.seed)
        network = build_network(configuration.network.kind, configuration.network.options)
        return TrainingRun(configuration, network, *arguments)

    return made


@pytest.fixture
def trained(run_of, volumes):
    """A run that was trained, or gone on with, in a folder."""
    from functools import partial

    from CardioSAMLib.training.loop import train
    from CardioSAMLib.training.sampling import batches_of
    from CardioSAMLib.training.watching import validate

    def finished(configuration, folder, **options):
        run = run_of(configuration)
        size_px, processes = configuration.size_px, run.processes
        watch = partial(validate, volumes=volumes[:1], size_px=size_px, encode=None, processes=processes)
        train(run, batches_of(configuration, volumes), watch, folder, **options)
        return run

    return finished


@pytest.fixture
def cines():
    """Two beating hearts of disks and rings, of 5 and 4 frames, labeled at the first and the third."""
    from CardioSAMLib.training.cine_dataset import TrainingCine
    from CardioSAMLib.training.dataset import Volume

    made = []
    for number, frames in enumerate((5, 4)):
        random = np.random.default_rng(number)
        rows, columns = np.mgrid[:48, :52]
        distance = np.hypot(rows - 22 - number, columns - 28)
        cavity_px = 7.0 + 2.0 * np.cos(2 * np.pi * np.arange(frames) / frames)[:, None, None]
        classes = np.select([distance < cavity_px, distance < 12, distance < 15], [3, 2, 1], 0)
        clean = np.select([classes == 3, classes == 1], [0.9, 0.4], 0.2)[:, None]
        images = clean + random.normal(0, 0.02, (frames, 4, 48, 52))
        targets = np.stack([classes == value for value in range(4)], axis=1) * np.uint8(255)
        images = images.astype(np.float16)
        center = (22.0 + number, 28.0)
        labeled = {f: Volume(f"c{number}", images[f], np.stack([targets[f]] * 4), center) for f in (0, 2)}
        made.append(TrainingCine(f"c{number}", images, labeled, 10.0))
    return made


@pytest.fixture
def cine_configuration():
    from CardioSAMLib.networks.cardiosam_decoder import DecoderOptions
    from CardioSAMLib.training.cine_options import CineOptions
    from CardioSAMLib.training.composite_loss import LossOptions
    from CardioSAMLib.training.configuration import NetworkChoice, TrainingConfiguration
    from CardioSAMLib.training.schedule import OptimizerOptions

    return TrainingConfiguration(
        "cines",
        NetworkChoice("cardiosam-temporal", DecoderOptions(widths=(16, 8, 8, 4)), "any"),
        "none.json",
        begins_with="single",
        size_px=32,
        steps=6,
        validate_every=3,
        views=2,
        optimizer=OptimizerOptions(learning_rate=1e-3, warm_up_steps=2, ema_decay=0.0),
        loss=LossOptions(),
        cines=CineOptions(cycles=2, teacher_frames=2),
    )
