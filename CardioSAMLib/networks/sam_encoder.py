"""SAM's image encoder as one of the encoders that networks are trained on: from the project's crops to an embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.networks.sam import sam_image_encoder
from CardioSAMLib.networks.sam_architectures import EMBEDDING_WIDTH, PIXEL_DEVIATION, PIXEL_MEAN, SamArchitecture

_OWN_SLICE = slice(1, 2)
"""Of a crop's channels: slice below, the slice itself, slice above."""


class SamEncoder(nn.Module):
    """An official image encoder (ViT-B, L or H) for images of `size_px`. It does not learn; adapters on it may.

    It is made on torch's current device with the package's random weights: positions 0, all else as torch's layers
    begin. Names and shapes of its state dict are those of the official files under `image_encoder`.

    size_px: a multiple of 16. normalization: "sam" or "medsam"; it belongs to the weights.
    forward: square crops float `(batch, 3, size, size)` of any size, z-scored, to one embedding `(batch, 256, size_px /
    16, size_px / 16)`. Crops are scaled to `size_px`, and the embedding's grid follows from that alone: a crop of 128
    shown at 224 has one of 14, not of 8. Decoders bring the logits to the size of the crop, so nothing is thrown away
    by scaling the embedding back.
    """

    channels: tuple[int, ...] = (EMBEDDING_WIDTH,)

    def __init__(self, architecture: SamArchitecture, size_px: int, normalization: str) -> None:
        super().__init__()
        self.size_px = size_px
        self.normalization = normalization
        self._normalized = _NORMALIZATIONS[normalization]
        self.image_encoder = sam_image_encoder(architecture, size_px).requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        size = (self.size_px, self.size_px)
        # Antialiased, as the package's `ResizeLongestSide` does; it matters only where the crop is larger.
        shown = functional.interpolate(gray_levels(images), size, mode="bilinear", antialias=True)
        return (self.image_encoder(self._normalized(shown)),)


def gray_levels(images: Tensor) -> Tensor:
    """The slice itself of crops `(batch, 3, rows, columns)`, as `(batch, 1, rows, columns)` from 0 to 255.

    SAM was trained on pictures, and its mean and deviation are for gray levels. Crops are clipped at percentiles, then
    brought to mean 0 and variance 1, a shift and a scale that go away again when the smallest value becomes 0 and the
    largest 255. What is left is the slice clipped at its percentiles and brought to a fixed range; MedSAM's weights
    saw MR so, but clipped over the volume (Ma 2024). A crop without contrast becomes 0.
    """
    own = images[:, _OWN_SLICE]
    low = own.amin(dim=(-2, -1), keepdim=True)
    return (own - low) * (255.0 / _extent(own))


def _less_mean_by_deviation(gray: Tensor) -> Tensor:
    mean, deviation = (gray.new_tensor(colors)[:, None, None] for colors in (PIXEL_MEAN, PIXEL_DEVIATION))
    return (gray - mean) / deviation


def _from_0_to_1(gray: Tensor) -> Tensor:
    # Once more, as in MedSAM's own code: scaling an image may have taken its extremes.
    values = (gray - gray.amin(dim=(-2, -1), keepdim=True)) / _extent(gray)
    return values.expand(-1, 3, -1, -1)


def _extent(gray: Tensor) -> Tensor:
    extent = gray.amax(dim=(-2, -1), keepdim=True) - gray.amin(dim=(-2, -1), keepdim=True)
    return extent.clamp(min=torch.finfo(torch.float16).tiny)


_NORMALIZATIONS = {"sam": _less_mean_by_deviation, "medsam": _from_0_to_1}
