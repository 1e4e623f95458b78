"""The official segment-anything models (ViT-B, L, H) and MedSAM, from checkpoint files that the user has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import Array
from CardioSAMLib.networks.sam_architectures import PATCH_PX
from CardioSAMLib.segmentation.checkpoint_model import (
    DEFAULT_INPUT_SIZE_PX,
    CheckpointModel,
    check_input_size,
    torch_device,
)
from CardioSAMLib.segmentation.device import Device, Notify, log_warning
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.sam_checkpoint import SamCheckpoint, fitted_weights, read_checkpoint
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS, sam_image
from CardioSAMLib.segmentation.sam_prompts import SamPrompts

if TYPE_CHECKING:
    import torch


def load_sam(
    checkpoint: Path | str,
    normalization: str | None = None,
    input_size_px: int = DEFAULT_INPUT_SIZE_PX,
    device: str | None = None,
    notify: Notify = log_warning,
    model_id: str | None = None,
) -> SamModel:
    """The model of a checkpoint file; which of them it is, is seen from the file.

    normalization: "sam" or "medsam"; may be left out where the file says it, or is one that Meta published.
    input_size_px: 224 to 1024 in steps of 16; 1024 is what the official weights were trained for.
    device: "cuda", "mps" or "cpu"; None takes the fastest there is. notify: is told if its memory runs out.
    model_id: what it calls itself; None: normalization, architecture and size.
    Raises UnusableInput with what to do where the file, the size or the device cannot be used.
    """
    check_input_size(input_size_px, PATCH_PX)
    chosen = torch_device(device, "torch")
    return SamModel(read_checkpoint(checkpoint, normalization), input_size_px, chosen, notify, model_id)


class SamModel(CheckpointModel):
    """A `PromptableModel` made of a SAM checkpoint. It looks at the slice itself, not at its neighbors.

    network: `image_encoder`, `prompt_encoder` and `mask_decoder`, with the weights that it draws with.
    """

    embedding_names = ("image_embedding",)

    def __init__(
        self,
        checkpoint: SamCheckpoint,
        input_size_px: int,
        device: Device,
        notify: Notify = log_warning,
        model_id: str | None = None,
    ) -> None:
        from CardioSAMLib.networks.sam import sam_network

        self.checkpoint = checkpoint
        self.preprocessing = f"{checkpoint.normalization}-slice-v1"
        network = sam_network(checkpoint.architecture, input_size_px)
        network.load_state_dict(fitted_weights(checkpoint, input_size_px), assign=True)
        named = model_id or f"{checkpoint.normalization}-{checkpoint.architecture.id}-{input_size_px}"
        super().__init__(named, checkpoint.sha256, network, input_size_px, device, notify)

    def image_of(self, planes: Array, region: HeartBox | None, pixel_mm: tuple[float, float]) -> ModelImage:
        """See `PromptableModel`."""
        normalization = NORMALIZATIONS[self.checkpoint.normalization]
        return sam_image(planes[1], region, pixel_mm, normalization, self.input_size_px)

    @property
    def _prompt_encoder(self) -> Any:
        return self.network["prompt_encoder"]

    def _encoded(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        return [self.network["image_encoder"](pixels)]

    def _prompted(self, prompts: SamPrompts) -> tuple[torch.Tensor, torch.Tensor]:
        # The prompt encoder adds SAM's padding point itself where there are points and no box.
        sparse, dense = self._prompt_encoder(
            points=(self._tensor(prompts.points_xy)[None], self._tensor(prompts.labels)[None])
            if len(prompts.labels)
            else None,
            boxes=None if prompts.box_xyxy is None else self._tensor(prompts.box_xyxy)[None],
            masks=None if prompts.mask is None else self._tensor(prompts.mask)[None, None],
        )
        return sparse, dense

    def _decoded(
        self, maps: list[torch.Tensor], sparse: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        low, iou = self.network["mask_decoder"](
            image_embeddings=maps[0],
            image_pe=self._prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        return low, iou
