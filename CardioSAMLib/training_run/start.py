"""What a training begins with: weights of an earlier one, and the patients that these have seen."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.splits import Split
from CardioSAMLib.evaluation_run.patients import patients_of_file, patients_seen_by
from CardioSAMLib.io.paths import existing
from CardioSAMLib.resources import find_model, sha256_of

if TYPE_CHECKING:
    from torch import nn

    from CardioSAMLib.training.configuration import NetworkChoice


def start_from(network: nn.Module, choice: NetworkChoice, weights: Path) -> str:
    """Takes over the weights of a `weights.pt`, or of the model file of a unet25d; returns its sha256.

    It must be of a network of the same kind and options; a stack-unet also takes those of a unet25d of its widths.
    Raises UnusableInput where the file is not such a one.
    """
    from CardioSAMLib.networks.stack_unet import StackUNet
    from CardioSAMLib.networks.unet import UNet25D

    kind, earlier = _earlier_network(choice, weights)
    if isinstance(network, StackUNet) and isinstance(earlier, UNet25D):
        network.start_from(earlier)
    elif kind == choice.kind:
        network.load_state_dict(earlier.state_dict())
    else:
        raise _problem(choice, weights)
    return sha256_of(weights)


def is_model_file(weights: Path) -> bool:
    """An exported model: its coarser heads and the statistics of its normalizations are not in the file."""
    return weights.suffix == ".onnx"


def _problem(choice: NetworkChoice, weights: Path) -> UnusableInput:
    return UnusableInput(
        f"{weights} holds no weights of a {choice.kind} with the options of this configuration; give the weights.pt of "
        "such a training, or leave out the checkpoint."
    )


def _earlier_network(choice: NetworkChoice, weights: Path) -> tuple[str, nn.Module]:
    """Kind and network of the file."""
    import torch

    from CardioSAMLib.training.exported import read_unet
    from CardioSAMLib.training.networks import WidthOptions, build_network, network_options

    problem = _problem(choice, weights)
    if is_model_file(weights):
        if not isinstance(choice.options, WidthOptions):
            raise problem
        return "unet25d", read_unet(existing(weights), choice.options.widths)
    try:
        stored: dict[str, Any] = torch.load(weights, map_location="cpu", weights_only=True)
        kind, options = stored["kind"], network_options(stored["kind"], stored["options"])
        if options != choice.options or kind not in (choice.kind, "unet25d"):
            raise problem
        earlier = build_network(kind, options)
        earlier.load_state_dict(stored["network"])
    except (OSError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        raise problem from error
    return kind, earlier


def check_unseen(split: Split, choice: NetworkChoice, checkpoint: Path | None) -> None:
    """Raises UnusableInput where the weights that a training begins with, or its encoder's, were trained on patients
    that it is to be validated on: the figures would be too good."""
    seen = sorted(set(trained_on(choice, checkpoint)) & set(split.validation))
    if seen:
        raise UnusableInput(
            f"The weights to begin with were trained on {len(seen)} of the validation patients, such as {seen[0]}; "
            "give others, or another split."
        )


def trained_on(choice: NetworkChoice, checkpoint: Path | None) -> tuple[str, ...]:
    """Patients that the weights to begin with, or the encoder, have seen; none where that is not known."""
    import torch

    if checkpoint is None:
        return patients_seen_by(find_model(choice.encoder)) if choice.encoder else ()
    try:
        stored = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
        return tuple(stored["patients"])
    except (OSError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError):
        return patients_of_file(checkpoint)
