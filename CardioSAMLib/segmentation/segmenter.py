"""What every automatic segmenter offers, and how one is made from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from CardioSAMLib.cine import Cine, UnusableInput
from CardioSAMLib.labels import CineSegmentation
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.resources import AUTOMATIC, CHECKPOINT_SUFFIX, PROMPTABLE, ModelCard, check_downloaded
from CardioSAMLib.segmentation.device import Notify, log_warning
from CardioSAMLib.segmentation.promptable import PromptableModel

if TYPE_CHECKING:
    from CardioSAMLib.segmentation.automatic import CropSegmenter


class Segmenter(Protocol):
    """Draws LV, MYO and RV on frames of a short-axis cine."""

    def segment(self, cine: Cine, frames: Sequence[int], progress: Progress = silent) -> CineSegmentation:
        """Labels of the given 0-based frames on the cine's own grid; the other frames stay background."""
        ...


def segmenter_of(card: ModelCard, threads: int = 0) -> CropSegmenter:
    """The `Segmenter` of a catalogue entry. threads: that one call computes with, 0 one per core.

    Raises UnusableInput if it does not draw by itself, or its file is missing, is not the one of the catalogue, or
    wants another preprocessing.
    """
    from CardioSAMLib.segmentation.automatic import CropSegmenter
    from CardioSAMLib.segmentation.onnx_network import OnnxNetwork

    if card.kind != AUTOMATIC:
        raise UnusableInput(f"{card.id} draws only what it is prompted for; choose a model that draws by itself.")
    check_downloaded(card)
    return CropSegmenter(OnnxNetwork(card, threads), card)


def promptable_of(
    card: ModelCard, threads: int = 0, device: str | None = None, notify: Notify = log_warning
) -> PromptableModel:
    """The promptable model of a catalogue entry; for `Prompter`.

    threads: that one call computes with, 0 one per core; a checkpoint of SAM computes with those of torch.
    device, notify: for a checkpoint of SAM, see `load_sam`; small models run on the CPU.

    Raises UnusableInput if it takes no prompts, a file is missing, is not the one of the catalogue, or wants another
    preprocessing, or the device is not there.
    """
    from CardioSAMLib.segmentation.checkpoint_model import model_of_card
    from CardioSAMLib.segmentation.compact_model import CompactModel
    from CardioSAMLib.segmentation.sam2_models import load_sam2
    from CardioSAMLib.segmentation.sam2_network import ARCHITECTURES
    from CardioSAMLib.segmentation.sam_models import load_sam

    check_downloaded(card)
    if card.kind == PROMPTABLE and card.architecture in {known.id for known in ARCHITECTURES}:
        return model_of_card(card, partial(load_sam2, device=device, notify=notify))
    if card.kind == PROMPTABLE and card.file.endswith(CHECKPOINT_SUFFIX):
        return model_of_card(card, partial(load_sam, device=device, notify=notify))
    return CompactModel(card, threads)
