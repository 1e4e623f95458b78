"""A network that needs no weights: bright is blood, gray around it is wall."""

import numpy as np
import pytest

from CardioSAMLib.resources import ModelCard


@pytest.fixture
def card():
    return ModelCard(
        id="threshold", title="Threshold", version="1", architecture="none", input_shape_px=(64, 64), spacing_mm=2.0,
        preprocessing="none", file="", sha256="0" * 64, bytes=0, license="", training_data="", accuracy={},
    )  # fmt: skip


@pytest.fixture
def threshold_network():
    """Probabilities by brightness of the middle channel: the upper third of its range is LV, the middle third wall."""

    def network(images):
        middle = images[:, 1]
        low, high = middle.min(axis=(1, 2), keepdims=True), middle.max(axis=(1, 2), keepdims=True)
        level = (middle - low) / np.where(high - low < 1e-3, np.inf, high - low)
        classes = np.where(level > 2 / 3, 3, np.where(level > 1 / 3, 2, 0))
        return np.stack([classes == value for value in range(4)], axis=1).astype(np.float32)

    return network
