"""The loss of the CardioSAM paper (Jain 2026): overlap, pixels, boundaries and anatomy, each with its weight.

Targets are shares, float `(batch, classes, rows, columns)`, which sum to 1 in every pixel; class 0 is the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.training.boundary_targets import boundary_distances_px, boundary_target
from CardioSAMLib.training.losses import soft_cross_entropy

PIXEL_TERMS = ("focal", "cross-entropy")
_EPSILON = 1e-5
_BACKGROUND = 0
_LV, _RV = STORAGE.value_of(Structure.LV), STORAGE.value_of(Structure.RV)
_NEVER_TOUCH = ((_LV, _BACKGROUND), (_LV, _RV))
"""Between LV and these lies myocardium, but where the label itself is open (at the base)."""


@dataclass(frozen=True)
class LossOptions:
    """Weights of the terms, 0 leaves a term out, and what shapes them.

    dice, pixel, boundary, structural: the paper's lambda 1 to 4. pixel_term: which loss per pixel. auxiliary: of the
    boundary map, where the network draws one. gamma: of the focal loss. inverse_frequency: the focal loss weighs each
    class by one over its share of the batch. theta_per_px: how fast the boundary term's weight falls per pixel of the
    network's input.

    Raises UnusableInput for an unknown pixel term, a theta of 0, and if no term looks at the segmentation.
    """

    dice: float = 1.0
    pixel: float = 1.0
    pixel_term: Literal["focal", "cross-entropy"] = "focal"
    boundary: float = 0.5
    structural: float = 0.1
    auxiliary: float = 0.5
    gamma: float = 2.0
    inverse_frequency: bool = False
    theta_per_px: float = 0.2

    def __post_init__(self) -> None:
        if self.pixel_term not in PIXEL_TERMS:
            raise UnusableInput(f"No pixel term is called {self.pixel_term!r}; use one of {', '.join(PIXEL_TERMS)}.")
        weights = (self.dice, self.pixel, self.boundary, self.structural, self.auxiliary)
        if min(weights) < 0 or max(self.dice, self.pixel, self.boundary) == 0:
            raise UnusableInput("A loss needs weights of at least 0, and dice, pixel or boundary above 0.")
        if self.gamma < 0 or self.theta_per_px <= 0:
            raise UnusableInput("A loss needs a gamma of at least 0 and a theta_per_px above 0.")


def composite_loss(outputs: Outputs, shares: Tensor, options: LossOptions) -> Tensor:
    """The weighted sum of the terms; of coarser logits, each level counts half as much as the finer one before it.

    The weights of the levels sum to 1, as in `losses.deep_supervision_loss`; coarser levels see averaged shares.
    """
    shares = shares.float()
    weights = [0.5**level for level in range(len(outputs.logits))]
    total = torch.zeros((), device=shares.device)
    for weight, logits in zip(weights, outputs.logits, strict=True):
        reduced = functional.adaptive_avg_pool2d(shares, (logits.shape[-2], logits.shape[-1]))
        input_px = shares.shape[-1] / logits.shape[-1]
        # In full precision: sums over a batch's pixels lose their digits in half of it.
        total = total + weight / sum(weights) * _segmentation_loss(logits.float(), reduced, options, input_px)
    if outputs.boundary is not None and options.auxiliary:
        total = total + options.auxiliary * auxiliary_loss(outputs.boundary.float(), shares)
    return total


def _segmentation_loss(logits: Tensor, shares: Tensor, options: LossOptions, input_px: float) -> Tensor:
    """input_px: how many pixels of the network's input a pixel of these logits is long."""
    total = torch.zeros((), device=logits.device)
    if options.dice:
        total = total + options.dice * dice_loss(logits, shares)
    if options.pixel:
        if options.pixel_term == "focal":
            pixel = focal_loss(logits, shares, options.gamma, options.inverse_frequency)
        else:
            pixel = soft_cross_entropy(logits, shares)
        total = total + options.pixel * pixel
    if options.boundary:
        total = total + options.boundary * boundary_loss(logits, shares, options.theta_per_px * input_px)
    if options.structural:
        total = total + options.structural * structural_loss(logits, shares)
    return total


