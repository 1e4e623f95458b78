"""BRM of the CardioSAM paper (Jain 2026): a map of the label boundaries, and features sharpened along their edges."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_HIDDEN = 32
_SMALLEST_SQUARE = 1e-6
"""Added under the root, whose slope at zero is infinite."""


class BoundaryRefinement(nn.Module):
    """forward: features `(batch, width, rows, columns)` to sharper ones, and boundary logits `(batch, 1, ...)`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.boundary = nn.Sequential(nn.Conv2d(width, _HIDDEN, 3, padding=1), nn.ReLU(), nn.Conv2d(_HIDDEN, 1, 1))
        self.edges = EdgeStrength(width + 1)
        self.refine = nn.Conv2d(2 * (width + 1), width, 3, padding=1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        boundary = self.boundary(features)
        known = torch.cat([features, torch.sigmoid(boundary)], dim=1)
        return features + self.refine(torch.cat([known, self.edges(known)], dim=1)), boundary


class EdgeStrength(nn.Module):
    """Length of the gradient of each channel, per pixel, by Sobel's operator divided by 8; the border goes on outside.

    forward: float `(batch, channels, rows, columns)` to the same shape.
    """

    sobel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8.0
        kernels = torch.stack([across, across.T])[:, None].repeat(channels, 1, 1, 1)
        self.register_buffer("sobel", kernels, persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        padded = functional.pad(maps, (1, 1, 1, 1), mode="replicate")
        gradients = functional.conv2d(padded, self.sobel.to(maps.dtype), groups=self.channels)
        squares = gradients[:, 0::2].square() + gradients[:, 1::2].square()
        return torch.sqrt(squares + _SMALLEST_SQUARE)
