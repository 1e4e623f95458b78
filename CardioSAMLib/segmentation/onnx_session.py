"""Opening the files of catalogue models with onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import PREPROCESSING_ID
from CardioSAMLib.resources import ModelCard, sha256_of


def check_preprocessing(card: ModelCard) -> None:
    """Raises UnusableInput where a model wants its images prepared otherwise than this version does."""
    if card.preprocessing != PREPROCESSING_ID:
        raise UnusableInput(
            f"The model {card.id} needs the preprocessing {card.preprocessing}, this version has "
            f"{PREPROCESSING_ID}; install the version of CardioSAM that came with the model."
        )


def opened(path: Path, sha256: str, card: ModelCard, threads: int) -> Any:
    """The onnxruntime session of a file of a model. threads: that one call computes with; 0 takes one per core.

    Raises UnusableInput where the file is missing or not the one that the catalogue names.
    """
    import onnxruntime

    if not path.is_file() or sha256_of(path) != sha256:
        cure = "install CardioSAM again" if card.folder is None else "add or download the model again"
        raise UnusableInput(
            f"A file of the model {card.id} is missing or not the one of the catalogue ({path.name}); {cure}."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors: a transformer's file has hundreds of warnings of what is not folded
    # Spinning threads steal the processor from whatever the application does between two calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
