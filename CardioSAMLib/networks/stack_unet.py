"""The U-Net whose bottom sees the whole stack: `cardiosam-small` going down, `UNet25D`'s way up."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.networks.small_encoder import EMBEDDING, WIDTHS, SmallEncoder
from CardioSAMLib.networks.unet import UNet25D, UpBlock


class StackUNet(nn.Module):
    """Structures of all slices of a stack at once; the batch holds the slices of one or more stacks in order.

    forward: images and stacks as `SmallEncoder` takes them, to logits `(batch, classes, rows, columns)`; in training
    mode to `Outputs` with the logits of the three finest levels.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, classes: int = 4) -> None:
        super().__init__()
        self.widths = widths
        self.encoder = SmallEncoder(widths)
        self.up = nn.ModuleList(UpBlock(coarse, fine) for fine, coarse in pairwise((*widths[:-1], EMBEDDING)))
        self.heads = nn.ModuleList(nn.Conv2d(width, classes, 1) for width in widths[:3])

    def forward(self, images: Tensor, stacks: Tensor | None = None) -> Tensor | Outputs:
        coarse, *finer = self.encoder(images, stacks)
        merged = [coarse]
        for block, fine in zip(reversed(self.up), finer, strict=True):
            merged.insert(0, block(merged[0], fine))
        if self.training:
            return Outputs(tuple(head(feature) for head, feature in zip(self.heads, merged, strict=False)))
        logits: Tensor = self.heads[0](merged[0])
        return logits

    @torch.no_grad()
    def start_from(self, slices: UNet25D) -> None:
        """Takes over the weights of a network of the same widths that sees slices singly, and answers as that one."""
        self.encoder.down.load_state_dict(slices.down.state_dict())
        self.heads.load_state_dict(slices.heads.state_dict())
        deepest = self.widths[-1]
        nn.init.dirac_(self.encoder.neck.weight)
        nn.init.zeros_(self.encoder.neck.bias)  # type: ignore[arg-type]
        state = slices.up.state_dict()
        last = f"{len(self.up) - 1}.reduce.weight"
        state[last] = torch.cat([state[last], torch.zeros_like(self.up.state_dict()[last][:, deepest:])], dim=1)
        self.up.load_state_dict(state)
