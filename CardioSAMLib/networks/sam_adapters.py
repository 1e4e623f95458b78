"""A few weights that learn inside a SAM encoder that does not: LoRA, and prefix tokens (prompt tuning).

Both change the encoder in place and leave the official names in its state dict as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from CardioSAMLib.networks.sam_encoder import SamEncoder

_PREFIX_DEVIATION = 0.02


class LowRank(nn.Module):
    """A linear map through `rank` values, 0 before it learns. `(..., width)` to the same shape."""

    def __init__(self, width: int, rank: int, device: torch.device) -> None:
        super().__init__()
        # A linear layer of torch begins as Kaiming's, which is what LoRA asks for.
        self.down = nn.Linear(width, rank, bias=False, device=device)
        self.up = nn.Linear(rank, width, bias=False, device=device)
        nn.init.zeros_(self.up.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        mapped: Tensor = self.up(self.down(tokens))
        return mapped

    def matrix(self) -> Tensor:
        """`(width, width)`"""
        return self.up.weight @ self.down.weight


class LoraQkv(nn.Linear):
    """The fused projection to queries, keys and values, of which queries and values learn to differ (Hu 2021).

    W x becomes W x + alpha / rank B A x. forward: `(..., width)` to `(..., 3 width)`.
    """

    def __init__(self, qkv: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(qkv.in_features, qkv.out_features, device="meta")
        self.weight, self.bias = qkv.weight, qkv.bias
        self.scale = alpha / rank
        self.query, self.value = (LowRank(qkv.in_features, rank, qkv.weight.device) for _ in range(2))

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = super().forward(tokens).chunk(3, dim=-1)
        query = query + self.scale * self.query(tokens)
        return torch.cat([query, key, value + self.scale * self.value(tokens)], dim=-1)

    def merged(self) -> nn.Linear:
        """One projection that does the same, and learns no more."""
        merged = nn.Linear(self.in_features, self.out_features, device="meta").requires_grad_(False)
        with torch.no_grad():
            query, value = self.query.matrix(), self.value.matrix()
            change = torch.cat([query, torch.zeros_like(query), value])
            merged.weight = nn.Parameter(self.weight + self.scale * change, requires_grad=False)
        merged.bias = self.bias
        return merged


class PrefixAttention(nn.Module):
    """An attention of SAM in which every token may also look at learned ones (Li and Liang 2021).

    Learned are the keys and values of `count` tokens, not the tokens themselves. They lie nowhere, so they have no
    relative position. Even where they are 0 they take a share of the attention.
    forward: tokens `(batch, rows, columns, width)` to the same shape.
    """

    def __init__(self, attention: Any, count: int) -> None:
        super().__init__()
        from segment_anything.modeling.image_encoder import add_decomposed_rel_pos

        self._with_positions = add_decomposed_rel_pos
        self.heads: int = attention.num_heads
        self.scale: float = attention.scale
        self.qkv, self.proj = attention.qkv, attention.proj
        self.rel_pos_h, self.rel_pos_w = attention.rel_pos_h, attention.rel_pos_w
        weight = self.proj.weight
        shape = (self.heads, count, weight.shape[1] // self.heads)
        self.prefix_keys, self.prefix_values = (
            nn.Parameter(torch.empty(shape, device=weight.device).normal_(0.0, _PREFIX_DEVIATION)) for _ in range(2)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        batch, rows, columns, width = tokens.shape
        fused = self.qkv(tokens).reshape(batch, rows * columns, 3, self.heads, -1)
        query, key, value = fused.permute(2, 0, 3, 1, 4).unbind(0)
        scaled = query * self.scale
        own = self._with_positions(
            (scaled @ key.transpose(-2, -1)).flatten(0, 1),
            query.flatten(0, 1),
            self.rel_pos_h,
            self.rel_pos_w,
            (rows, columns),
            (rows, columns),
        ).unflatten(0, (batch, self.heads))
        learned = scaled @ self.prefix_keys.transpose(-2, -1)
        shares = torch.cat([learned, own], dim=-1).softmax(dim=-1)
        values = torch.cat([self.prefix_values.expand(batch, -1, -1, -1), value], dim=-2)
        seen: Tensor = self.proj((shares @ values).transpose(1, 2).reshape(batch, rows, columns, width))
        return seen


def add_lora(encoder: SamEncoder, rank: int = 16, alpha: float = 16.0) -> None:
    """LoRA on queries and values of all blocks. Nothing changes before it learns."""
    for block in _blocks(encoder):
        block.attn.qkv = LoraQkv(block.attn.qkv, rank, alpha)


def merge_lora(encoder: SamEncoder) -> None:
    """Takes what LoRA learned into the encoder's own weights: the same embedding from the official layers alone."""
    for block in _blocks(encoder):
        block.attn.qkv = block.attn.qkv.merged()


def add_prefix_tokens(encoder: SamEncoder, count: int = 10) -> None:
    """Learned keys and values in all blocks."""
    for block in _blocks(encoder):
        block.attn = PrefixAttention(block.attn, count)


def _blocks(encoder: SamEncoder) -> Any:
    # The package is not typed.
    return encoder.image_encoder.blocks
