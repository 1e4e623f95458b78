"""CSAM of the CardioSAM paper (Jain 2026): attention between encoder and decoder, a branch for each structure."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.labels import STORAGE

_BRANCH_WIDTH = 64
_HEADS = 8
_MOST_TOKENS = 32 * 32
"""Up to here every token attends to every other; above, to the means of two by two."""


class StructureAttention(nn.Module):
    """What each structure's branch and one attention over all channels add to an embedding.

    forward: float `(batch, width, rows, columns)` to the same shape. The last layer starts at zero: a new module
    returns what it is given.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({one.name: StructureBranch(width) for one in STORAGE.structures.values()})
        self.attention = MapAttention(width, width, _HEADS)
        self.joined = nn.Conv2d(width, width, 1)
        self.merge = nn.Sequential(
            nn.Conv2d(len(self.branches) * _BRANCH_WIDTH + width, width, 3, padding=1),
            nn.GELU(),
        )
        self.change = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)  # type: ignore[arg-type]

    def forward(self, embedding: Tensor) -> Tensor:
        seen = [branch(embedding) for branch in self.branches.values()]
        everywhere = self.joined(self.attention(embedding))
        changed: Tensor = embedding + self.change(self.merge(torch.cat([*seen, everywhere], dim=1)))
        return changed


class StructureBranch(nn.Module):
    """An embedding made stronger where a structure seems to be, then attention to itself, at 64 channels.

    forward: float `(batch, width, rows, columns)` to `(batch, 64, rows, columns)`.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.place = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.attention = MapAttention(width, _BRANCH_WIDTH, heads=1)

    def forward(self, embedding: Tensor) -> Tensor:
        seen: Tensor = self.attention(embedding * torch.sigmoid(self.place(embedding)) + embedding)
        return seen


class MapAttention(nn.Module):
    """Scaled dot-product attention among the pixels of a map, without a projection of what comes out.

    forward: float `(batch, inputs, rows, columns)` to `(batch, outputs, rows, columns)`.
    """

    def __init__(self, inputs: int, outputs: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Conv2d(inputs, outputs, 1)
        self.key_and_value = nn.Conv2d(inputs, 2 * outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        batch, _, rows, columns = features.shape
        # The mean of the keys is the key of the mean, so that pooling comes first, and projects a quarter of them.
        looked_at = functional.avg_pool2d(features, 2, ceil_mode=True) if rows * columns > _MOST_TOKENS else features
        key, value = self.key_and_value(looked_at).chunk(2, dim=1)
        seen = functional.scaled_dot_product_attention(
            self._tokens(self.query(features)), self._tokens(key), self._tokens(value)
        )
        return seen.transpose(2, 3).reshape(batch, -1, rows, columns)

    def _tokens(self, maps: Tensor) -> Tensor:
        """`(batch, heads, rows * columns, channels of a head)`."""
        batch, channels, rows, columns = maps.shape
        return maps.reshape(batch, self.heads, channels // self.heads, rows * columns).transpose(2, 3)
