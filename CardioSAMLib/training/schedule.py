"""How a run goes on from step to step: the optimizer, its learning rate, and the moving average of the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from CardioSAMLib.cine import UnusableInput

ENCODER = "encoder."
"""How the names of the weights begin that form the optimizer's group of their own."""
_POWER = 0.9
_MOMENTUM = 0.9


@dataclass(frozen=True)
class OptimizerOptions:
    """How weights are changed.

    kind: "adamw", or "sgd" with a momentum of 0.9. encoder_rate: learning rate of an encoder that learns; 0: that of
    all other weights. schedule: after a linear warm-up, "cosine" or "poly" (to the power of 0.9) down to `last_rate`.
    gradient_clip: largest norm of the gradient. ema_decay: of the moving average of the weights, which is what is kept;
    0: the weights themselves are.
    """

    kind: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 3e-3
    encoder_rate: float = 0.0
    last_rate: float = 0.0
    weight_decay: float = 1e-2
    warm_up_steps: int = 200
    schedule: Literal["cosine", "poly"] = "cosine"
    gradient_clip: float = 5.0
    ema_decay: float = 0.998

    def __post_init__(self) -> None:
        for key, choices in (("kind", ("adamw", "sgd")), ("schedule", ("cosine", "poly"))):
            if getattr(self, key) not in choices:
                raise UnusableInput(f"The optimizer has no usable {key}; choose one of: {', '.join(choices)}.")
        least = min(self.encoder_rate, self.last_rate, self.warm_up_steps, self.weight_decay)
        if self.learning_rate <= 0 or least < 0:
            raise UnusableInput("The optimizer needs a learning_rate above 0, and no other value below 0.")
        if self.gradient_clip <= 0 or not 0 <= self.ema_decay < 1:
            raise UnusableInput("The optimizer needs a gradient_clip above 0 and an ema_decay from 0 to below 1.")


def optimizer_of(network: nn.Module, options: OptimizerOptions) -> torch.optim.Optimizer:
    """The optimizer of the weights that learn. Each group's `share` is its part of the learning rate."""
    learning = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    encoder = [weight for name, weight in learning if name.startswith(ENCODER)] if options.encoder_rate else []
    own = {id(weight) for weight in encoder}
    groups = [{"params": [weight for _, weight in learning if id(weight) not in own], "share": 1.0}]
    if encoder:
        groups.append({"params": encoder, "share": options.encoder_rate / options.learning_rate})
    if options.kind == "sgd":
        return torch.optim.SGD(groups, options.learning_rate, _MOMENTUM, weight_decay=options.weight_decay)
    return torch.optim.AdamW(groups, options.learning_rate, weight_decay=options.weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of all groups, each by its share."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]


def scheduled_rate(step: int, steps: int, options: OptimizerOptions) -> float:
    """The learning rate of a step."""
    if options.schedule == "cosine" or step < options.warm_up_steps:
        return learning_rate(step, steps, options.warm_up_steps, options.learning_rate, options.last_rate)
    left = 1.0 - (step - options.warm_up_steps) / max(steps - options.warm_up_steps, 1)
    return options.last_rate + (options.learning_rate - options.last_rate) * math.pow(left, _POWER)


def learning_rate(step: int, steps: int, warm_up: int, peak: float, last: float = 0.0) -> float:
    """Linear warm-up to the peak, then half a cosine down to the last rate at the last step."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return last + (peak - last) * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))


@torch.no_grad()
def forgetting_average(average: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Moves the averaged weights toward those of the network; weights that both share are left alone.

    Early on the average forgets fast, so that it does not drag the first, random weights along.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.data_ptr() == value.data_ptr():
            continue
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)