def dice_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """1 - mean over the structures of (2 sum py + e) / (sum p + sum y + e), sums over the pixels of the batch.

    The paper's denominator has no squares, unlike that of `losses.batch_dice_loss`.
    """
    p, y = torch.softmax(logits, dim=1)[:, 1:], shares[:, 1:]
    return 1.0 - _dice(p, y).mean()


def _dice(p: Tensor, y: Tensor) -> Tensor:
    """Dice of each channel over all pixels of the batch, `(channels,)`; both `(batch, channels, rows, columns)`."""
    over = (0, 2, 3)
    return (2.0 * (p * y).sum(over) + _EPSILON) / (p.sum(over) + y.sum(over) + _EPSILON)


def focal_loss(logits: Tensor, shares: Tensor, gamma: float, inverse_frequency: bool) -> Tensor:
    """Mean over pixels of -sum over classes a (1 - p)^gamma y log p (Lin 2017).

    a is 1, or with `inverse_frequency` the inverse of the class's share of the batch, scaled so that a pixel weighs 1
    on average; a class that the batch lacks has no pixel to weigh.
    """
    log_p = functional.log_softmax(logits, dim=1)
    # Not down to 0, where a gamma below 1 has no slope.
    missing = (-torch.expm1(log_p)).clamp(min=1e-6)
    each = -(missing**gamma) * shares * log_p
    if inverse_frequency:
        frequency = shares.mean(dim=(0, 2, 3))
        present = frequency > 0
        weights = torch.where(present, 1.0 / (present.sum() * frequency.clamp(min=1e-12)), 0.0)
        each = each * weights[:, None, None]
    return each.sum(dim=1).mean()


def boundary_loss(logits: Tensor, shares: Tensor, theta_per_px: float) -> Tensor:
    """Mean of each structure's binary cross-entropy, weighted by exp(-theta * distance to the structure's boundary).

    Distances are of the hard labels (largest share). A structure without a boundary in a slice has no weight there.
    """
    distances = boundary_distances_px(shares.argmax(dim=1), shares.shape[1])
    weights = torch.exp(-theta_per_px * distances)
    each = functional.binary_cross_entropy_with_logits(_against_the_rest(logits), shares[:, 1:], reduction="none")
    return (weights * each).sum() / (weights.sum() + _EPSILON)


def _against_the_rest(logits: Tensor) -> Tensor:
    """Logits whose sigmoid is the softmax of each structure: z minus log-sum-exp of all other classes' z."""
    classes = logits.shape[1]
    rest = [
        torch.cat([logits[:, :value], logits[:, value + 1 :]], dim=1).logsumexp(dim=1) for value in range(1, classes)
    ]
    return logits[:, 1:] - torch.stack(rest, dim=1)


def structural_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Share of all neighboring pixels at which LV touches background or RV, beyond what the label itself has.

    Neighbors are of four. A pair touches by p_ia p_jb + p_ib p_ja. The label's contacts are subtracted slice by slice:
    a label open at the base excuses no contact in another slice.
    """
    p = torch.softmax(logits, dim=1)
    batch, _, rows, columns = p.shape
    excess = torch.stack([(_contact(p, a, b) - _contact(shares, a, b)).clamp(min=0.0) for a, b in _NEVER_TOUCH])
    return excess.sum() / (batch * (rows * (columns - 1) + (rows - 1) * columns))


def _contact(shares: Tensor, a: int, b: int) -> Tensor:
    """How many pairs of neighbors are of the classes a and b, in each slice, `(batch,)`."""
    total = torch.zeros(len(shares), device=shares.device)
    for axis in (2, 3):
        length = shares.shape[axis]
        one, other = shares.narrow(axis, 0, length - 1), shares.narrow(axis, 1, length - 1)
        total = total + (one[:, a] * other[:, b] + one[:, b] * other[:, a]).sum(dim=(1, 2))
    return total


def auxiliary_loss(boundary: Tensor, shares: Tensor) -> Tensor:
    """Binary cross-entropy plus Dice of a boundary map against the labels' boundary; boundary: logits."""
    target = boundary_target(shares.argmax(dim=1), (boundary.shape[-2], boundary.shape[-1]))
    dice = 1.0 - _dice(torch.sigmoid(boundary), target).mean()
    return functional.binary_cross_entropy_with_logits(boundary, target) + dice
