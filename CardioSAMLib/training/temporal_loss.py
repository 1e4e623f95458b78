"""How the temporal module learns from cines of which two frames are labeled (Jain 2026, completed).

Labeled frames: the composite loss. All other frames: close to a teacher, the same network without the temporal module,
which answered each frame alone. And a cycle loss on the embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import functional

from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.networks.temporal import CyclePredictors
from CardioSAMLib.training.composite_loss import LossOptions, composite_loss


@dataclass(frozen=True)
class TemporalLossOptions:
    """labels: loss of the labeled frames. consistency, cycle: weights of the other two terms."""

    labels: LossOptions = field(default_factory=LossOptions)
    consistency: float = 1.0
    cycle: float = 0.1


@dataclass(frozen=True, eq=False)
class CycleTargets:
    """What is known of the frames of a batch of cines, which are counted in one row, those of a cine together.

    labeled: bool `(frames,)`. shares: `(labeled frames, classes, rows, columns)`, of these frames alone.
    teacher: logits `(frames, classes, rows, columns)`, no gradient.
    """

    labeled: Tensor
    shares: Tensor
    teacher: Tensor


def temporal_loss(
    outputs: Outputs,
    embeddings: Tensor,
    targets: CycleTargets,
    predictors: CyclePredictors,
    options: TemporalLossOptions,
) -> Tensor:
    """The three terms together.

    outputs: of `TemporalDecoder`, for the frames of the targets. embeddings: what the temporal module returned,
    `(batch, frames, width, rows/16, columns/16)`.
    """
    labeled = targets.labeled
    supervised = Outputs(
        tuple(logits[labeled] for logits in outputs.logits),
        None if outputs.boundary is None else outputs.boundary[labeled],
    )
    return (
        composite_loss(supervised, targets.shares, options.labels)
        + options.consistency * teacher_divergence(outputs.logits[0][~labeled], targets.teacher[~labeled])
        + options.cycle * cycle_loss(embeddings, predictors)
    )


def teacher_divergence(logits: Tensor, teacher: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the answer from the teacher's, mean over pixels; 0 without frames.

    Both logits `(frames, classes, rows, columns)`.
    """
    if not len(logits):
        return logits.sum()
    student = functional.log_softmax(logits.float(), dim=1)
    known = functional.log_softmax(teacher.float(), dim=1)
    return (known.exp() * (known - student)).sum(dim=1).mean()


def cycle_loss(embeddings: Tensor, predictors: CyclePredictors) -> Tensor:
    """Mean squared difference between embeddings and themselves, predicted to the next frame and back.

    As published. It does not ask that the next frame be met on the way: two predictors that change nothing have no
    loss.
    """
    return functional.mse_loss(predictors(embeddings).float(), embeddings.float())
