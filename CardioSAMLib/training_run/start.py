"""Weights of an earlier training that a network without an encoder of its own begins with."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.resources import sha256_of

if TYPE_CHECKING:
    from torch import nn

    from CardioSAMLib.training.configuration import NetworkChoice


def start_from(network: nn.Module, choice: NetworkChoice, weights: Path) -> str:
    """Takes over the weights of a `weights.pt`; returns its sha256.

    It must be of a network of the same kind and options; a stack-unet also takes those of a unet25d of its widths.
    Raises UnusableInput where the file is not such a one.
    """
    import torch

    from CardioSAMLib.networks.stack_unet import StackUNet
    from CardioSAMLib.networks.unet import UNet25D
    from CardioSAMLib.training.networks import build_network, network_options

    problem = UnusableInput(
        f"{weights} holds no weights of a {choice.kind} with the options of this configuration; give the weights.pt of "
        "such a training, or leave out the checkpoint."
    )
    try:
        stored: dict[str, Any] = torch.load(weights, map_location="cpu", weights_only=True)
        kind, options = stored["kind"], network_options(stored["kind"], stored["options"])
        if options != choice.options or kind not in (choice.kind, "unet25d"):
            raise problem
        earlier = build_network(kind, options)
        earlier.load_state_dict(stored["network"])
    except (OSError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        raise problem from error
    if isinstance(network, StackUNet) and isinstance(earlier, UNet25D):
        network.start_from(earlier)
    elif kind == choice.kind:
        network.load_state_dict(earlier.state_dict())
    else:
        raise problem
    return sha256_of(weights)
