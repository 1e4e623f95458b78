"""A network of the catalogue run by onnxruntime."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.resources import ModelCard
from CardioSAMLib.segmentation.onnx_session import check_preprocessing, opened


class OnnxNetwork:
    """Class probabilities of images. Loaded once, called from one thread or several.

    threads: that one call computes with; 0 takes one per core.
    Raises UnusableInput if the file is missing, differs from the catalogue's sha256, or wants other preprocessing.
    """

    def __init__(self, card: ModelCard, threads: int = 0) -> None:
        check_preprocessing(card)
        self._session = opened(card.path, card.sha256, card, threads)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: Array) -> Array:
        """Probabilities float32 `(batch, classes, rows, columns)` of images float32 `(batch, 3, rows, columns)`."""
        (probabilities,) = self._session.run(None, {self._input: np.ascontiguousarray(images, dtype=np.float32)})
        return np.asarray(probabilities)
