"""The small promptable network: a U-Net's features, and SAM's prompts and two-way decoder at half its width.

Unlike in SAM, points and boxes are also drawn as maps, as SAM does with masks: see `drawn_prompts`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.networks.unet import UNet25D

WIDTH = 128
FINE = 16
DRAWN = 8
"""Maps that the prompts are drawn as: near and far around positive points, the same around negative ones, inside of the
box and whether there is one, the mask and whether there is one."""
_REACHES_PX = (2.5, 10.0)
PAD, NEGATIVE, POSITIVE, FIRST_CORNER, LAST_CORNER = range(5)
"""Kinds of prompt tokens; a box is its first and its last corner."""


LEVELS = 5
"""Of the U-Net whose features are decoded."""


class FrozenEncoder(nn.Module):
    """Features of a trained `UNet25D`, which stays as it is, and the necks that bring them to the decoder's widths.

    forward: images float `(batch, 3, size, size)` to coarse `(batch, 128, size/4, size/4)` and fine `(batch, 16, size,
    size)`.
    """

    def __init__(self, unet: UNet25D) -> None:
        super().__init__()
        self.unet = unet.requires_grad_(False).eval()
        widths, classes = unet.widths, unet.classes
        self.coarse = nn.Sequential(nn.Conv2d(widths[2] + widths[3] + widths[4], WIDTH, 1), nn.GroupNorm(8, WIDTH))
        self.fine = nn.Sequential(nn.Conv2d(widths[0] + widths[1] + classes, FINE, 1), nn.GroupNorm(4, FINE))

    def train(self, mode: bool = True) -> FrozenEncoder:
        super().train(mode)
        self.unet.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            coarse, fine = self._features(images)
        return self.coarse(coarse), self.fine(fine)

    def _features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What the necks take: the features of the coarser levels, those of the finer ones with the class scores."""
        finest, half, quarter, eighth, deepest = self.unet.features(images)
        scores = torch.log_softmax(self.unet.heads[0](finest), dim=1).clamp(min=-8.0)
        coarse = torch.cat([quarter, _to(eighth, quarter), _to(deepest, quarter)], dim=1)
        return coarse, torch.cat([finest, _to(half, finest), scores], dim=1)


class LearningEncoder(FrozenEncoder):
    """The same network, taken over whole, of which everything learns but the statistics of batch normalization."""

    def __init__(self, frozen: FrozenEncoder) -> None:
        super().__init__(frozen.unet)
        self.coarse, self.fine = frozen.coarse, frozen.fine
        self.requires_grad_(True)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        coarse, fine = self._features(images)
        return self.coarse(coarse), self.fine(fine)


