"""What a user may choose about an evaluation (floor 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.named import Part
from CardioSAMLib.labels import ACDC
from CardioSAMLib.resources import DEFAULT_MODEL_ID


class HeartBoxChoice(str, Enum):
    """Who places the box around the heart: the model, the reference labels, or the one beside the other."""

    automatic = "automatic"
    reference = "reference"
    both = "both"


class PromptSource(str, Enum):
    """What another tool was shown of the heart: nothing, prompts made from the reference labels, or not said."""

    automatic = "automatic"
    reference = "reference"
    unknown = "unknown"


@dataclass(frozen=True)
class EvaluationOptions:
    """What a user may choose.

    predictions: folder of another tool's labels; None has the model draw.
    label_map: of those labels, for `io.predictions.parse_label_map`.
    predictions_prompts: what the tool that made them was shown; only results of one source are tested against another.
    split, protocol, part: which patients; all of the folder where neither split nor protocol is given.
    box_jitter_px: how far boxes are off, one row of a table each. workers: processes; each then has one thread.
    """

    model_id: str = DEFAULT_MODEL_ID
    predictions: Path | None = None
    label_map: str = ACDC.name
    predictions_prompts: PromptSource = PromptSource.unknown
    split: Path | None = None
    protocol: str | None = None
    part: Part = Part.validation
    heart_box: HeartBoxChoice = HeartBoxChoice.automatic
    box_jitter_px: tuple[float, ...] = ()
    jitter_seed: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        with_boxes = self.heart_box is not HeartBoxChoice.automatic or self.box_jitter_px
        if self.predictions is not None and with_boxes:
            raise UnusableInput(
                "Predictions that are there take no box around the heart; leave out --heart-box and --box-jitter."
            )
        if self.predictions is None and self.predictions_prompts is not PromptSource.unknown:
            raise UnusableInput("--prompt-source says how predictions were made; give it together with --predictions.")

    @property
    def prompt_source(self) -> str:
        """Who placed the boxes or other prompts of the figures that count; see `PromptSource`."""
        if self.predictions is not None:
            return self.predictions_prompts.value
        reference = self.heart_box is HeartBoxChoice.reference
        return HeartBoxChoice.reference.value if reference else HeartBoxChoice.automatic.value


def parse_jitter(text: str) -> tuple[float, ...]:
    """Pixels by which boxes are off, from a text like `0,5,10`; none from "". Raises UnusableInput for others."""
    try:
        pixels = tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        pixels = (-1.0,)
    if not all(0.0 <= value < math.inf for value in pixels):
        raise UnusableInput(f"{text!r} is no list of pixels that a box is off; give numbers like 0,5,10,15,20.")
    return pixels
