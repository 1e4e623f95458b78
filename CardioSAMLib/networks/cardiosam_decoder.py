"""The decoder of the CardioSAM paper (Jain 2026), each of its parts switchable as in its table of ablations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.boundary_refinement import BoundaryRefinement
from CardioSAMLib.networks.csam import StructureAttention
from CardioSAMLib.networks.outputs import Outputs

_FUSED_WIDTH = 32
_HEAD_WIDTH = 64
_REDUCTION = 16
_FEWEST_HIDDEN = 4
"""Of channel attention, as in the paper's narrowest stage: a single unit may never be switched on."""
_GROUPS = 32


@dataclass(frozen=True)
class DecoderOptions:
    """Which parts the decoder has.

    csam: attention per structure before it. attention: over channels and places in each stage. multi_scale: fusion of
    all stages. boundary: boundary refinement. early: the encoder's earlier features are added to the stages, which the
    paper does not do. widths: channels of the first layer, then of each stage, each of which doubles the resolution.
    """

    csam: bool = True
    attention: bool = True
    multi_scale: bool = True
    boundary: bool = True
    early: bool = False
    widths: tuple[int, ...] = (512, 256, 128, 64)

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise UnusableInput(
                "The decoder needs the width of its first layer and of one stage or more, each above 0."
            )


ABLATION_ROWS: Mapping[str, DecoderOptions] = MappingProxyType(
    {
        "R0": DecoderOptions(csam=False, attention=False, multi_scale=False, boundary=False),
        "R1": DecoderOptions(csam=False, boundary=False),
        "R2": DecoderOptions(boundary=False),
        "R3": DecoderOptions(),
        "R4": DecoderOptions(),
    }
)
"""The decoders of the paper's ablations; R3 and R4 differ in their loss only (`training.composite_loss`)."""


class CardioSAMDecoder(nn.Module):
    """Structures from an encoder's features.

    channels: of the features, as the encoder's `channels`. classes: background and structures.
    forward: features of an encoder, the embedding `(batch, channels[0], r, c)` first, a place for every 16 pixels that
    the encoder saw in a row or column, and the size (rows, columns) of the image, to logits `(batch, classes, rows,
    columns)`; in training mode to `Outputs`, whose boundary logits have the rows and columns of the last stage: 8 r and
    8 c with the paper's three stages. Of earlier features, each must have twice the rows and columns of the one before;
    those finer than the last stage are not used.

    Raises UnusableInput if earlier features are asked for of an encoder that has none.
    """

    def __init__(self, channels: tuple[int, ...], options: DecoderOptions, classes: int = 4) -> None:
        super().__init__()
        if options.early and len(channels) < 2:
            raise UnusableInput("This encoder has no earlier features; set early = false, or choose another encoder.")
        first, *_, last = options.widths
        self.csam = StructureAttention(channels[0]) if options.csam else nn.Identity()
        self.start = nn.Sequential(nn.Conv2d(channels[0], first, 3, padding=1), _norm(first), nn.ReLU(inplace=True))
        self.stages = nn.ModuleList(UpStage(i, o, options.attention) for i, o in pairwise(options.widths))
        early = zip(channels[1:], options.widths[1:], strict=False) if options.early else ()
        self.early = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in early)
        self.fusion = Fusion(options.widths[1:]) if options.multi_scale else None
        self.boundary = BoundaryRefinement(last) if options.boundary else None
        fused = _FUSED_WIDTH * len(self.stages) if options.multi_scale else 0
        self.head = nn.Sequential(
            nn.Conv2d(last + fused, _HEAD_WIDTH, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(_HEAD_WIDTH, classes, 1),
        )

    def forward(self, features: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor | Outputs:
        maps = self.start(self.csam(features[0]))
        levels: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            early = self.early[number](features[1 + number]) if number < len(self.early) else None
            maps = stage(maps, early)
            levels.append(maps)
        boundary = None
        if self.boundary is not None:
            maps, boundary = self.boundary(maps)
        if self.fusion is not None:
            maps = torch.cat([maps, self.fusion(levels)], dim=1)
        logits = functional.interpolate(self.head(maps), size=size, mode="bilinear", align_corners=False)
        return Outputs((logits,), boundary) if self.training else logits


class UpStage(nn.Module):
    """Twice the rows and columns, a residual block, and attention to channels, then to places (CBAM, Woo 2018).

    forward: float `(batch, inputs, rows, columns)`, and features `(batch, outputs, 2 rows, 2 columns)` to be added
    before the residual block or None, to `(batch, outputs, 2 rows, 2 columns)`.
    """

    def __init__(self, inputs: int, outputs: int, attention: bool) -> None:
        super().__init__()
        self.up = nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 2, stride=2), _norm(outputs), nn.ReLU(inplace=True))
        self.residual = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            _norm(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            _norm(outputs),
        )
        self.attention = nn.Sequential(ChannelAttention(outputs), PlaceAttention()) if attention else nn.Identity()

    def forward(self, maps: Tensor, early: Tensor | None) -> Tensor:
        maps = self.up(maps)
        if early is not None:
            maps = maps + early
        raised: Tensor = self.attention(functional.relu(maps + self.residual(maps)))
        return raised


class ChannelAttention(nn.Module):
    """Each channel times a weight from 0 to 1, which all channels' means decide. forward: any map to its shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = max(width // _REDUCTION, _FEWEST_HIDDEN)
        self.weights = nn.Sequential(nn.Conv2d(width, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, width, 1))

    def forward(self, maps: Tensor) -> Tensor:
        return maps * torch.sigmoid(self.weights(maps.mean(dim=(2, 3), keepdim=True)))


class PlaceAttention(nn.Module):
    """Each pixel times a weight from 0 to 1, from the channels' maxima and means around it. forward: any map."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, maps: Tensor) -> Tensor:
        seen = torch.cat([maps.amax(dim=1, keepdim=True), maps.mean(dim=1, keepdim=True)], dim=1)
        return maps * torch.sigmoid(self.weights(seen))


class Fusion(nn.Module):
    """The stages' features, each at 32 channels and the size of the finest, one after another in the channels.

    forward: float `(batch, widths[i], ...)` per stage, finest last, to `(batch, 32 len(widths), rows, columns)`.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(nn.Conv2d(width, _FUSED_WIDTH, 1) for width in widths)

    def forward(self, levels: list[Tensor]) -> Tensor:
        size = levels[-1].shape[-2:]
        return torch.cat(
            [
                functional.interpolate(reduce(level), size=size, mode="bilinear", align_corners=False)
                for reduce, level in zip(self.reduce, levels, strict=True)
            ],
            dim=1,
        )


def _norm(width: int) -> nn.GroupNorm:
    """32 groups, or as many as leave narrower layers two channels in each: a channel alone would lose its mean."""
    return nn.GroupNorm(math.gcd(_GROUPS, max(width // 2, 1)), width)
