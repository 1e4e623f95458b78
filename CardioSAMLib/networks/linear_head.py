"""The least that can be put on an encoder: one linear map of its embedding, which shows what the embedding knows."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from CardioSAMLib.networks.outputs import Outputs


class LinearHead(nn.Module):
    """A 1x1 convolution from the embedding to the classes.

    channels: of the encoder's features, the embedding first; the others are not used.
    forward: features, the first `(batch, channels[0], r, c)`, and the size of the input, to logits of that size; in
    training mode to `Outputs`.
    """

    def __init__(self, channels: tuple[int, ...], classes: int = 4) -> None:
        super().__init__()
        self.classify = nn.Conv2d(channels[0], classes, 1)

    def forward(self, features: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor | Outputs:
        logits = functional.interpolate(self.classify(features[0]), size, mode="bilinear", align_corners=False)
        return Outputs((logits,)) if self.training else logits
