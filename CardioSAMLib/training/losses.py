"""What training minimizes: cross-entropy plus soft Dice, with targets that may share a pixel between structures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def soft_cross_entropy(logits: Tensor, shares: Tensor) -> Tensor:
    """Mean over pixels of -sum(share * log p). Both `(batch, classes, rows, columns)`; shares sum to 1."""
    return -(shares * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def batch_dice_loss(logits: Tensor, shares: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - Dice of the structures (background left out), each over all pixels of the batch (nnU-Net's batch Dice).

    Over the batch rather than per slice: in a slice that lacks a structure one wrong pixel would cost as much as
    missing a whole heart.
    """
    p = torch.softmax(logits, dim=1)[:, 1:]
    t = shares[:, 1:]
    overlap = (p * t).sum(dim=(0, 2, 3))
    # Squares in the denominator, so that a soft target is best met by itself, not by its hardened form.
    size = (p.square() + t.square()).sum(dim=(0, 2, 3))
    return 1.0 - ((2.0 * overlap + smooth) / (size + smooth)).mean()


def deep_supervision_loss(logits_per_level: list[Tensor], shares: Tensor) -> Tensor:
    """Cross-entropy plus Dice at every decoder level, each coarser one with half the weight; weights sum to 1."""
    weights = [0.5**level for level in range(len(logits_per_level))]
    total = torch.zeros(())
    for weight, logits in zip(weights, logits_per_level, strict=True):
        reduced = functional.adaptive_avg_pool2d(shares, (logits.shape[-2], logits.shape[-1]))
        total = total + weight * (soft_cross_entropy(logits, reduced) + batch_dice_loss(logits, reduced))
    return total / sum(weights)
