"""Files of weights: opened so that nothing in them can run, and compared with what a network needs."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import UnusableInput

if TYPE_CHECKING:
    import torch


def opened_file(path: Path, example: str) -> Mapping[str, Any]:
    """What a file of torch holds; empty where that is no mapping. example: a name of such a file, for messages.

    Raises UnusableInput where there is no file, or it is damaged or of another kind.
    """
    import torch

    if not path.is_file():
        raise UnusableInput(f"There is no file {path}; give the path of a SAM checkpoint, as {example}.")
    try:
        # Weights only: a pickle may run any code when it is opened.
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        raise UnusableInput(
            f"{path.name} cannot be opened as a file of weights: it is damaged, of another kind, or holds objects that "
            "could run code; give the file as it was published, or save the state dict alone."
        ) from error
    return stored if isinstance(stored, Mapping) else {}


def weights_in(stored: Any, path: Path, kinds: str) -> dict[str, torch.Tensor]:
    """The weights by name. kinds: the models that are asked for, for the message.

    Raises UnusableInput where `stored` is no state dict.
    """
    import torch

    is_state_dict = isinstance(stored, Mapping) and bool(stored)
    if not is_state_dict or not all(isinstance(weight, torch.Tensor) for weight in stored.values()):
        raise UnusableInput(f"{path.name} holds no state dict (names with weights); give a checkpoint of {kinds}.")
    return dict(stored)


def layout_problem(weights: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> str | None:
    """What keeps `weights` from being those of a network whose state dict is `expected`; None where nothing does."""
    if missing := sorted(set(expected) - set(weights)):
        return f"{len(missing)} names are missing, as {missing[0]}"
    if foreign := sorted(set(weights) - set(expected)):
        return f"{len(foreign)} names do not belong there, as {foreign[0]}"
    for name, weight in expected.items():
        if weights[name].shape != weight.shape:
            return f"{name} has the shape {tuple(weights[name].shape)}, not {tuple(weight.shape)}"
    return None
