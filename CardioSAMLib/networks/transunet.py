"""TransUNet (Chen et al. 2021, arXiv 2102.04306): a ResNet whose coarsest features a transformer reads, and a U-Net's
decoder with three skips. The ResNet and the transformer's blocks are timm's."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_UNITS = (3, 4, 9)
_SKIPS = (512, 256, 64)
_COARSEST = 1024
_WIDTH = 768
_BLOCKS = 12
_HEADS = 12
_DROPOUT = 0.1
_TABLE = (14, 14)
"""Tokens for which the table of positions is made, as images of 224 pixels have them; else it is interpolated."""
_DECODER = (512, 256, 128, 64, 16)


class TransUNet(nn.Module):
    """Logits from the R50-ViT-B/16 hybrid and the cascaded upsampler.

    The ResNet has 3, 4 and 9 units at 1/4, 1/8 and 1/16 of the size, standardized convolutions and GroupNorm; the
    transformer 12 blocks of 768 channels on the 1/16 features, a token each. As in the paper, no class token.
    forward: float `(batch, 3, rows, columns)`, multiples of 16, to logits `(batch, classes, rows, columns)`.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        from timm.layers.std_conv import StdConv2d
        from timm.models.resnetv2 import ResNetV2
        from timm.models.vision_transformer import Block

        convolution = partial(StdConv2d, eps=1e-8)
        self.resnet = ResNetV2(list(_UNITS), num_classes=0, global_pool="", preact=False, conv_layer=convolution)
        self.embed = nn.Conv2d(_COARSEST, _WIDTH, 1)
        self.places = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, _WIDTH, *_TABLE), std=0.02))
        self.dropout = nn.Dropout(_DROPOUT)
        self.blocks = nn.Sequential(
            *(Block(_WIDTH, _HEADS, qkv_bias=True, proj_drop=_DROPOUT) for _ in range(_BLOCKS)),
            nn.LayerNorm(_WIDTH, eps=1e-6),
        )
        self.narrow = _conv(_WIDTH, _DECODER[0])
        steps = zip(_DECODER[:-1], (*_SKIPS, 0), _DECODER[1:], strict=True)
        self.up = nn.ModuleList(_UpBlock(inputs, skip, outputs) for inputs, skip, outputs in steps)
        self.head = nn.Conv2d(_DECODER[-1], classes, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        half, quarter, eighth, sixteenth = self._pyramid(images)
        features: Tensor = self.narrow(self._transformed(sixteenth))
        for block, skip in zip(self.up, (eighth, quarter, half, None), strict=True):
            features = block(features, skip)
        logits: Tensor = self.head(features)
        return logits

    def _pyramid(self, images: Tensor) -> list[Tensor]:
        """The ResNet's features, finest first: channels 64, 256, 512 and 1024 at 1/2, 1/4, 1/8 and 1/16."""
        stem: Any = self.resnet.stem
        features = [stem.norm(stem.conv(images))]
        coarser = stem.pool(features[0])
        for stage in self.resnet.stages:
            coarser = stage(coarser)
            features.append(coarser)
        return features

    def _transformed(self, features: Tensor) -> Tensor:
        """`(batch, 1024, rows/16, columns/16)` through the transformer, to 768 channels."""
        places = functional.interpolate(self.places, features.shape[-2:], mode="bicubic", align_corners=False)
        patches = self.embed(features) + places
        tokens = self.blocks(self.dropout(patches.flatten(2).transpose(1, 2)))
        transformed: Tensor = tokens.transpose(1, 2).reshape(patches.shape)
        return transformed


class _UpBlock(nn.Module):
    """Twice the size, merged with the skip of that size where there is one."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(_conv(inputs + skip, outputs), _conv(outputs, outputs))

    def forward(self, features: Tensor, skip: Tensor | None) -> Tensor:
        raised = functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=True)
        merged: Tensor = self.convs(raised if skip is None else torch.cat([raised, skip], dim=1))
        return merged


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
