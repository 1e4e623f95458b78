"""Checkpoints: the state of a run in one file, so that a run killed at any moment goes on as if it had not been."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from CardioSAMLib.cine import UnusableInput

CHECKPOINT = "checkpoint.pt"
"""Name of the file in a run's folder."""

Network = TypeVar("Network", bound=nn.Module)


def write_state(path: Path, signature: str, state: Mapping[str, Any]) -> None:
    """Writes the state under a temporary name, then renames: a kill leaves the old file or the new one.

    signature: all that must be the same where the run goes on. Raises UnusableInput where the file cannot be written.
    """
    temporary = path.with_suffix(".partial")
    try:
        with temporary.open("wb") as file:
            torch.save({**state, "signature": signature}, file)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave a file that is renamed, but empty
        os.replace(temporary, path)
    except torch.cuda.OutOfMemoryError:
        raise
    except (OSError, RuntimeError) as error:  # torch hides what the system said of a full disk in a RuntimeError
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UnusableInput(
            f"{path} cannot be written; make room or allow writing there, and give the command again: a run that has a "
            "checkpoint goes on from it."
        ) from error


def read_state(path: Path, signature: str) -> dict[str, Any]:
    """The state in a file, on the CPU. Raises UnusableInput if it is of another run, or damaged."""
    try:
        # Weights only: a pickle may run any code when it is opened.
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        same = state["signature"] == signature
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError) as error:
        raise UnusableInput(
            f"{path} is not a checkpoint of this version; give another folder, or delete it."
        ) from error
    if not same:
        raise UnusableInput(
            f"{path} was made with another configuration, on other images or contours, or from other weights; give "
            "another folder, or delete it."
        )
    return state


def learned_state(network: nn.Module) -> dict[str, Tensor]:
    """What training changes of a network: its state without frozen weights, which would only make files large."""
    frozen = {name for name, weight in network.named_parameters() if not weight.requires_grad}
    return {name: value for name, value in network.state_dict().items() if name not in frozen}


def load_learned(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Puts a `learned_state` back."""
    network.load_state_dict({**network.state_dict(), **state})


def averaged_copy(network: Network) -> Network:
    """A copy for the moving average, in evaluation mode; frozen weights are shared, not copied."""
    frozen = {id(weight): weight for weight in network.parameters() if not weight.requires_grad}
    copy: Network = deepcopy(network, dict(frozen)).eval()
    return copy
