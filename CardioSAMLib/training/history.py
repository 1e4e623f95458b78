"""What a run leaves to be read: a row per validation, and the versions of what computed it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from CardioSAMLib import __version__
from CardioSAMLib.io import write_files

_PACKAGES = ("torch", "numpy", "onnx", "onnxruntime", "accelerate", "segment-anything")


def write_history(rows: Sequence[Mapping[str, float]], folder: Path) -> None:
    """All rows as `log.jsonl`, and the last one for TensorBoard, under its `step`."""
    from torch.utils.tensorboard import SummaryWriter

    write_files(folder, {"log.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()})
    step = int(rows[-1]["step"])
    # What a killed run wrote after its checkpoint is forgotten.
    with SummaryWriter(str(folder / "tensorboard"), purge_step=step) as board:
        for key, value in rows[-1].items():
            board.add_scalar(key, value, step)


def versions() -> Mapping[str, str]:
    """Of CardioSAM, Python and the packages that computed."""
    found = {"CardioSAM": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
