"""How a run goes on from step to step: the learning rate, and the moving average of the weights."""

from __future__ import annotations

import math

import torch
from torch import nn


def learning_rate(step: int, steps: int, warm_up: int, peak: float) -> float:
    """Linear warm-up to the peak, then half a cosine down to zero at the last step."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))


@torch.no_grad()
def forgetting_average(average: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Moves the averaged weights toward those of the network.

    Early on the average forgets fast, so that it does not drag the first, random weights along.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)
