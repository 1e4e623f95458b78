"""`cardiosam-small`: an image encoder for hearts. Convolutions see a slice, attention sees it and its stack."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.networks.unet import ConvBlock

EMBEDDING = 256
"""Channels of the embedding: as many as SAM's image encoders have."""
WIDTHS = (16, 48, 96, 160, 192)
HEADS = 6
_FARTHEST = 8
"""Slices that lie farther apart than this, or farther from the stack's end, count as this far."""


class SmallEncoder(nn.Module):
    """Features of the slices of one or more stacks.

    widths: channels per level of the convolutions, finest first; the deepest is followed by `depth` pairs of attention,
    first among the places of a slice, then among the slices of a stack at each place.

    forward: images float `(batch, 3, rows, columns)`, multiples of 16. stacks: int `(batch,)`; the slices of a stack
    have one number and follow each other, from either end; None: all are one stack.
    Returns the embedding `(batch, 256, rows/16, columns/16)` and the convolutions' features, coarsest first.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, depth: int = 2) -> None:
        super().__init__()
        self.channels = (EMBEDDING, *reversed(widths[:-1]))
        inputs = (3, *widths[:-1])
        self.down = nn.ModuleList(ConvBlock(i, o) for i, o in zip(inputs, widths, strict=True))
        deepest = widths[-1]
        self.place = nn.Conv2d(deepest, deepest, 3, padding=1, groups=deepest)
        self.end = nn.Embedding(_FARTHEST, deepest)
        self.in_slice = nn.ModuleList(AttentionBlock(deepest) for _ in range(depth))
        self.along_stack = nn.ModuleList(AttentionBlock(deepest) for _ in range(depth))
        self.distance = nn.Embedding(_FARTHEST, HEADS)
        self.neck = nn.Conv2d(deepest, EMBEDDING, 1)
        for fresh in (self.place, self.end, self.distance):
            for parameter in fresh.parameters():
                nn.init.zeros_(parameter)

    def forward(self, images: Tensor, stacks: Tensor | None = None) -> tuple[Tensor, ...]:
        features: list[Tensor] = []
        for level, block in enumerate(self.down):
            images = block(functional.max_pool2d(images, 2) if level else images)
            features.insert(0, images)
        return (self.neck(self._attended(features[0], stacks)), *features[1:])

    def _attended(self, deepest: Tensor, stacks: Tensor | None) -> Tensor:
        """The deepest features after each place has looked at its slice, and at its neighbors along the stack."""
        if stacks is None:
            stacks = torch.zeros_like(deepest[:, 0, 0, 0], dtype=torch.long)
        numbers = torch.arange(len(deepest), device=deepest.device)
        same = stacks[:, None] == stacks[None, :]
        distance = (numbers[:, None] - numbers[None, :]).abs().clamp(max=_FARTHEST - 1)
        bias = self.distance(distance).permute(2, 0, 1).masked_fill(~same[None], -1e4)
        before = (same & (numbers[None, :] < numbers[:, None])).sum(1).clamp(max=_FARTHEST - 1)
        after = (same & (numbers[None, :] > numbers[:, None])).sum(1).clamp(max=_FARTHEST - 1)
        # Which end of a stack is the base is not known: both ends count alike.
        ends = self.end(before) + self.end(after)
        tokens = (deepest + self.place(deepest) + ends[:, :, None, None]).flatten(2).transpose(1, 2)
        for in_slice, along_stack in zip(self.in_slice, self.along_stack, strict=True):
            tokens = in_slice(tokens)
            tokens = along_stack(tokens.transpose(0, 1), bias).transpose(0, 1)
        attended: Tensor = tokens.transpose(1, 2).reshape_as(deepest)
        return attended


class AttentionBlock(nn.Module):
    """Self-attention and a two-layer perceptron, each after normalization and added to what was there (pre-norm ViT).

    forward: tokens `(batch, tokens, width)`; bias `(heads, tokens, tokens)` is added to the attention's logits.
    Both last layers start at zero: a new block changes nothing.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.before_perceptron = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        for last in (self.joined, self.perceptron[2]):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor, bias: Tensor | None = None) -> Tensor:
        split = self.queries_keys_values(self.before_attention(tokens)).unflatten(2, (3, HEADS, -1))
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        # Not torch's fused attention: its exporter cannot bring that to ONNX for stacks of any length.
        logits = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
        attended = torch.softmax(logits if bias is None else logits + bias, dim=-1) @ values
        tokens = tokens + self.joined(attended.transpose(1, 2).flatten(2))
        changed: Tensor = tokens + self.perceptron(self.before_perceptron(tokens))
        return changed
