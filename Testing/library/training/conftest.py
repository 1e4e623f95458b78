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
    from CardioSAMLib.training.configuration import TrainingConfiguration

    return TrainingConfiguration(
        "small", (4, 6, 8), "none.json", size_px=32, batch=4, steps=8, warm_up_steps=2, validate_every=4
    )
