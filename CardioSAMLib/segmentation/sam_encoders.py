"""The image encoder of a checkpoint of segment-anything or MedSAM, for networks that are trained on its embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from CardioSAMLib.networks.sam_architectures import PATCH_PX
from CardioSAMLib.resources import ModelCard
from CardioSAMLib.segmentation.checkpoint_model import check_input_size, check_is_of_card
from CardioSAMLib.segmentation.sam_checkpoint import fitted_weights, read_checkpoint

if TYPE_CHECKING:
    from CardioSAMLib.networks.sam_encoder import SamEncoder

_PREFIX = "image_encoder."


def sam_encoder_of(source: Path | str | ModelCard, size_px: int, normalization: str | None = None) -> SamEncoder:
    """The frozen encoder on the CPU, its positions fitted to images of `size_px`.

    source: a checkpoint file as `load_sam` takes it, or the catalogue entry of one. size_px: 224 to 1024 in steps of
    16. normalization: "sam" or "medsam"; may be left out where the file says it, or is one that Meta published.
    Raises UnusableInput with what to do where file or size cannot be used.
    """
    check_input_size(size_px, PATCH_PX)
    import torch

    from CardioSAMLib.networks.sam_encoder import SamEncoder

    checkpoint = read_checkpoint(source.path if isinstance(source, ModelCard) else source, normalization)
    if isinstance(source, ModelCard):
        check_is_of_card(checkpoint.sha256, source)
    weights = fitted_weights(checkpoint, size_px)
    with torch.device("meta"):
        encoder = SamEncoder(checkpoint.architecture, size_px, checkpoint.normalization)
    own = {name: weight for name, weight in weights.items() if name.startswith(_PREFIX)}
    encoder.load_state_dict(own, assign=True)
    return encoder
