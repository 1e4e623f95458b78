"""A network of the catalogue run by onnxruntime."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.crops import PREPROCESSING_ID
from CardioSAMLib.resources import ModelCard, sha256_of


class OnnxNetwork:
    """Class probabilities of images. Loaded once, called from one thread or several.

    threads: that one call computes with; 0 takes one per core.
    Raises UnusableInput if the file is missing, differs from the catalogue's sha256, or wants other preprocessing.
    """

    def __init__(self, card: ModelCard, threads: int = 0) -> None:
        import onnxruntime

        if card.preprocessing != PREPROCESSING_ID:
            raise UnusableInput(
                f"The model {card.id} needs the preprocessing {card.preprocessing}, this version has "
                f"{PREPROCESSING_ID}; install the version of CardioSAM that came with the model."
            )
        if not card.path.is_file() or sha256_of(card.path) != card.sha256:
            raise UnusableInput(
                f"The file of the model {card.id} is missing or not the one of the catalogue; install CardioSAM again."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Spinning threads steal the processor from whatever the application does between two calls.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(card.path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: Array) -> Array:
        """Probabilities float32 `(batch, classes, rows, columns)` of images float32 `(batch, 3, rows, columns)`."""
        (probabilities,) = self._session.run(None, {self._input: np.ascontiguousarray(images, dtype=np.float32)})
        return np.asarray(probabilities)
