"""An image encoder and a decoder as one network; the encoder learns along, or stays as it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from CardioSAMLib.networks.outputs import Outputs


class EncoderNetwork(nn.Module):
    """forward: images float `(batch, 3, rows, columns)`, multiples of 16, to what the decoder makes of their features.

    stacks: of encoders that look along a stack, as `SmallEncoder` takes them.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def features(self, images: Tensor, stacks: Tensor | None = None) -> tuple[Tensor, ...]:
        """The embedding `(batch, 256, ...)`, a place for every 16 pixels that the encoder sees in a row or column, then
        earlier features, coarsest first."""
        features: tuple[Tensor, ...] = self.encoder(images) if stacks is None else self.encoder(images, stacks)
        return features

    def forward(self, images: Tensor, stacks: Tensor | None = None) -> Tensor | Outputs:
        rows, columns = images.shape[-2:]
        answer: Tensor | Outputs = self.decoder(self.features(images, stacks), (rows, columns))
        return answer


class FrozenEncoderNetwork(EncoderNetwork):
    """Only the decoder learns: the encoder has no gradients and stays in evaluation mode.

    Features may be computed once and kept: `decoder(features, size)` is the rest of the network.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__(encoder.requires_grad_(False).eval(), decoder)

    def train(self, mode: bool = True) -> FrozenEncoderNetwork:
        super().train(mode)
        self.encoder.eval()
        return self

    @torch.no_grad()
    def features(self, images: Tensor, stacks: Tensor | None = None) -> tuple[Tensor, ...]:
        return super().features(images, stacks)
