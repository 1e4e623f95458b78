"""Encoders taken out of trained networks, as decoders are trained on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.networks.small_encoder import SmallEncoder
from CardioSAMLib.networks.unet import UNet25D


class UNetEncoder(nn.Module):
    """The way down of a `UNet25D` of five levels. Its embedding is as wide as the deepest level, not 256.

    forward: images float `(batch, 3, rows, columns)`, multiples of 16, to the features of the levels, deepest first.
    """

    def __init__(self, unet: UNet25D) -> None:
        super().__init__()
        self.channels = tuple(reversed(unet.widths))
        self.down = unet.down

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features: list[Tensor] = []
        for level, block in enumerate(self.down):
            images = block(functional.max_pool2d(images, 2) if level else images)
            features.insert(0, images)
        return tuple(features)


class SliceBySlice(nn.Module):
    """A `SmallEncoder` that sees each slice alone: its features can be kept, as they depend on no other slice.

    forward: as of `SmallEncoder`, each slice being a stack of its own.
    """

    def __init__(self, encoder: SmallEncoder) -> None:
        super().__init__()
        self.channels = encoder.channels
        self.encoder = encoder

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features: tuple[Tensor, ...] = self.encoder(images, torch.arange(len(images), device=images.device))
        return features
