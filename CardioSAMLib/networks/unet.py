"""A small 2.5D U-Net: one slice with its two neighbors in, the structures of that slice out."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.networks.outputs import Outputs


class ConvBlock(nn.Sequential):
    """Two 3x3 convolutions, each with batch normalization and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class UpBlock(nn.Module):
    """Brings a coarse feature map to twice its size and merges it with the features of that size."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        # Channels are reduced before the interpolation, where the map is a quarter of the size: a quarter of the work.
        self.reduce = nn.Conv2d(coarse, fine, 1, bias=False)
        self.block = ConvBlock(2 * fine, fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        raised = functional.interpolate(self.reduce(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        merged: Tensor = self.block(torch.cat([raised, fine], dim=1))
        return merged


class UNet25D(nn.Module):
    """U-Net (Ronneberger 2015) whose input channels are the slice below, the slice itself and the slice above.

    widths: channels per level, finest first. classes: background and structures.
    forward: float `(batch, 3, rows, columns)`, rows and columns multiples of 2^(levels-1), to logits
    `(batch, classes, rows, columns)`; in training mode to `Outputs` with the logits of the three finest levels.
    """

    def __init__(self, widths: tuple[int, ...], classes: int = 4) -> None:
        super().__init__()
        self.widths, self.classes = widths, classes
        inputs = (3, *widths[:-1])
        self.down = nn.ModuleList(ConvBlock(i, o) for i, o in zip(inputs, widths, strict=True))
        self.up = nn.ModuleList(UpBlock(c, f) for f, c in pairwise(widths))
        self.heads = nn.ModuleList(nn.Conv2d(width, classes, 1) for width in widths[:3])

    def forward(self, images: Tensor) -> Tensor | Outputs:
        features = self.features(images)
        if self.training:
            return Outputs(tuple(head(feature) for head, feature in zip(self.heads, features, strict=False)))
        logits: Tensor = self.heads[0](features[0])
        return logits

    def features(self, images: Tensor) -> list[Tensor]:
        """What the heads see: the decoder's features of every level, finest first, the deepest of the encoder last."""
        down: list[Tensor] = []
        for level, block in enumerate(self.down):
            images = block(functional.max_pool2d(images, 2) if level else images)
            down.append(images)
        merged = [down[-1]]
        for level in reversed(range(len(self.up))):
            merged.insert(0, self.up[level](merged[0], down[level]))
        return merged
