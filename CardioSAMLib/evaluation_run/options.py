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
    """What a user may choose. Raises UnusableInput where one choice leaves nothing for another to say.

    model_id: "" for the default model. predictions: folder of another tool's labels; None has the model draw.
    label_map: of those labels, for `io.predictions.parse_label_map`; "" for that of ACDC.
    predictions_prompts: what the tool that made them was shown; only results of one source are tested against another.
    split, protocol, part: which patients; all of the folder where neither split nor protocol is given. Without a part
    those of the validation are scored, see `scored_part`.
    box_jitter_px: how far boxes are off, one row of a table each. workers: processes; each then has one thread.
    """

    model_id: str = ""
    predictions: Path | None = None
    label_map: str = ""
    predictions_prompts: PromptSource = PromptSource.unknown
    split: Path | None = None
    protocol: str | None = None
    part: Part | None = None
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
        if self.predictions is not None and self.model_id:
            raise UnusableInput("With --predictions no model runs; leave out --model or --predictions.")
        if self.predictions is None and self.label_map:
            raise UnusableInput("--label-map is that of predictions; give it together with --predictions.")
        if self.part is not None and self.split is None and self.protocol is None:
            raise UnusableInput("--part is one of a split or protocol; give one of them, too, or leave out the part.")
        if self.predictions is None:
            object.__setattr__(self, "model_id", self.model_id or DEFAULT_MODEL_ID)
        else:
            object.__setattr__(self, "label_map", self.label_map or ACDC.name)

    @property
    def scored_part(self) -> Part:
        return self.part or Part.validation

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
