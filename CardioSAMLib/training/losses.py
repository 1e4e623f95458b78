"""What training minimizes: cross-entropy plus soft Dice, with targets that may share a pixel between structures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from CardioSAMLib.cine import UnusableInput


class Diverged(UnusableInput):
    """A loss that is no number."""


def check_finite(loss: Tensor, step: int) -> None:
    """Raises Diverged where a training has, before weights without meaning are kept."""
    if not bool(torch.isfinite(loss.detach()).all()):
        raise Diverged(
            f"Loss or gradient of step {step + 1} is no number: the training has diverged. The state before it is "
            "kept; give a lower learning rate, and another output folder."
        )


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


def deep_supervision_loss(logits_per_level: Sequence[Tensor], shares: Tensor) -> Tensor:
    """Cross-entropy plus Dice at every decoder level, each coarser one with half the weight; weights sum to 1."""
    weights = [0.5**level for level in range(len(logits_per_level))]
    total = torch.zeros(())
    for weight, logits in zip(weights, logits_per_level, strict=True):
        reduced = functional.adaptive_avg_pool2d(shares, (logits.shape[-2], logits.shape[-1]))
        total = total + weight * (soft_cross_entropy(logits, reduced) + batch_dice_loss(logits, reduced))
    return total / sum(weights)


def prompted_loss(logits: Tensor, target: Tensor, quality: Tensor) -> Tensor:
    """Loss of answers to prompts, `(asked, 1, rows, columns)`.

    target: shares of a pixel, same shape. quality: `(asked,)`, the IoU that the network expects of its answer.

    Binary cross-entropy, weighted six times near the structure where its border is decided, plus Dice of each answer,
    plus half the squared error of the expected IoU.
    """
    p = torch.sigmoid(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    near = functional.max_pool2d(functional.max_pool2d(target, (25, 1), 1, (12, 0)), (1, 25), 1, (0, 12))
    weighted = (entropy * (0.2 + near)).mean() * 4.0
    overlap = (p * target).sum((1, 2, 3))
    size = (p.square() + target.square()).sum((1, 2, 3))
    dice = 1 - (2 * overlap + 1) / (size + 1)
    answered, wanted = (logits > 0).float(), (target > 0.5).float()
    iou = ((answered * wanted).sum((1, 2, 3)) + 1) / (torch.maximum(answered, wanted).sum((1, 2, 3)) + 1)
    return weighted + dice.mean() + 0.5 * (quality - iou.detach()).square().mean()


def dice_and_entropy_loss(logits: Tensor, wanted: Tensor, quality: Tensor, quality_weight: float) -> Tensor:
    """Loss of each answer `(structures,)`: 1 - soft Dice, plus mean binary cross-entropy, both with a sigmoid.

    logits, wanted: `(structures, rows, columns)`, wanted as shares of the pixel. Dice and cross-entropy in equal parts
    are what the published fine-tunings minimize (Chao 2023, MedSAM, Stein 2023). Added to them: the
    weighted squared error of `quality` `(structures,)`, so that the IoU the network expects of itself stays true.
    """
    p = torch.sigmoid(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((1, 2))
    overlap, size = (p * wanted).sum((1, 2)), (p.square() + wanted.square()).sum((1, 2))
    answered, expected = (logits > 0).float(), (wanted > 0.5).float()
    iou = ((answered * expected).sum((1, 2)) + 1) / (torch.maximum(answered, expected).sum((1, 2)) + 1)
    return entropy + 1 - (2 * overlap + 1) / (size + 1) + quality_weight * (quality - iou.detach()).square()
