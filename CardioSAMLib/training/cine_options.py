"""What can be chosen of a training on whole cines."""

from __future__ import annotations

from dataclasses import dataclass

from CardioSAMLib.cine import UnusableInput


@dataclass(frozen=True)
class CineOptions:
    """How a network with the temporal module learns (`temporal_loss`). A cycle is one slice in all frames of a cine.

    cycles: per step. teacher_frames: of each cycle, how many unlabeled frames, drawn anew in every step, are compared
    with the teacher's answers. consistency, cycle_loss: weights of these comparisons and of the cycle loss, beside the
    loss of the labeled frames.
    """

    cycles: int = 2
    teacher_frames: int = 6
    consistency: float = 1.0
    cycle_loss: float = 0.1

    def __post_init__(self) -> None:
        if self.cycles < 1 or min(self.teacher_frames, self.consistency, self.cycle_loss) < 0:
            raise UnusableInput("The table [cines] needs 1 or more cycles, and no other value below 0.")
