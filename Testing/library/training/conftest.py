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
    from CardioSAMLib.training.loop import train
    from CardioSAMLib.training.sampling import batches_of

    def finished(configuration, folder, **options):
        run = run_of(configuration)
        train(run, batches_of(configuration, volumes), volumes[:1], folder, **options)
        return run

    return finished