class PromptedDecoder(nn.Module):
    """Logits of one structure from features and prompts (Kirillov 2023, with a token that names the structure).

    forward: coarse, fine: of the encoder, `(batch, ...)`. points: `(batch, points, 2)`, (column, row) as shares of the
    image's size. kinds: int `(batch, points)`, PAD to LAST_CORNER. structure: int `(batch,)`, 0 where it is not said.
    mask: logits `(batch, 1, size, size)` of an earlier answer; has_mask: `(batch,)`, 0 where there is none.
    Returns logits `(batch, 1, size, size)` and the IoU that the network expects of them `(batch,)`.
    """

    frequencies: Tensor

    def __init__(self, structures: int = 3) -> None:
        super().__init__()
        from segment_anything.modeling.transformer import TwoWayTransformer

        self.register_buffer("frequencies", torch.randn(2, WIDTH // 2))
        self.kinds = nn.Embedding(5, WIDTH)
        self.structures = nn.Embedding(structures + 1, WIDTH)
        self.answer = nn.Embedding(2, WIDTH)
        self.drawn = nn.Sequential(
            nn.Conv2d(DRAWN, 24, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(24, 64, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(64, WIDTH, 1),
        )
        self.transformer = TwoWayTransformer(depth=2, embedding_dim=WIDTH, num_heads=4, mlp_dim=512)
        self.up1 = nn.ConvTranspose2d(WIDTH, 32, 2, stride=2)
        self.norm1 = nn.GroupNorm(4, 32)
        self.middle = nn.Sequential(nn.Conv2d(32 + DRAWN, 32, 3, padding=1), nn.GELU())
        self.up2 = nn.ConvTranspose2d(32, FINE, 2, stride=2)
        self.merge = nn.Sequential(
            nn.Conv2d(2 * FINE + DRAWN, 16, 1), nn.GELU(), nn.Conv2d(16, 24, 3, padding=1), nn.GELU()
        )
        self.weights = _mlp(WIDTH, WIDTH, 24)
        self.quality = _mlp(WIDTH, 64, 1)

    def forward(
        self,
        coarse: Tensor,
        fine: Tensor,
        points: Tensor,
        kinds: Tensor,
        structure: Tensor,
        mask: Tensor,
        has_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        batch, _, rows, columns = coarse.shape
        places = self._places(points) * (kinds != PAD)[..., None]
        prompts = places + self.kinds(kinds)
        answer = self.answer.weight[None].expand(batch, -1, -1)
        tokens = torch.cat([answer, self.structures(structure)[:, None], prompts], dim=1)
        maps = drawn_prompts(points, kinds, fine.shape[-2], fine.shape[-1])
        drawn = torch.cat([maps, _as_map(mask, has_mask)], dim=1)
        image = coarse + self.drawn(drawn)
        grid = self._grid(rows, columns)
        tokens, keys = self.transformer(image, grid.expand(batch, -1, -1, -1), tokens)
        image = keys.transpose(1, 2).reshape(batch, WIDTH, rows, columns)
        image = functional.gelu(self.norm1(self.up1(image)))
        image = image + self.middle(torch.cat([image, functional.avg_pool2d(drawn, 2)], dim=1))
        merged = self.merge(torch.cat([self.up2(image), fine, drawn], dim=1))
        weights = self.weights(tokens[:, 0])
        logits = (weights[:, :, None, None] * merged).sum(dim=1, keepdim=True)
        return logits, torch.sigmoid(self.quality(tokens[:, 1])[:, 0])

    def _places(self, points: Tensor) -> Tensor:
        # Not as a product of matrices, which trainings in half precision compute too roughly for a place.
        angles = 2.0 * math.pi * ((2.0 * points - 1.0)[..., None] * self.frequencies).sum(dim=-2)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def _grid(self, rows: int, columns: int) -> Tensor:
        like = self.frequencies  # and not the features, which are too rough for a place in half precision
        y = (torch.arange(rows, device=like.device, dtype=like.dtype) + 0.5) / rows
        x = (torch.arange(columns, device=like.device, dtype=like.dtype) + 0.5) / columns
        points = torch.stack([x[None, :].expand(rows, columns), y[:, None].expand(rows, columns)], dim=-1)
        return self._places(points).permute(2, 0, 1)[None]


def drawn_prompts(points: Tensor, kinds: Tensor, rows: int, columns: int) -> Tensor:
    """The points and the box as maps `(batch, 6, rows, columns)`, 0 to 1; arguments as of `PromptedDecoder.forward`.

    With tokens alone the network learned to pass the prompts over, as its features nearly know the answer.
    """
    y = torch.arange(rows, device=points.device, dtype=points.dtype)[None, None, :, None]
    x = torch.arange(columns, device=points.device, dtype=points.dtype)[None, None, None, :]
    column = (points[..., 0] * columns - 0.5)[..., None, None]
    row = (points[..., 1] * rows - 0.5)[..., None, None]
    squared = (y - row).square() + (x - column).square()
    maps = []
    for kind in (POSITIVE, NEGATIVE):
        nearest = torch.where((kinds == kind)[..., None, None], squared, 1e6).amin(dim=1, keepdim=True)
        maps += [torch.exp(-nearest / (2.0 * reach**2)) for reach in _REACHES_PX]
    first, last = ((kinds == kind)[..., None, None].to(points.dtype) for kind in (FIRST_CORNER, LAST_CORNER))
    has_box = first.amax(dim=1, keepdim=True)
    inside = torch.ones_like(squared[:, :1])
    for at, place in ((y, row), (x, column)):
        start, end = ((place * corner).sum(dim=1, keepdim=True) for corner in (first, last))
        inside = inside * torch.sigmoid(at - start + 0.5) * torch.sigmoid(end - at + 0.5)
    return torch.cat([*maps, inside * has_box, has_box.expand_as(inside)], dim=1)


def _as_map(mask: Tensor, has_mask: Tensor) -> Tensor:
    given = has_mask[:, None, None, None]
    return torch.cat([torch.tanh(mask / 4.0) * given, given.expand_as(mask)], dim=1)


def _to(features: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(features, size=like.shape[-2:], mode="bilinear", align_corners=False)


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )
